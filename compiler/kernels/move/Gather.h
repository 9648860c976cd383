//===- Gather.h - Indices of the run -----------------------------*- C++ -*-===//
#ifndef QCC_COMPILER_KERNELS_GATHER_H
#define QCC_COMPILER_KERNELS_GATHER_H

#include "compiler/kernels/LoopNest.h"

namespace qcc::kernels {

/// An index of an axis of `size` elements, counted from the front and in range: a wrong one becomes the
/// nearest.
mlir::Value nearestIndex(const Code &code, Expr index, int64_t size);
/// Lanes would need one index each where the indices change along them, which is along the last axis with
/// more than one element.
bool changesInRows(const View &index);

} // namespace qcc::kernels

#endif // QCC_COMPILER_KERNELS_GATHER_H
