//===- ReshapePatterns.cpp - One spelling of reshape, few transposes ------===//

#include "compiler/support/Rewrite.h"

using namespace mlir;
using namespace qcc;

namespace {
template <typename OpTy> struct ToReshape : OpRewritePattern<OpTy> {
  using OpRewritePattern<OpTy>::OpRewritePattern;
  LogicalResult matchAndRewrite(OpTy op, PatternRewriter &rewriter) const override {
    rewriter.replaceOp(
        op, createReshape(rewriter, op.getLoc(), op->getOperand(0), tensorType(op->getResult(0)).getShape()));
    return success();
  }
};

struct ComposeReshapes : OpRewritePattern<ReshapeOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(ReshapeOp op, PatternRewriter &rewriter) const override {
    auto first = op.getInput().getDefiningOp<ReshapeOp>();
    if (!first)
      return rewriter.notifyMatchFailure(op, "operand is no reshape");
    ArrayRef<int64_t> shape = tensorType(op.getResult()).getShape();
    rewriter.replaceOp(op, createReshape(rewriter, op.getLoc(), first.getInput(), shape));
    return success();
  }
};

struct ComposeTransposes : OpRewritePattern<TransposeOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(TransposeOp op, PatternRewriter &rewriter) const override {
    auto first = op.getInput().getDefiningOp<TransposeOp>();
    if (!first)
      return rewriter.notifyMatchFailure(op, "operand is no transpose");
    SmallVector<int64_t> perm;
    for (int64_t axis : op.getPermAttr().asArrayRef())
      perm.push_back((*first.getPerm())[axis]);
    rewriter.replaceOp(op, createTranspose(rewriter, op.getLoc(), first.getInput(), perm));
    return success();
  }
};

/// The axes longer than one keep their order, so the bytes do.
struct TransposeToReshape : OpRewritePattern<TransposeOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(TransposeOp op, PatternRewriter &rewriter) const override {
    RankedTensorType type = tensorType(op.getInput());
    if (isa<quant::UniformQuantizedPerAxisType>(type.getElementType()))
      return rewriter.notifyMatchFailure(op, "the quantised axis moves");
    SmallVector<int64_t> moving;
    for (int64_t axis : op.getPermAttr().asArrayRef())
      if (type.getDimSize(axis) != 1)
        moving.push_back(axis);
    if (!llvm::is_sorted(moving))
      return rewriter.notifyMatchFailure(op, "reorders elements");
    ArrayRef<int64_t> shape = tensorType(op.getResult()).getShape();
    rewriter.replaceOp(op, createReshape(rewriter, op.getLoc(), op.getInput(), shape));
    return success();
  }
};
} // namespace

void qcc::populateReshapePatterns(RewritePatternSet &patterns) {
  patterns.add<ToReshape<FlattenOp>, ToReshape<SqueezeOp>, ToReshape<UnsqueezeOp>, ComposeReshapes,
               ComposeTransposes, TransposeToReshape>(patterns.getContext());
}
