//===- Order.cpp - Operations on lines along one axis ---------------------===//

#include "dialects/reference/Order.h"
#include "dialects/ops/Families.h"

using namespace mlir;
using namespace qcc;
using namespace qcc::ops;

static int64_t intAttr(Operation *op, StringRef name) {
  auto attr = op->getAttrOfType<IntegerAttr>(name);
  return attr ? attr.getInt() : name == "keepdims";
}

static FailureOr<int64_t> axisOf(Operation *op) {
  int64_t axis = op->hasAttr("axis") ? intAttr(op, "axis") : isa<TopKOp>(op) ? -1 : 0;
  return resolveAxis(op, "axis", axis, rankOf(op->getOperand(0)));
}

//===----------------------------------------------------------------------===//
// ArgMax, ArgMin
//===----------------------------------------------------------------------===//

LogicalResult ops::normalizeArgReduce(Operation *op) {
  FailureOr<int64_t> axis = axisOf(op);
  if (failed(axis))
    return failure();
  op->setAttr("axis", Builder(op->getContext()).getI64IntegerAttr(*axis));
  return success();
}

LogicalResult ops::inferArgReduce(Operation *op, Results &results) {
  FailureOr<int64_t> axis = axisOf(op);
  if (failed(axis) || failed(requireNumber(op, "input", op->getOperand(0))))
    return failure();
  Shape shape(shapeOf(op->getOperand(0)));
  if (shape[*axis] == 0)
    return op->emitOpError("looks for an element along axis ") << *axis << ", which has none";
  if (intAttr(op, "keepdims"))
    shape[*axis] = 1;
  else
    shape.erase(shape.begin() + *axis);
  return addResult(op, results, shape, IntegerType::get(op->getContext(), 64));
}

LogicalResult ops::evaluateArgReduce(Operation *op, Operands operands, Tensors &results) {
  FailureOr<int64_t> axis = axisOf(op);
  if (failed(axis))
    return failure();
  results.push_back(
      reference::argReduce(*operands[0], *axis, isa<ArgMaxOp>(op), intAttr(op, "select_last_index") != 0));
  results.back().shape = toStd(cast<RankedTensorType>(op->getResult(0).getType()).getShape());
  return success();
}

LogicalResult ops::argReduceToChannelsLast(Operation *op) {
  int64_t rank = rankOf(op->getOperand(0));
  FailureOr<int64_t> axis = axisOf(op);
  if (failed(axis))
    return failure();
  // An image without its channels is as it was; other results would have another order.
  if (!intAttr(op, "keepdims") && rank > 3)
    return failure();
  if (!intAttr(op, "keepdims") && rank == 3 && *axis == 0)
    return failure();
  op->setAttr("axis", Builder(op->getContext()).getI64IntegerAttr(channelsLastAxis(*axis, rank)));
  return success();
}

//===----------------------------------------------------------------------===//
// CumSum
//===----------------------------------------------------------------------===//

LogicalResult CumSumOp::normalize() { return normalizeAxis(*this, getInput()); }

LogicalResult CumSumOp::inferTypes(Results &results) {
  if (failed(axisOf(*this)) || failed(requireNumber(*this, "input", getInput())))
    return failure();
  results.push_back(getInput().getType());
  return success();
}

LogicalResult CumSumOp::evaluate(Operands operands, Tensors &results) {
  FailureOr<int64_t> axis = axisOf(*this);
  if (failed(axis))
    return failure();
  results.push_back(reference::cumulativeSum(*operands[0], *axis, getExclusive() != 0, getReverse() != 0));
  return success();
}

LogicalResult CumSumOp::toChannelsLast() {
  if (failed(normalize()))
    return failure();
  setAxis(channelsLastAxis(static_cast<int64_t>(getAxis()), rankOf(getInput())));
  return success();
}

//===----------------------------------------------------------------------===//
// TopK
//===----------------------------------------------------------------------===//

LogicalResult TopKOp::normalize() { return normalizeAxis(*this, getInput()); }

LogicalResult TopKOp::inferTypes(Results &results) {
  FailureOr<int64_t> axis = axisOf(*this);
  if (failed(axis) || failed(requireNumber(*this, "input", getInput())))
    return failure();
  Shape shape(shapeOf(getInput()));
  auto k = static_cast<int64_t>(getK());
  if (k < 0 || k > shape[*axis])
    return emitOpError("k is ") << k << " but axis " << *axis << " has " << shape[*axis] << " elements";
  shape[*axis] = k;
  if (failed(addResult(*this, results, shape, elementOf(getInput()))))
    return failure();
  return addResult(*this, results, shape, IntegerType::get(getContext(), 64));
}

LogicalResult TopKOp::evaluate(Operands operands, Tensors &results) {
  FailureOr<int64_t> axis = axisOf(*this);
  if (failed(axis))
    return failure();
  reference::TopK top = reference::topK(*operands[0], static_cast<int64_t>(getK()), *axis, getLargest() != 0);
  results.push_back(std::move(top.values));
  results.push_back(std::move(top.indices));
  return success();
}
