//===- FuseArithmetic.cpp - Add, multiply and average on integers ---------===//

#include "compiler/fuse/Passes.h"
#include "compiler/fuse/Quantized.h"
#include "compiler/fuse/Steps.h"

namespace qcc::fuse {
#define GEN_PASS_DEF_FUSEARITHMETIC
#include "compiler/fuse/Passes.h.inc"

using namespace mlir;

namespace {
/// The exact steps from a result to the quantize behind them; `end` is null
/// where there is none.
Steps exactSteps(Value result, bool mayHaveSteps) {
  Steps steps{{}, {}, result, {}};
  for (; steps.end.hasOneUse(); steps.end = steps.end.user_begin()->getResult(0)) {
    if (QuantizeOp quantize = soleQuantize(steps.end)) {
      steps.end = quantize.getResult();
      return steps;
    }
    std::optional<PointwiseUse> use = pointwiseUse(*steps.end.user_begin());
    if (!mayHaveSteps || !use || !use->exact)
      break;
    steps.chain.push_back(use->entry);
  }
  return {};
}

/// Replaces the operation and its steps by one on integers, at the quantize.
void fuse(Operation *op, ValueRange stored, const Steps &steps, PatternRewriter &rewriter) {
  rewriter.setInsertionPoint(steps.end.getDefiningOp());
  Operation *fused = rewriter.clone(*op);
  fused->setOperands(stored);
  fused->getResult(0).setType(steps.end.getType());
  fused->removeAttr(floatReasonAttr);
  if (ArrayAttr chain = steps.chainAttr(rewriter.getContext()))
    fused->setAttr("chain", chain);
  rewriter.replaceOp(steps.end.getDefiningOp(), fused);
}

/// q7 and, for a product, q8.
template <typename OpTy> struct FuseBinary : OpRewritePattern<OpTy> {
  using OpRewritePattern<OpTy>::OpRewritePattern;
  LogicalResult matchAndRewrite(OpTy op, PatternRewriter &rewriter) const override {
    Value lhs = dequantized(op.getLhs()), rhs = dequantized(op.getRhs());
    if ((!lhs && !rhs) || op->getAttr("chain"))
      return rewriter.notifyMatchFailure(op, "has no quantised operands");
    if (!lhs || !rhs)
      return rewriter.notifyMatchFailure(op, "requires both operands quantised");
    Steps steps = exactSteps(op.getResult(), /*mayHaveSteps=*/!isa<SubOp>(op));
    if (!steps.end)
      return rewriter.notifyMatchFailure(op, "requires a quantize of its result");
    fuse(op, {lhs, rhs}, steps, rewriter);
    return success();
  }
};

/// q8
template <typename OpTy> struct FuseAverage : OpRewritePattern<OpTy> {
  using OpRewritePattern<OpTy>::OpRewritePattern;
  LogicalResult matchAndRewrite(OpTy op, PatternRewriter &rewriter) const override {
    Value input = dequantized(op.getInput());
    if (!input)
      return rewriter.notifyMatchFailure(op, "has no quantised operand");
    Steps steps = exactSteps(op.getResult(), /*mayHaveSteps=*/false);
    if (steps.end)
      fuse(op, input, steps, rewriter);
    else // a float result
      rewriter.modifyOpInPlace(op, [&] { op.getInputMutable().assign(input); });
    return success();
  }
};

struct FuseArithmetic : impl::FuseArithmeticBase<FuseArithmetic> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<FuseBinary<AddOp>, FuseBinary<SubOp>, FuseBinary<MulOp>, FuseAverage<AveragePoolOp>,
                 FuseAverage<GlobalAveragePoolOp>, FuseAverage<ReduceMeanOp>>(&getContext());
    if (failed(applyPatterns(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};
} // namespace
} // namespace qcc::fuse
