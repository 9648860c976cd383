//===- Apply.cpp - From marks to quantised types --------------------------===//

#include "compiler/quantize/Groups.h"
#include "compiler/quantize/KeepFloat.h"
#include "compiler/quantize/Passes.h"
#include "compiler/quantize/Scales.h"
#include "compiler/quantize/Weights.h"
#include "compiler/support/Lengths.h"
#include "compiler/support/Rewrite.h"
#include "compiler/support/Weighted.h"

namespace qcc::quantize {
#define GEN_PASS_DEF_APPLYQUANTIZATION
#define GEN_PASS_DEF_QUANTIZEWEIGHTS
#define GEN_PASS_DEF_VERIFYQUANTIZED
#include "compiler/quantize/Passes.h.inc"

using namespace mlir;

namespace {

struct ApplyQuantization : impl::ApplyQuantizationBase<ApplyQuantization> {
  using ApplyQuantizationBase::ApplyQuantizationBase;

  static void quantizeActivation(ObserveOp mark, OpBuilder &builder) {
    Range range = {(*mark.getRange())[0], (*mark.getRange())[1]};
    QuantParams params = chooseParams(range);
    RankedTensorType real = tensorType(mark.getInput());
    auto element = quant::UniformQuantizedType::get(
        /*flags=*/0, builder.getIntegerType(8), builder.getF32Type(), params.scale, params.zeroPoint, 0, 255);
    builder.setInsertionPoint(mark);
    auto stored = QuantizeOp::create(builder, mark.getLoc(), real.clone(element), mark.getInput());
    mark.replaceAllUsesWith(DequantizeOp::create(builder, mark.getLoc(), real, stored).getResult());
    mark.erase();
  }

  static LogicalResult checkRange(ObserveOp mark) {
    if (!mark.getRange())
      return mark.emitOpError("was not calibrated: it has no range");
    float lo = (*mark.getRange())[0], hi = (*mark.getRange())[1];
    if (std::isfinite(lo) && std::isfinite(hi) && lo <= hi)
      return success();
    return mark.emitOpError("has the range [") << lo << ", " << hi << "], which gives no scale";
  }

  LogicalResult quantizeProduct(ObserveOp mark, OpBuilder &builder) const {
    Operation *product = mark.getInput().getDefiningOp();
    if (!product)
      return failure();
    if (keepMarks)
      return roundWeights(product, builder);
    if (failed(quantizeWeights(product, mark.getCorrection().value_or(ArrayRef<float>()), builder)))
      return failure();
    mark.replaceAllUsesWith(mark.getInput());
    mark.erase();
    return success();
  }

  void runOnOperation() override {
    OpBuilder builder(&getContext());
    SmallVector<ObserveOp> marks(getOperation().getOps<ObserveOp>());
    // First the activations: weights look at the scale of their input.
    for (ObserveOp &mark : marks) {
      if (!isRange(mark))
        continue;
      if (failed(checkRange(mark)))
        return signalPassFailure();
      if (!keepMarks)
        quantizeActivation(mark, builder);
      mark = {};
    }
    for (ObserveOp mark : marks)
      if (mark && failed(quantizeProduct(mark, builder)))
        return signalPassFailure();
  }
};

struct QuantizeWeights : impl::QuantizeWeightsBase<QuantizeWeights> {
  using QuantizeWeightsBase::QuantizeWeightsBase;

  LogicalResult store(Operation *op, OpBuilder &builder) const {
    if (int4) {
      std::string reason = whyNotGrouped(op, leastGrouped);
      if (reason.empty())
        return groupWeights(op, builder);
      op->setAttr(int8ReasonAttr, builder.getStringAttr(reason));
    }
    return quantizeWeights(op, {}, builder);
  }

  void runOnOperation() override {
    OpBuilder builder(&getContext());
    FailureOr<KeepFloat> keeps = KeepFloat::parse(getOperation(), llvm::to_vector(keepFloat));
    if (failed(keeps))
      return signalPassFailure();
    SmallVector<Operation *> ops(llvm::make_pointer_range(getOperation().front()));
    for (Operation *op : ops) {
      bool kept = keeps->matches(op);
      if (kept && hasFloatWeights(op))
        op->setAttr(floatReasonAttr, builder.getStringAttr(KeepFloat::reason));
      else if (hasFloatWeights(op) && failed(store(op, builder)))
        return signalPassFailure();
    }
    if (failed(keeps->checkUsed(getOperation())))
      signalPassFailure();
  }
};

struct VerifyQuantized : impl::VerifyQuantizedBase<VerifyQuantized> {
  void runOnOperation() override {
    for (ObserveOp mark : getOperation().getOps<ObserveOp>()) {
      mark.emitOpError("is left after stage quantize");
      return signalPassFailure();
    }
    getOperation().walk([](Operation *op) { op->removeAttr(extentsAttr); });
  }
};

} // namespace
} // namespace qcc::quantize
