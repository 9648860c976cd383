//===- PairTile.h - Rows of bf16 times a matrix, by pairs -------*- C++ -*-===//
#ifndef QCC_COMPILER_KERNELS_PAIRTILE_H
#define QCC_COMPILER_KERNELS_PAIRTILE_H

#include "compiler/kernels/matmul/ProductTile.h"

namespace qcc::kernels {

/// `height` rows of a product of two matrices of bf16, on x86, where two numbers of depth are multiplied and
/// added at once if the variant has an instruction for it. Rows of the left operand lie side by side: of bf16
/// with that instruction (an odd depth is followed by a zero), else of f32, in which bf16 were widened.
struct PairTile {
  enum class Right {
    Turned, ///< pairs of depth of all columns, then the next pairs; at least a vector of 16 bytes can be read
    Rows,   ///< all columns, a multiple of 8, of one number of depth, then of the next one
  };
  mlir::Value left, right;      ///< the first row's first element; the right operand's
  int64_t leftRow, rightStride; ///< in bytes: between rows, between what lies one behind the other
  Right form;
  int64_t height, depth, columns; ///< of Turned the depth is even
  /// As those of ProductTile; the depth of Rows alone may have fewer.
  mlir::Value depthCount = {}, columnCount = {};

  void emit(const Code &code, bool sideBySide, ProductTile::Finish finish) const;
};

} // namespace qcc::kernels

#endif // QCC_COMPILER_KERNELS_PAIRTILE_H
