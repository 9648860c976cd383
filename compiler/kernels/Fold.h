//===- Fold.h - Many elements folded into one -------------------*- C++ -*-===//
#ifndef QCC_COMPILER_KERNELS_FOLD_H
#define QCC_COMPILER_KERNELS_FOLD_H

#include "compiler/kernels/LoopNest.h"

namespace qcc::kernels {

/// Elements of a contiguous line that are taken at once, of so many bytes; 1 where it is not contiguous. On a
/// GPU that is a warp of threads, or one.
int64_t lanesOfLine(const Code &code, bool isContiguous, int64_t size, int64_t bytes);

/// On the function of a kernel that has a warp for each point.
constexpr llvm::StringLiteral warpsAttr = "qcc.warps";

/// Where to begin, what one more element does, how two partial results join.
struct Fold {
  llvm::function_ref<Expr(const Code &)> start;
  /// `index` counts elements along the line.
  llvm::function_ref<Expr(const Code &, mlir::Value index, Expr sum)> step;
  llvm::function_ref<Expr(Expr, Expr)> merge;
};

/// Whether this thread is one of the first `count` of its warp.
mlir::Value isLaneBelow(const Code &code, int64_t count);

/// Folds a line of `size` elements. Where `code` has one lane and the line is
/// contiguous, `lanes` neighbours at a time; the lanes are joined at the end.
Expr foldLine(const Code &code, int64_t size, int64_t lanes, const Fold &fold);
/// The same without a result: `visit` on each (vector of) element.
void forLine(const Code &code, int64_t size, int64_t lanes,
             llvm::function_ref<void(const Code &, mlir::Value index)> visit);

/// The axes of a tensor that a reduction keeps and those it folds, the latter merged
/// into as few as possible.
struct FoldedAxes {
  llvm::SmallVector<int64_t> keptShape;
  View kept;                                 ///< of the input, along the kept axes
  llvm::SmallVector<int64_t> shape, strides; ///< folded axes; strides in elements
  int64_t count = 1;                         ///< elements folded into each result

  FoldedAxes(const View &input, llvm::ArrayRef<int64_t> axes);
};

/// A result's view without the axes that were folded but kept with size 1.
View dropFolded(const View &result, llvm::ArrayRef<int64_t> axes, size_t inputRank);

} // namespace qcc::kernels

#endif // QCC_COMPILER_KERNELS_FOLD_H
