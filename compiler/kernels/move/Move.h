//===- Move.h - What moves values without computing -------------*- C++ -*-===//
#ifndef QCC_COMPILER_KERNELS_MOVE_H
#define QCC_COMPILER_KERNELS_MOVE_H

#include "compiler/kernels/Kernel.h"
#include <optional>

namespace qcc::kernels {

/// Where the results of a kernel that moves the elements of one operand lie within that operand, one view
/// for each; nothing where no view says it.
std::optional<llvm::SmallVector<View>> viewsWithinOperand(mlir::DictionaryAttr spec);

} // namespace qcc::kernels

#endif // QCC_COMPILER_KERNELS_MOVE_H
