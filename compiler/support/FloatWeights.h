//===- FloatWeights.h - Layers that compute in float ------------*- C++ -*-===//
#ifndef QCC_COMPILER_SUPPORT_FLOATWEIGHTS_H
#define QCC_COMPILER_SUPPORT_FLOATWEIGHTS_H

#include "compiler/support/Weighted.h"

namespace qcc {

bool isF32(mlir::Value value);

/// A product with constant weights, by whichever kernel: its epilogue writes f32 or bf16.
std::optional<Weighted> productOf(mlir::Operation *op);

/// One of f32 operands, but no depthwise convolution: that has one filter for each channel, little
/// arithmetic, and stays in f32.
std::optional<Weighted> floatProductOf(mlir::Operation *op);

/// A constant that kernels can read in 16 bits, seen as [outer][channels][inner]: an error is that of a
/// channel.
struct FloatWeights {
  mlir::OpOperand *operand;
  int64_t channels, inner;
};

/// Of float products, of recurrent layers, and of gathers from large tables; empty for all others.
llvm::SmallVector<FloatWeights, 2> floatWeightsOf(mlir::Operation *op);

/// Whether these weights come from beyond the second level of a cache and are used too seldom to be worth
/// the wait: 16 bits are faster on every processor (decision 0018 has the measurements).
bool isStreamed(mlir::Operation *op, llvm::ArrayRef<FloatWeights> weights);

/// What --precision=auto has decided about a float layer that is faster in 16 bits (decision 0024): an
/// attribute of its operation, {type = "bf16", decibels = 55.1}. bf16: activations and weights; f16: weights
/// alone; f32, with instead_of = "bf16" or "f16": these would have left so little signal over noise.
constexpr llvm::StringLiteral precisionAttr = "qcc.precision";

/// The type's word; empty where nothing was decided.
llvm::StringRef decidedPrecision(mlir::Operation *op);

} // namespace qcc

#endif // QCC_COMPILER_SUPPORT_FLOATWEIGHTS_H
