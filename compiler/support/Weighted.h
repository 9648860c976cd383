//===- Weighted.h - Operations with weights, alike --------------*- C++ -*-===//
#ifndef QCC_COMPILER_SUPPORT_WEIGHTED_H
#define QCC_COMPILER_SUPPORT_WEIGHTED_H

#include "dialects/Qcc.h"

namespace qcc {

/// What rewrites need to know of a convolution or matrix product.
struct Weighted {
  mlir::OpOperand *input, *weights;
  mlir::MutableOperandRange bias; ///< empty or one value
  mlir::MutableOperandRange residual, table;
  int64_t channelAxis; ///< of the result
  int64_t channels;    ///< its size
  int64_t weightAxis;  ///< of the weights: where their output channels lie
  int64_t groups = 1;  ///< each has channels / groups indices on that axis
};

/// Nothing for other operations.
std::optional<Weighted> describeWeighted(mlir::Operation *op);

/// A product, convolution or recurrent layer with int8 weights, on activations that it finds measured or
/// measures itself at run time (q11).
bool isMeasured(mlir::Operation *op);

/// A constant, or the dequantize of one: weights that can be packed at compile time.
bool isKnown(mlir::Value value);

/// The type of constant weights that are floats of 16 bits and meet activations of f32, or of a table of such
/// rows; null where there are none.
mlir::Type halfWeightsOf(mlir::Operation *op);

/// No fused steps yet.
bool isPlain(mlir::Operation *op);

} // namespace qcc

#endif // QCC_COMPILER_SUPPORT_WEIGHTED_H
