//===- Fill.h - Constant bytes around and inside views ----------*- C++ -*-===//
#ifndef QCC_COMPILER_KERNELS_FILL_H
#define QCC_COMPILER_KERNELS_FILL_H

#include "compiler/kernels/LoopNest.h"
#include "compiler/kernels/Spec.h"

namespace qcc::kernels {

/// Nests over the parts of `outer` that lie outside [first, first + size), each
/// part once.
llvm::SmallVector<LoopNest, 0> ringNests(const View &outer, llvm::ArrayRef<int64_t> first,
                                         llvm::ArrayRef<int64_t> size);
/// The units of a kernel that runs all the nests by shares.
int64_t unitsOf(llvm::ArrayRef<LoopNest> nests);
/// The value where it is written, as one or as a vector.
using FillValue = llvm::function_ref<Expr(const Point &point)>;
void emitFill(const Code &code, llvm::ArrayRef<LoopNest> nests, int64_t units, mlir::Value pointer,
              mlir::Value begin, mlir::Value end, FillValue value);
/// A value that is known when the code is written.
Expr constantAt(const Point &point, double value);

} // namespace qcc::kernels

#endif // QCC_COMPILER_KERNELS_FILL_H
