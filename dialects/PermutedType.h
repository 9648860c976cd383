//===- PermutedType.h - The type of a transposed tensor ---------*- C++ -*-===//
#ifndef QCC_DIALECTS_PERMUTEDTYPE_H
#define QCC_DIALECTS_PERMUTEDTYPE_H

#include "mlir/IR/BuiltinTypes.h"

namespace qcc {

/// Axis i of the result is axis perm[i] of `type`; a quantised type's scales follow their axes.
mlir::RankedTensorType permutedType(mlir::RankedTensorType type, llvm::ArrayRef<int64_t> perm);

} // namespace qcc

#endif // QCC_DIALECTS_PERMUTEDTYPE_H
