//===- IdentityPatterns.cpp - Drop operations that do nothing -------------===//

#include "compiler/support/Rewrite.h"

using namespace mlir;
using namespace qcc;

namespace {
bool allZero(ArrayRef<int64_t> values) {
  return llvm::all_of(values, [](int64_t value) { return value == 0; });
}

// One overload for each kind: does the operation, whose operand has its result's
// type, hand every element on?
bool isIdentity(IdentityOp) { return true; }
bool isIdentity(CastOp) { return true; }
bool isIdentity(ReshapeOp) { return true; }
bool isIdentity(FlattenOp) { return true; }
bool isIdentity(SqueezeOp) { return true; }
bool isIdentity(UnsqueezeOp) { return true; }
bool isIdentity(ExpandOp) { return true; }
bool isIdentity(TileOp) { return true; }
bool isIdentity(ConcatOp op) { return op.getInputs().size() == 1; }
bool isIdentity(PadOp op) { return allZero(op.getPads()); }
bool isIdentity(MinOp op) { return op.getInputs().size() == 1; }
bool isIdentity(MaxOp op) { return op.getInputs().size() == 1; }
bool isIdentity(DepthToSpaceOp op) { return op.getBlocksize() == 1; }
bool isIdentity(SplitOp op) { return op.getNumResults() == 1; }
/// A slice of the operand's own shape can only reverse axes.
bool isIdentity(SliceOp op) {
  return !op.getSteps() || llvm::all_of(*op.getSteps(), [](int64_t step) { return step > 0; });
}
bool isIdentity(TransposeOp op) { return op.getPerm() && llvm::is_sorted(*op.getPerm()); }
/// With the operand's own size every mode reads the element itself, except with
/// a crop or a crooked scale.
bool isIdentity(ResizeOp op) {
  return op.getCoordinateTransformationMode() != "tf_crop_and_resize" &&
         (!op.getScales() || llvm::all_of(*op.getScales(), [](float scale) { return scale == 1; }));
}
bool isIdentity(ClipOp op) { return !op.getMin() && !op.getMax(); }

template <typename OpTy> struct Remove : OpRewritePattern<OpTy> {
  using OpRewritePattern<OpTy>::OpRewritePattern;
  LogicalResult matchAndRewrite(OpTy op, PatternRewriter &rewriter) const override {
    if (op->getNumResults() != 1 || op->getOperand(0).getType() != op->getResult(0).getType())
      return rewriter.notifyMatchFailure(op, "changes the type");
    if (!isIdentity(op))
      return rewriter.notifyMatchFailure(op, "changes values");
    rewriter.replaceOp(op, op->getOperand(0));
    return success();
  }
};

/// Multiplication by one and addition of zero, where the constant does not
/// make the tensor larger.
template <typename OpTy> struct RemoveNeutral : OpRewritePattern<OpTy> {
  using OpRewritePattern<OpTy>::OpRewritePattern;
  LogicalResult matchAndRewrite(OpTy op, PatternRewriter &rewriter) const override {
    const double neutral = std::is_same_v<OpTy, MulOp> ? 1 : 0;
    for (unsigned side : {0u, 1u})
      if (constantScalar(op->getOperand(side)) == neutral && !op.getChainAttr() &&
          op->getOperand(1 - side).getType() == op.getResult().getType()) {
        rewriter.replaceOp(op, op->getOperand(1 - side));
        return success();
      }
    return rewriter.notifyMatchFailure(op, "has no neutral operand");
  }
};
/// What a constant condition, the same everywhere, chooses.
struct ChooseBranch : OpRewritePattern<WhereOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(WhereOp op, PatternRewriter &rewriter) const override {
    std::optional<reference::Tensor> condition = constantOf(op.getCondition());
    if (!condition || condition->size() == 0)
      return rewriter.notifyMatchFailure(op, "has no constant condition");
    for (int64_t i = 1; i < condition->size(); ++i)
      if (condition->getInt(i) != condition->getInt(0))
        return rewriter.notifyMatchFailure(op, "chooses from both");
    Value chosen = condition->getInt(0) ? op.getLhs() : op.getRhs();
    if (chosen.getType() != op.getResult().getType())
      return rewriter.notifyMatchFailure(op, "makes what it chooses larger");
    rewriter.replaceOp(op, chosen);
    return success();
  }
};
} // namespace

void qcc::populateIdentityPatterns(RewritePatternSet &patterns) {
  patterns.add<Remove<IdentityOp>, Remove<CastOp>, Remove<ReshapeOp>, Remove<FlattenOp>, Remove<SqueezeOp>,
               Remove<UnsqueezeOp>, Remove<ExpandOp>, Remove<TileOp>, Remove<ConcatOp>, Remove<PadOp>,
               Remove<MinOp>, Remove<MaxOp>, Remove<DepthToSpaceOp>, Remove<SplitOp>, Remove<SliceOp>,
               Remove<TransposeOp>, Remove<ResizeOp>, Remove<ClipOp>, RemoveNeutral<AddOp>,
               RemoveNeutral<MulOp>, ChooseBranch>(patterns.getContext());
}
