//===- DecomposeProducts.cpp - Products of two tensors of the run ---------===//
//
// The packed kernels need weights and biases at compile time. Here everything
// that is known only when the model runs leaves the operations that have them.
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
Value scaled(PatternRewriter &rewriter, Location loc, Value value, const llvm::APFloat &factor) {
  if (factor.isExactlyValue(1))
    return value;
  Value scalar = createScalar(rewriter, loc, factor.convertToDouble(), value);
  return MulOp::create(rewriter, loc, value.getType(), value, scalar, /*chain=*/nullptr);
}

Value sum(PatternRewriter &rewriter, Location loc, Value lhs, Value rhs) {
  return AddOp::create(rewriter, loc, lhs.getType(), lhs, rhs, /*chain=*/nullptr);
}

struct SplitGemm : OpRewritePattern<GemmOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(GemmOp op, PatternRewriter &rewriter) const override {
    Value a = op.getA(), b = op.getB(), c = op.getC();
    bool columnBias =
        !c || (isKnown(c) && (tensorType(c).getNumElements() == 1 ||
                              tensorType(c).getNumElements() == tensorType(op.getResult()).getDimSize(1)));
    if (!op.getTransA() && isKnown(b) && columnBias)
      return rewriter.notifyMatchFailure(op, "has weights and bias that are known");
    Location loc = op.getLoc();
    if (op.getTransA())
      a = createTranspose(rewriter, loc, a, {1, 0});
    Value result;
    if (isKnown(b)) {
      result = GemmOp::create(rewriter, loc, op.getResult().getType(), a, b, Value(), Value(), Value(),
                              nullptr, op.getAlpha(), llvm::APFloat(1.0f), /*transA=*/0, op.getTransB());
    } else {
      b = op.getTransB() ? createTranspose(rewriter, loc, b, {1, 0}) : b;
      result =
          MatMulOp::create(rewriter, loc, op.getResult().getType(), a, b, Value(), Value(), Value(), nullptr);
      result = scaled(rewriter, loc, result, op.getAlpha());
    }
    if (c)
      result = sum(rewriter, loc, result, scaled(rewriter, loc, c, op.getBeta()));
    rewriter.replaceOp(op, result);
    return success();
  }
};

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
    Value added =
        sum(rewriter, op.getLoc(), op.getResult(), createReshape(rewriter, op.getLoc(), bias, shape));
    rewriter.replaceAllUsesExcept(op.getResult(), added, added.getDefiningOp());
    return success();
  }
};

struct DecomposeProducts : impl::DecomposeProductsBase<DecomposeProducts> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<SplitGemm, SplitBias<ConvOp>, SplitBias<ConvTransposeOp>>(&getContext());
    if (failed(applyPatterns(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};
} // namespace
} // namespace qcc::simplify
