//===- FloatProducts.h - Products that stay in float ------------*- C++ -*-===//
#ifndef QCC_COMPILER_FUSE_FLOATPRODUCTS_H
#define QCC_COMPILER_FUSE_FLOATPRODUCTS_H

#include "compiler/support/Weighted.h"

namespace qcc::fuse {

bool isF32(mlir::Value value);

/// A product with constant weights, by whichever kernel: its epilogue writes f32 or bf16.
std::optional<Weighted> productOf(mlir::Operation *op);

/// One of f32 operands, but no depthwise convolution: that has one filter for each channel, little
/// arithmetic, and stays in f32.
std::optional<Weighted> floatProductOf(mlir::Operation *op);

} // namespace qcc::fuse

#endif // QCC_COMPILER_FUSE_FLOATPRODUCTS_H
