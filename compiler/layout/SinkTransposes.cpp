//===- SinkTransposes.cpp - Transposes behind reshapes, then cancelled ----===//

#include "compiler/layout/Passes.h"
#include "compiler/support/Rewrite.h"

namespace qcc::layout {
#define GEN_PASS_DEF_SINKTRANSPOSES
#include "compiler/layout/Passes.h.inc"

using namespace mlir;

namespace {
/// For each axis of `to` how many axes of `from` it merges (at least one);
/// nothing where a reshape does more than merge neighbours.
std::optional<SmallVector<int64_t>> mergedAxes(ArrayRef<int64_t> from, ArrayRef<int64_t> to) {
  SmallVector<int64_t> counts;
  size_t axis = 0;
  for (int64_t size : to) {
    int64_t product = 1, count = 0;
    while (axis < from.size() && (count == 0 || product != size)) {
      product *= from[axis++];
      ++count;
    }
    if (count == 0 || product != size)
      return std::nullopt;
    counts.push_back(count);
  }
  for (; axis < from.size(); ++axis, ++counts.back())
    if (from[axis] != 1)
      return std::nullopt;
  return counts;
}

/// reshape(transpose(x)) as transpose(reshape(x)), if the axes that the reshape
/// merges are neighbours in x, too.
struct SinkThroughReshape : OpRewritePattern<ReshapeOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(ReshapeOp op, PatternRewriter &rewriter) const override {
    auto transpose = op.getInput().getDefiningOp<TransposeOp>();
    if (!transpose)
      return rewriter.notifyMatchFailure(op, "operand is no transpose");
    ArrayRef<int64_t> perm = *transpose.getPerm(), result = tensorType(op.getResult()).getShape();
    std::optional<SmallVector<int64_t>> counts = mergedAxes(tensorType(op.getInput()).getShape(), result);
    if (!counts || tensorType(op.getInput()).getRank() == tensorType(op.getResult()).getRank())
      return rewriter.notifyMatchFailure(op, "does not merge axes");

    SmallVector<std::pair<int64_t, int64_t>> groups; // first axis in x, size
    size_t next = 0;
    for (auto [count, size] : llvm::zip_equal(*counts, result)) {
      for (int64_t i = 1; i < count; ++i)
        if (perm[next + i] != perm[next] + i)
          return rewriter.notifyMatchFailure(op, "merges axes that the transpose brought together");
      groups.push_back({perm[next], size});
      next += count;
    }
    SmallVector<std::pair<int64_t, int64_t>> inOrder = groups;
    llvm::sort(inOrder);
    SmallVector<int64_t> shape, newPerm;
    for (auto [axis, size] : inOrder)
      shape.push_back(size);
    for (auto &group : groups)
      newPerm.push_back(llvm::find(inOrder, group) - inOrder.begin());
    Value merged = createReshape(rewriter, op.getLoc(), transpose.getInput(), shape);
    rewriter.replaceOp(op, createTranspose(rewriter, transpose.getLoc(), merged, newPerm));
    return success();
  }
};

/// A constant is transposed at compile time.
struct FoldIntoConstant : OpRewritePattern<TransposeOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(TransposeOp op, PatternRewriter &rewriter) const override {
    std::optional<reference::Tensor> constant = constantOf(op.getInput());
    if (!constant)
      return rewriter.notifyMatchFailure(op, "operand is no constant");
    FailureOr<SmallVector<reference::Tensor>> result = evaluate(op, *constant);
    if (failed(result))
      return failure();
    rewriter.replaceOp(op,
                       createConstant(rewriter, op.getLoc(), result->front(), tensorType(op.getResult())));
    return success();
  }
};

struct SinkTransposes : impl::SinkTransposesBase<SinkTransposes> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<SinkThroughReshape, FoldIntoConstant>(&getContext());
    populateReshapePatterns(patterns);
    populateIdentityPatterns(patterns);
    if (failed(applyPatterns(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};
} // namespace
} // namespace qcc::layout
