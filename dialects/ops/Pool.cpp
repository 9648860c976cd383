//===- Pool.cpp - Pooling -------------------------------------------------===//

#include "dialects/reference/Pool.h"
#include "dialects/ops/Quantized.h"
#include "dialects/reference/Shape.h"

using namespace mlir;
using namespace qcc;
using namespace qcc::ops;
using reference::PoolParams;
using reference::Tensor;

namespace {
struct PoolPlan {
  Window window;
  Shape shape; ///< the result's, channels first
  bool nhwc;
};
} // namespace

template <typename Op> static LogicalResult checkPoolInput(Op op) {
  if (failed(requireRank(op, "input", op.getInput(), 3, 5)))
    return failure();
  return isQuantized(op.getInput()) ? success() : requireNumber(op, "input", op.getInput());
}

template <typename Op> static FailureOr<PoolPlan> planPool(Op op) {
  FailureOr<bool> nhwc = isChannelsLast(op, op.getLayout());
  if (failed(nhwc) || failed(checkPoolInput(op)))
    return failure();
  ArrayRef<int64_t> input = shapeOf(op.getInput());
  Shape spatial = spatialOf(input, *nhwc);
  FailureOr<Window> window =
      resolveWindow(op, spatial, op.getKernelShape(),
                    {op.getAutoPad(), op.getStridesAttr(), op.getDilationsAttr(), op.getPadsAttr()});
  if (failed(window))
    return failure();
  bool ceil = op.getCeilMode() && !op.getAutoPad().starts_with("SAME");
  FailureOr<Shape> positions = windowPositions(op, spatial, *window, ceil);
  if (failed(positions))
    return failure();
  return PoolPlan{*window, makeShape(input[0], channelsOf(input, *nhwc), *positions, false), *nhwc};
}

template <typename Op> static LogicalResult normalizePool(Op op) {
  FailureOr<PoolPlan> plan = planPool(op);
  if (failed(plan))
    return failure();
  if (op.getAutoPad().starts_with("SAME"))
    op.setCeilMode(0); // its pads already make the last window whole
  op.setAutoPad("NOTSET");
  op.setStrides(plan->window.strides);
  op.setDilations(plan->window.dilations);
  op.setPads(plan->window.pads());
  return success();
}

static Shape laidOut(const PoolPlan &plan) {
  ArrayRef<int64_t> shape = plan.shape;
  return makeShape(shape[0], shape[1], shape.drop_front(2), plan.nhwc);
}

static PoolParams poolParams(const Window &window) {
  return {toStd(window.kernel),    toStd(window.strides), toStd(window.dilations),
          toStd(window.padsBegin), toStd(window.padsEnd), false};
}

/// Channels first, whatever the layout is.
static Tensor toChannelsFirst(const Tensor &tensor, bool nhwc) {
  return nhwc ? reference::transpose(tensor, permToChannelsFirst(tensor.rank())) : tensor;
}
static Tensor fromChannelsFirst(Tensor tensor, bool nhwc) {
  return nhwc ? reference::transpose(tensor, permToChannelsLast(tensor.rank())) : tensor;
}

//===----------------------------------------------------------------------===//
// MaxPool
//===----------------------------------------------------------------------===//

LogicalResult MaxPoolOp::normalize() { return normalizePool(*this); }

LogicalResult MaxPoolOp::inferTypes(Results &results) {
  FailureOr<PoolPlan> plan = planPool(*this);
  return failed(plan) ? failure() : addResult(*this, results, laidOut(*plan), elementOf(getInput()));
}

LogicalResult MaxPoolOp::evaluate(Operands operands, Tensors &results) {
  FailureOr<PoolPlan> plan = planPool(*this);
  if (failed(plan))
    return failure();
  Tensor input = toChannelsFirst(*operands[0], plan->nhwc);
  results.push_back(
      fromChannelsFirst(reference::maxPool(input, poolParams(plan->window), toStd(plan->shape)), plan->nhwc));
  return success();
}

LogicalResult MaxPoolOp::toChannelsLast() {
  setLayout("nhwc");
  return success();
}

