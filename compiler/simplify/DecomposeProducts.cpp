//===- DecomposeProducts.cpp - Convolutions and biases of the run ---------===//
//
// The packed kernels need weights and biases at compile time, and the plain one
// has no bias: where one of them is known only when the model runs, an addition
// takes the bias.
//
//===----------------------------------------------------------------------===//

#include "compiler/simplify/Passes.h"
#include "compiler/support/Rewrite.h"
#include "compiler/support/Weighted.h"

namespace qcc::simplify {
#define GEN_PASS_DEF_DECOMPOSEPRODUCTS
#include "compiler/simplify/Passes.h.inc"

using namespace mlir;

namespace {
/// The bias of a convolution, where it or the filter is not known.
template <typename OpTy> struct SplitBias : OpRewritePattern<OpTy> {
  using OpRewritePattern<OpTy>::OpRewritePattern;
  LogicalResult matchAndRewrite(OpTy op, PatternRewriter &rewriter) const override {
    Value bias = op.getBias();
    if (!bias || (isKnown(bias) && isKnown(op.getFilter())))
      return rewriter.notifyMatchFailure(op, "has a filter and a bias that are known, or no bias");
    rewriter.modifyOpInPlace(op, [&] { op.getBiasMutable().clear(); });
    rewriter.setInsertionPointAfter(op);
    SmallVector<int64_t> shape(tensorType(op.getResult()).getRank(), 1);
    shape[1] = tensorType(bias).getNumElements();
    Value column = createReshape(rewriter, op.getLoc(), bias, shape);
    Value added = AddOp::create(rewriter, op.getLoc(), op.getResult().getType(), op.getResult(), column,
                                /*chain=*/nullptr);
    rewriter.replaceAllUsesExcept(op.getResult(), added, added.getDefiningOp());
    return success();
  }
};

struct DecomposeProducts : impl::DecomposeProductsBase<DecomposeProducts> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<SplitBias<ConvOp>, SplitBias<ConvTransposeOp>>(&getContext());
    if (failed(applyPatterns(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};
} // namespace
} // namespace qcc::simplify
