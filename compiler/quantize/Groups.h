//===- Groups.h - Weights of 4 bits in groups (q13) -------------*- C++ -*-===//
#ifndef QCC_COMPILER_QUANTIZE_GROUPS_H
#define QCC_COMPILER_QUANTIZE_GROUPS_H

#include "dialects/Qcc.h"

namespace qcc::quantize {

/// Small matrices stay int8: they fit into caches anyway, and the small ones of transformers (queries, keys,
/// values) cost most accuracy for each byte that they save.
/// Why one of `count` weights, `depth` to a sum, stays int8 where those from `least` on do not; empty where
/// it does not.
std::string whyInt8(int64_t depth, int64_t count, int64_t least);

/// The scale, a bf16 of either sign, with which -8..7 come nearest to `count` numbers in the mean square.
float chooseGroupScale(const float *values, int64_t count);

/// rint(value / scale) in -8..7.
int8_t quantizeToGroup(float value, float scale);

/// An i4 constant in groups of 32 along `axis`. Element i, in row-major order of `shape`, is element
/// `from(i)` of `weights`.
mlir::Value createGroupedWeights(mlir::OpBuilder &builder, mlir::Location loc,
                                 const reference::Tensor &weights, llvm::ArrayRef<int64_t> shape,
                                 int64_t axis, llvm::function_ref<int64_t(int64_t)> from);

/// Why the constant weights of an operation on floats are not stored so; empty where they are.
std::string whyNotGrouped(mlir::Operation *op, int64_t least);
/// Replaces them by the dequantize of such a constant.
mlir::LogicalResult groupWeights(mlir::Operation *op, mlir::OpBuilder &builder);

} // namespace qcc::quantize

#endif // QCC_COMPILER_QUANTIZE_GROUPS_H