//===----------------------------------------------------------------------===//
// AveragePool
//===----------------------------------------------------------------------===//

LogicalResult AveragePoolOp::normalize() { return normalizePool(*this); }

LogicalResult AveragePoolOp::inferTypes(Results &results) {
  FailureOr<PoolPlan> plan = planPool(*this);
  FailureOr<Type> element = averageElement(*this);
  return failed(plan) || failed(element) ? failure() : addResult(*this, results, laidOut(*plan), *element);
}

/// Averages in either representation; `params` are for channels first.
static Tensor average(Operation *op, const Tensor &input, const PoolParams &params,
                      const std::vector<int64_t> &shape, bool nhwc) {
  Tensor ordered = toChannelsFirst(input, nhwc);
  if (!isQuantized(op->getOperand(0)))
    return fromChannelsFirst(reference::averagePool(ordered, params, shape), nhwc);
  reference::WindowSums windows = reference::averageSums(ordered, params, shape, inputZeroPoint(op));
  return fromChannelsFirst(averageQuantized(op, windows.sums, windows.counts), nhwc);
}

LogicalResult AveragePoolOp::evaluate(Operands operands, Tensors &results) {
  FailureOr<PoolPlan> plan = planPool(*this);
  if (failed(plan))
    return failure();
  PoolParams params = poolParams(plan->window);
  params.countIncludePad = getCountIncludePad();
  results.push_back(average(*this, *operands[0], params, toStd(plan->shape), plan->nhwc));
  return success();
}

LogicalResult AveragePoolOp::toChannelsLast() {
  setLayout("nhwc");
  return success();
}

//===----------------------------------------------------------------------===//
// Global pools: one window over everything
//===----------------------------------------------------------------------===//

template <typename Op> static FailureOr<PoolPlan> planGlobal(Op op) {
  FailureOr<bool> nhwc = isChannelsLast(op, op.getLayout());
  if (failed(nhwc) || failed(checkPoolInput(op)))
    return failure();
  ArrayRef<int64_t> input = shapeOf(op.getInput());
  Shape spatial = spatialOf(input, *nhwc), ones(spatial.size(), 1), zeros(spatial.size(), 0);
  if (llvm::is_contained(spatial, 0))
    return op.emitOpError("operand 'input' has shape ")
           << shapeText(input) << ", which leaves nothing to pool";
  return PoolPlan{
      {spatial, ones, ones, zeros, zeros}, makeShape(input[0], channelsOf(input, *nhwc), ones, false), *nhwc};
}

LogicalResult GlobalAveragePoolOp::inferTypes(Results &results) {
  FailureOr<PoolPlan> plan = planGlobal(*this);
  FailureOr<Type> element = averageElement(*this);
  return failed(plan) || failed(element) ? failure() : addResult(*this, results, laidOut(*plan), *element);
}

LogicalResult GlobalAveragePoolOp::evaluate(Operands operands, Tensors &results) {
  FailureOr<PoolPlan> plan = planGlobal(*this);
  if (failed(plan))
    return failure();
  results.push_back(average(*this, *operands[0], poolParams(plan->window), toStd(plan->shape), plan->nhwc));
  return success();
}

LogicalResult GlobalAveragePoolOp::toChannelsLast() {
  setLayout("nhwc");
  return success();
}

LogicalResult GlobalMaxPoolOp::inferTypes(Results &results) {
  FailureOr<PoolPlan> plan = planGlobal(*this);
  return failed(plan) ? failure() : addResult(*this, results, laidOut(*plan), elementOf(getInput()));
}

LogicalResult GlobalMaxPoolOp::evaluate(Operands operands, Tensors &results) {
  FailureOr<PoolPlan> plan = planGlobal(*this);
  if (failed(plan))
    return failure();
  Tensor input = toChannelsFirst(*operands[0], plan->nhwc);
  results.push_back(
      fromChannelsFirst(reference::maxPool(input, poolParams(plan->window), toStd(plan->shape)), plan->nhwc));
  return success();
}

LogicalResult GlobalMaxPoolOp::toChannelsLast() {
  setLayout("nhwc");
  return success();
}
