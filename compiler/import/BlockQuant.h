//===- BlockQuant.h - Weights with a scale for each block -------*- C++ -*-===//
#ifndef QCC_COMPILER_IMPORT_BLOCKQUANT_H
#define QCC_COMPILER_IMPORT_BLOCKQUANT_H

#include "compiler/import/Importer.h"

namespace qcc::import {

/// Constants (values - zeros) * scales, where `size` values along `axis` share a scale and a zero point.
struct Blocks {
  reference::Tensor values, scales;
  std::optional<reference::Tensor> zeros;
  int64_t axis, size;
  unsigned bits;  ///< 4 or 8
  int64_t offset; ///< of values and zero points, to make them signed
};

/// A qcc.dequantize of a constant with scales in its type. Scales must be finite.
llvm::FailureOr<mlir::Value> dequantizeBlocks(Importer &importer, const Node &node, Blocks blocks);

/// A DequantizeLinear of a constant with a block size; nothing where the types do not reach.
llvm::FailureOr<std::optional<mlir::Value>> importBlockedDequantize(Importer &importer, const Node &node,
                                                                    int64_t axis, int64_t size);

/// com.microsoft's product with packed weights.
llvm::LogicalResult importMatMulNBits(Importer &importer, const Node &node);

} // namespace qcc::import

#endif // QCC_COMPILER_IMPORT_BLOCKQUANT_H
