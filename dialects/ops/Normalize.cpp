//===- Normalize.cpp - Normalisation and reductions -----------------------===//

#include "dialects/reference/Normalize.h"
#include "dialects/ops/Families.h"
#include "dialects/ops/Quantized.h"
#include "dialects/reference/Elementwise.h"

using namespace mlir;
using namespace qcc;
using namespace qcc::ops;
using reference::Reduce;
using reference::Tensor;

//===----------------------------------------------------------------------===//
// BatchNormalization, LayerNormalization, Softmax
//===----------------------------------------------------------------------===//

LogicalResult BatchNormalizationOp::inferTypes(Results &results) {
  FailureOr<bool> nhwc = isChannelsLast(*this, getLayout());
  if (failed(nhwc) || failed(requireFloat(*this, "input", getInput())) ||
      failed(requireRank(*this, "input", getInput(), 2, 8)))
    return failure();
  if (getTrainingMode())
    return emitOpError("training_mode is ") << getTrainingMode() << " but only inference is supported";
  int64_t channels = channelsOf(shapeOf(getInput()), *nhwc && rankOf(getInput()) > 2);
  for (auto [name, value] : {std::pair("scale", getScale()), std::pair("bias", getBias()),
                             std::pair("mean", getMean()), std::pair("var", getVar())}) {
    if (failed(requireFloat(*this, name, value)))
      return failure();
    if (shapeOf(value) != ArrayRef<int64_t>(channels))
      return emitOpError("operand '")
             << name << "' has shape " << shapeText(shapeOf(value)) << " but should have " << channels;
  }
  results.push_back(getInput().getType());
  return success();
}

LogicalResult BatchNormalizationOp::evaluate(Operands operands, Tensors &results) {
  int64_t axis = getLayout() == "nhwc" ? channelsLastAxis(1, operands[0]->rank()) : 1;
  results.push_back(reference::batchNormalization(*operands[0], *operands[1], *operands[2], *operands[3],
                                                  *operands[4], getEpsilon().convertToDouble(), axis));
  return success();
}

LogicalResult BatchNormalizationOp::toChannelsLast() {
  setLayout("nhwc");
  return success();
}

LogicalResult LayerNormalizationOp::normalize() { return normalizeAxis(*this, getInput()); }

LogicalResult LayerNormalizationOp::inferTypes(Results &results) {
  FailureOr<int64_t> axis = resolveAxis(*this, "axis", static_cast<int64_t>(getAxis()), rankOf(getInput()));
  if (failed(axis) || failed(requireFloat(*this, "input", getInput())))
    return failure();
  std::vector<int64_t> normalized = toStd(shapeOf(getInput()).drop_front(*axis)), both;
  for (auto [name, value] : {std::pair("scale", getScale()), std::pair("bias", getBias())}) {
    if (value && failed(requireFloat(*this, name, value)))
      return failure();
    if (value && (!reference::broadcastShapes(toStd(shapeOf(value)), normalized, both) || both != normalized))
      return emitOpError("operand '") << name << "' has shape " << shapeText(shapeOf(value))
                                      << ", which does not broadcast to " << shapeText(normalized);
  }
  results.push_back(getInput().getType());
  return success();
}

LogicalResult LayerNormalizationOp::evaluate(Operands operands, Tensors &results) {
  auto axis = static_cast<int64_t>(getAxis());
  results.push_back(reference::layerNormalization(*operands[0], *operands[1], optional(operands, 2),
                                                  getEpsilon().convertToDouble(),
                                                  axis < 0 ? axis + operands[0]->rank() : axis));
  return success();
}

LogicalResult SoftmaxOp::normalize() { return normalizeAxis(*this, getInput()); }

LogicalResult SoftmaxOp::inferTypes(Results &results) {
  if (failed(requireFloat(*this, "input", getInput())) ||
      failed(resolveAxis(*this, "axis", static_cast<int64_t>(getAxis()), rankOf(getInput()))))
    return failure();
  results.push_back(getInput().getType());
  return success();
}

LogicalResult SoftmaxOp::evaluate(Operands operands, Tensors &results) {
  auto axis = static_cast<int64_t>(getAxis());
  results.push_back(reference::softmax(*operands[0], axis < 0 ? axis + operands[0]->rank() : axis));
  return success();
}

LogicalResult SoftmaxOp::toChannelsLast() {
  if (failed(normalize()))
    return failure();
  setAxis(channelsLastAxis(static_cast<int64_t>(getAxis()), rankOf(getInput())));
  return success();
}

//===----------------------------------------------------------------------===//
// Reductions
//===----------------------------------------------------------------------===//

static int64_t intAttr(Operation *op, StringRef name, int64_t otherwise) {
  auto attr = op->getAttrOfType<IntegerAttr>(name);
  return attr ? attr.getInt() : otherwise;
}

