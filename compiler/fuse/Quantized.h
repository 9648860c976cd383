//===- Quantized.h - Quantised values and their neighbours ------*- C++ -*-===//
#ifndef QCC_COMPILER_FUSE_QUANTIZED_H
#define QCC_COMPILER_FUSE_QUANTIZED_H

#include "compiler/support/Rewrite.h"

namespace qcc::fuse {

/// The type of a tensor that integer kernels take: 8 bits, one scale. Else null.
mlir::quant::UniformQuantizedType activationType(mlir::Value value);

/// The stored integers that `value` is the dequantize of; null if it is none or
/// they are no activation.
mlir::Value dequantized(mlir::Value value);

/// The quantize to an activation type that alone uses `value`, or null.
QuantizeOp soleQuantize(mlir::Value value);

/// The operands that the operation moves or selects values of; nothing where it
/// computes new ones.
std::optional<llvm::SmallVector<mlir::OpOperand *>> movedOperands(mlir::Operation *op);

/// Notes why an operation stays in float; the first reason given counts.
llvm::LogicalResult stayFloat(mlir::Operation *op, const llvm::Twine &reason);

} // namespace qcc::fuse

#endif // QCC_COMPILER_FUSE_QUANTIZED_H
