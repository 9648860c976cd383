//===- ProductTile.h - Rows times a matrix, in registers --------*- C++ -*-===//
#ifndef QCC_COMPILER_KERNELS_PRODUCTTILE_H
#define QCC_COMPILER_KERNELS_PRODUCTTILE_H

#include "compiler/kernels/Expr.h"
#include "llvm/ADT/STLFunctionalExtras.h"

namespace qcc::kernels {

/// `height` rows of a product of two float matrices that lie as they were computed. Strides are in bytes.
struct ProductTile {
  mlir::Value left, right; ///< the first row's first element; the right operand's
  int64_t leftRow, leftDepth, rightDepth, rightColumn;
  mlir::Type leftElement, rightElement;
  mlir::Type type; ///< of the sums
  int64_t height, depth, columns;
  /// Where set: fewer of the depth; of the columns as many as vectors need to cover so many.
  mlir::Value depthCount = {}, columnCount = {};

  /// Hands on the sums of each row for (some neighbouring) columns, two vectors at a time where the right
  /// operand's columns and what `finish` writes lie side by side.
  using Finish = llvm::function_ref<void(const Code &, Expr sum, int64_t row, mlir::Value column)>;
  void emit(const Code &code, bool sideBySide, Finish finish) const;

private:
  void emitColumns(const Code &code, mlir::Value column, Finish finish) const;
};

/// Hands on blocks of up to `widest` columns that cover all, or the first `count` of them (may be null).
void forColumns(const Code &code, int64_t columns, int64_t widest, mlir::Value count,
                llvm::function_ref<void(int64_t width, mlir::Value first)> write);

} // namespace qcc::kernels

#endif // QCC_COMPILER_KERNELS_PRODUCTTILE_H
