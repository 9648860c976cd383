//===- Weights.h - Constant weights as 8-bit integers -----------*- C++ -*-===//
#ifndef QCC_COMPILER_QUANTIZE_WEIGHTS_H
#define QCC_COMPILER_QUANTIZE_WEIGHTS_H

#include "dialects/Qcc.h"

namespace qcc::quantize {

/// A convolution or product with constant f32 weights.
bool hasFloatWeights(mlir::Operation *op);

/// An error at `op` where a weight is not finite.
mlir::LogicalResult checkFinite(mlir::Operation *op, const reference::Tensor &weights);

/// Replaces the weights of `op` by the dequantize of an i8 constant with one scale
/// for each output channel (one for all in a grouped transposed convolution,
/// whose channels have no axis of their own), and adds `correction`, if there is
/// one, to its bias.
mlir::LogicalResult quantizeWeights(mlir::Operation *op, llvm::ArrayRef<float> correction,
                                    mlir::OpBuilder &builder);

/// Replaces the weights of `op` by the numbers that those integers stand for.
mlir::LogicalResult roundWeights(mlir::Operation *op, mlir::OpBuilder &builder);

} // namespace qcc::quantize

#endif // QCC_COMPILER_QUANTIZE_WEIGHTS_H
