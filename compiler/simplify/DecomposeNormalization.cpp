//===- DecomposeNormalization.cpp - Batch normalisation is affine ---------===//

#include "compiler/simplify/Passes.h"
#include "compiler/support/Rewrite.h"
#include <cmath>

namespace qcc::simplify {
#define GEN_PASS_DEF_DECOMPOSENORMALIZATION
#include "compiler/simplify/Passes.h.inc"

using namespace mlir;

namespace {
struct Decompose : OpRewritePattern<BatchNormalizationOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(BatchNormalizationOp op, PatternRewriter &rewriter) const override {
    std::optional<reference::Tensor> scale = constantOf(op.getScale()), bias = constantOf(op.getBias()),
                                     mean = constantOf(op.getMean()), var = constantOf(op.getVar());
    if (!scale || !bias || !mean || !var)
      return rewriter.notifyMatchFailure(op, "requires constant statistics");
    RankedTensorType type = tensorType(op.getInput());
    if (type.getRank() < 2)
      return rewriter.notifyMatchFailure(op, "has no channel axis");

    // One value for each channel, broadcast over the axes behind it.
    std::vector<int64_t> shape(type.getRank() - 1, 1);
    shape[0] = scale->size();
    reference::Tensor factor(scale->type, shape), offset(scale->type, shape);
    for (int64_t c = 0; c < scale->size(); ++c) {
      double a = scale->getDouble(c) / std::sqrt(var->getDouble(c) + op.getEpsilon().convertToDouble());
      factor.setDouble(c, a);
      offset.setDouble(c, bias->getDouble(c) - mean->getDouble(c) * a);
    }
    auto constantType = RankedTensorType::get(shape, type.getElementType());
    Value a = createConstant(rewriter, op.getLoc(), factor, constantType);
    Value b = createConstant(rewriter, op.getLoc(), offset, constantType);
    Value product = MulOp::create(rewriter, op.getLoc(), type, op.getInput(), a, ArrayAttr());
    rewriter.replaceOpWithNewOp<AddOp>(op, type, product, b, ArrayAttr());
    return success();
  }
};

struct DecomposeNormalization : impl::DecomposeNormalizationBase<DecomposeNormalization> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<Decompose>(&getContext());
    if (failed(applyPatterns(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};
} // namespace
} // namespace qcc::simplify