static bool keepsDims(Operation *op) { return intAttr(op, "keepdims", 1) != 0; }

/// The given axes; none given means all, or with `noop_with_empty_axes` none.
static FailureOr<Shape> reducedAxes(Operation *op) {
  int64_t rank = rankOf(op->getOperand(0));
  auto given = op->getAttrOfType<DenseI64ArrayAttr>("axes");
  if (given && !given.empty())
    return resolveAxes(op, "axes", given.asArrayRef(), rank);
  if (intAttr(op, "noop_with_empty_axes", 0))
    return Shape();
  auto all = llvm::seq<int64_t>(0, rank);
  return Shape(all.begin(), all.end());
}

static void setReducedAxes(Operation *op, Shape axes) {
  llvm::sort(axes);
  Builder builder(op->getContext());
  op->setAttr("axes", builder.getDenseI64ArrayAttr(axes));
  op->setAttr("noop_with_empty_axes", builder.getI64IntegerAttr(1)); // the list is what is meant
}

LogicalResult ops::normalizeReduce(Operation *op) {
  FailureOr<Shape> axes = reducedAxes(op);
  if (failed(axes))
    return failure();
  setReducedAxes(op, *axes);
  return success();
}

LogicalResult ops::inferReduce(Operation *op, Results &results) {
  FailureOr<Shape> axes = reducedAxes(op);
  if (failed(axes))
    return failure();
  Value input = op->getOperand(0);
  bool selects = isa<ReduceMaxOp, ReduceMinOp>(op);
  if (isQuantized(input) && !selects && !isa<ReduceMeanOp>(op))
    return op->emitOpError("takes no quantised operand, but has ") << elementOf(input);
  if (!isQuantized(input) && !(selects && elementOf(input).isSignlessInteger(1)) &&
      failed(requireNumber(op, "input", input)))
    return failure();
  FailureOr<Type> element = isa<ReduceMeanOp>(op) ? averageElement(op) : FailureOr<Type>(elementOf(input));
  if (failed(element))
    return failure();
  std::vector<int64_t> shape = reference::reducedShape(toStd(shapeOf(input)), toStd(*axes), keepsDims(op));
  return addResult(op, results, shape, *element);
}

static Tensor quantizedMean(Operation *op, const Tensor &input, const std::vector<int64_t> &axes) {
  std::vector<int64_t> to = reference::reducedIndices(input.shape, axes);
  Tensor sums(reference::DType::I64, reference::reducedShape(input.shape, axes, keepsDims(op)));
  std::vector<int64_t> counts(static_cast<size_t>(sums.size()), 0);
  for (size_t i = 0; i < to.size(); ++i) {
    sums.data<int64_t>()[to[i]] += input.getInt(static_cast<int64_t>(i)) - inputZeroPoint(op);
    ++counts[to[i]];
  }
  return averageQuantized(op, sums, counts);
}

LogicalResult ops::evaluateReduce(Operation *op, Operands operands, Tensors &results) {
  FailureOr<Shape> axes = reducedAxes(op);
  if (failed(axes))
    return failure();
  if (isa<ReduceMeanOp>(op) && isQuantized(op->getOperand(0))) {
    results.push_back(quantizedMean(op, *operands[0], toStd(*axes)));
    return success();
  }
  Reduce kind = isa<ReduceMeanOp>(op)  ? Reduce::Mean
                : isa<ReduceMaxOp>(op) ? Reduce::Max
                : isa<ReduceMinOp>(op) ? Reduce::Min
                : isa<ReduceSumOp>(op) ? Reduce::Sum
                : isa<ReduceL2Op>(op)  ? Reduce::L2
                                       : Reduce::Prod;
  results.push_back(reference::reduce(kind, *operands[0], toStd(*axes), keepsDims(op)));
  return success();
}

/// Where axes disappear, those that stay must come out in the order that the
/// channels-last form of their own rank has.
static bool keptAxesAgree(ArrayRef<int64_t> reduced, int64_t rank) {
  Shape before, after; // ONNX's axes that stay, in either order
  for (int64_t axis = 0; axis < rank; ++axis)
    if (!llvm::is_contained(reduced, axis))
      before.push_back(axis);
  for (int64_t axis : permToChannelsLast(rank))
    if (!llvm::is_contained(reduced, axis))
      after.push_back(axis);
  return channelsLastList<int64_t>(before) == after;
}

LogicalResult ops::reduceToChannelsLast(Operation *op) {
  FailureOr<Shape> axes = reducedAxes(op);
  int64_t rank = rankOf(op->getOperand(0));
  if (failed(axes) || (!keepsDims(op) && !keptAxesAgree(*axes, rank)))
    return failure();
  for (int64_t &axis : *axes)
    axis = channelsLastAxis(axis, rank);
  setReducedAxes(op, *axes);
  return success();
}
