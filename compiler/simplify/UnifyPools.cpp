//===- UnifyPools.cpp - Reductions over an image are global pools ---------===//

#include "compiler/simplify/Passes.h"
#include "compiler/support/Rewrite.h"

namespace qcc::simplify {
#define GEN_PASS_DEF_UNIFYPOOLS
#include "compiler/simplify/Passes.h.inc"

using namespace mlir;

namespace {
SmallVector<int64_t> pooledShape(RankedTensorType type) {
  SmallVector<int64_t> shape(type.getRank(), 1);
  shape[0] = type.getDimSize(0);
  shape[1] = type.getDimSize(1);
  return shape;
}

/// Rank 4 only: of rank 3 there are sequences, too, whose last axis is no image.
template <typename ReduceOp, typename PoolOp> struct ReduceToPool : OpRewritePattern<ReduceOp> {
  using OpRewritePattern<ReduceOp>::OpRewritePattern;
  LogicalResult matchAndRewrite(ReduceOp op, PatternRewriter &rewriter) const override {
    RankedTensorType type = tensorType(op.getInput());
    if (type.getRank() != 4 || !isFloatTensor(op.getInput()) || !op.getAxes())
      return rewriter.notifyMatchFailure(op, "does not reduce an image");
    SmallVector<int64_t> axes;
    for (int64_t axis : op.getAxesAttr().asArrayRef())
      axes.push_back(axis < 0 ? axis + type.getRank() : axis);
    llvm::sort(axes);
    if (axes != SmallVector<int64_t>{2, 3})
      return rewriter.notifyMatchFailure(op, "does not reduce all spatial axes");
    Value pool = PoolOp::create(rewriter, op.getLoc(), type.clone(pooledShape(type)), op.getInput());
    rewriter.replaceOp(op, createReshape(rewriter, op.getLoc(), pool, tensorType(op.getResult()).getShape()));
    return success();
  }
};

struct WholeAveragePool : OpRewritePattern<AveragePoolOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(AveragePoolOp op, PatternRewriter &rewriter) const override {
    RankedTensorType type = tensorType(op.getInput());
    bool padded = op.getPads() && llvm::any_of(*op.getPads(), [](int64_t pad) { return pad != 0; });
    if (op.getLayout() != "nchw" || padded || type.getShape().drop_front(2) != op.getKernelShape())
      return rewriter.notifyMatchFailure(op, "window is not the image");
    if (tensorType(op.getResult()).getShape() != ArrayRef<int64_t>(pooledShape(type)))
      return rewriter.notifyMatchFailure(op, "window is dilated");
    rewriter.replaceOpWithNewOp<GlobalAveragePoolOp>(op, op.getResult().getType(), op.getInput());
    return success();
  }
};

struct UnifyPools : impl::UnifyPoolsBase<UnifyPools> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<ReduceToPool<ReduceMeanOp, GlobalAveragePoolOp>, ReduceToPool<ReduceMaxOp, GlobalMaxPoolOp>,
                 WholeAveragePool>(&getContext());
    populateIdentityPatterns(patterns);
    populateReshapePatterns(patterns);
    if (failed(applyPatterns(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};
} // namespace
} // namespace qcc::simplify
