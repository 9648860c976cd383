//===- Rows.h - Rows of tensors, each walked several times ------*- C++ -*-===//
#ifndef QCC_COMPILER_KERNELS_ROWS_H
#define QCC_COMPILER_KERNELS_ROWS_H

#include "compiler/kernels/LoopNest.h"

namespace qcc::kernels {

/// A row is what lies behind one index of the first `axis` axes, of any number of
/// axes itself. Elements side by side in every tensor are taken in vectors.
class Rows {
public:
  /// All views have the rank of `shape`, a stride of 0 where they repeat.
  Rows(llvm::ArrayRef<int64_t> shape, llvm::ArrayRef<View> views, unsigned axis);

  int64_t units() const { return nest.units(); }
  int64_t count() const { return elements; } ///< of a row
  /// Visits the rows of the units [begin, end); addresses are those of a row's first elements. With a
  /// `limit`, only those whose index along the leading axis, the first that has more than one, is less.
  using RowBody = llvm::function_ref<void(const Code &, llvm::ArrayRef<mlir::Value> addresses)>;
  void emit(const Code &code, mlir::ValueRange pointers, mlir::Value begin, mlir::Value end, RowBody body,
            mlir::Value limit = {}) const;

  /// One (vector of) element of a row.
  struct Element {
    const Code &code;
    llvm::ArrayRef<mlir::Value> addresses;
    const Rows &rows;
    Expr load(size_t view) const;
    void store(size_t view, Expr value) const;
  };
  void forEach(const Code &code, llvm::ArrayRef<mlir::Value> addresses,
               llvm::function_ref<void(const Element &)> visit) const;

  /// What a walk over a row computes: some values, each from a start, joined by `merge`.
  struct Fold {
    llvm::SmallVector<double> starts;
    llvm::function_ref<llvm::SmallVector<Expr>(const Element &, llvm::ArrayRef<Expr> values)> step;
    llvm::function_ref<Expr(size_t which, Expr a, Expr b)> merge;
  };
  llvm::SmallVector<Expr> fold(const Code &code, llvm::ArrayRef<mlir::Value> addresses, mlir::Type type,
                               const Fold &fold) const;

private:
  llvm::SmallVector<int64_t> row;
  llvm::SmallVector<View> views; ///< along a row's axes
  int64_t elements = 1;
  bool vectors = true;
  int64_t firstByte, leadingBytes = 1; ///< of the first view: where it begins, a step along the leading axis
  LoopNest nest;

  void mergeAxes();
  int64_t lanesFor(const Code &code) const;
  void forAxis(const Code &code, llvm::ArrayRef<mlir::Value> addresses, size_t axis,
               llvm::function_ref<void(const Element &)> visit) const;
  llvm::SmallVector<mlir::Value> foldAxis(const Code &code, llvm::ArrayRef<mlir::Value> addresses,
                                          mlir::Type type, size_t axis, const Fold &fold,
                                          mlir::ValueRange values) const;
};

} // namespace qcc::kernels

#endif // QCC_COMPILER_KERNELS_ROWS_H
