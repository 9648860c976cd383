//===- LeadingRows.h - Rows that a shorter run has no use for ---*- C++ -*-===//
#ifndef QCC_COMPILER_LOWER_LEADINGROWS_H
#define QCC_COMPILER_LOWER_LEADINGROWS_H

#include "compiler/support/Lengths.h"

namespace qcc::lower {

/// For each tensor whose leading axis (of those with more than one position) is bounded: how many of its rows
/// a run has a use for. Of the others nothing is read but by operations that keep rows apart, or choose:
/// stage simplify has seen to that.
class LeadingRows {
public:
  explicit LeadingRows(mlir::func::FuncOp source);
  /// Fixed where all of them count, or are filled.
  Extent of(mlir::Value value) const {
    return filled.contains(value) ? Extent() : rows.lookup_or(value, Extent());
  }

private:
  Extent infer(mlir::Operation *op) const;
  Extent common(mlir::Operation *op) const;
  Extent windows(mlir::Operation *op) const;
  llvm::DenseMap<mlir::Value, Extent> rows; ///< that count
  llvm::DenseSet<mlir::Value> filled;       ///< what is behind those is read
};

/// The size of the first axis with more than one position, 1 if there is none.
int64_t leadingSize(llvm::ArrayRef<int64_t> shape);

} // namespace qcc::lower

#endif // QCC_COMPILER_LOWER_LEADINGROWS_H
