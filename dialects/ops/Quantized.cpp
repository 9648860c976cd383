//===- Quantized.cpp - Elementwise and averaging on quantised values ------===//

#include "dialects/ops/Quantized.h"

#include "dialects/Constants.h"
#include "dialects/QuantTypes.h"
#include "dialects/reference/Elementwise.h"
#include "dialects/reference/Epilogue.h"
#include "dialects/reference/Pool.h"

#include "dialects/Chain.h"

#include <cmath>

using namespace mlir;
using namespace qcc;
using namespace qcc::ops;
using reference::QuantParams;
using reference::Tensor;

static LogicalResult requireQuantized(Operation *op, Value operand) {
  if (quantParams(elementOf(operand)))
    return success();
  return op->emitOpError("has an operand of element type ")
         << elementOf(operand) << " beside a quantised one; both must be quantised per tensor";
}

/// Only Relu and Clip can follow, as integer clamps (q8).
static LogicalResult checkClamps(Operation *op) {
  auto steps = parseChain(op->getAttrOfType<ArrayAttr>("chain"), op);
  if (failed(steps))
    return failure();
  for (const reference::PointwiseStep &step : *steps)
    if (StringRef name = step.function->name; name != "relu" && name != "clip")
      return op->emitOpError("chain has the step '")
             << name << "' but quantised operands allow only relu and clip";
  return success();
}

/// Quotients of scales must be numbers.
static LogicalResult checkQuotients(Operation *op, ArrayRef<float> scales, Type result) {
  for (float scale : scales)
    if (float to = quantParams(result)->scale; !std::isfinite(scale / to))
      return op->emitOpError("has operands of scale ")
             << scale << " and a result of scale " << to << ", whose quotient is " << scale / to
             << " in float32";
  return success();
}

LogicalResult ops::inferQuantizedBinary(Operation *op, ArrayRef<int64_t> shape, Results &results) {
  Type result = declaredElement(op);
  if (failed(requireQuantized(op, op->getOperand(0))) || failed(requireQuantized(op, op->getOperand(1))) ||
      failed(checkClamps(op)))
    return failure();
  if (!quantParams(result))
    return op->emitOpError("has quantised operands but a result of ")
           << result << "; it must be quantised per tensor";
  float left = quantParams(elementOf(op->getOperand(0)))->scale;
  float right = quantParams(elementOf(op->getOperand(1)))->scale;
  if (failed(isa<MulOp>(op) ? checkQuotients(op, {left * right}, result)
                            : checkQuotients(op, {left, right}, result)))
    return failure();
  return addResult(op, results, shape, result);
}

/// The integer bounds that the chain's clamps leave.
static QuantParams clamped(Operation *op, const QuantParams &to) {
  auto steps = parseChain(op->getAttrOfType<ArrayAttr>("chain"), op);
  QuantParams bounds = to;
  float low = -std::numeric_limits<float>::infinity(), high = std::numeric_limits<float>::infinity();
  for (const reference::PointwiseStep &step : *steps) {
    low = applyPointwise(step, low);
    high = applyPointwise(step, high);
  }
  bounds.low = reference::quantize(low, to);
  bounds.high = reference::quantize(high, to);
  return bounds;
}

LogicalResult ops::evaluateQuantizedBinary(Operation *op, Operands operands, Tensors &results) {
  QuantParams a = *quantParams(elementOf(op->getOperand(0)));
  QuantParams b = *quantParams(elementOf(op->getOperand(1)));
  QuantParams to = *quantParams(declaredElement(op)), bounds = clamped(op, to);
  ArrayRef<int64_t> shape = shapeOf(op->getResult(0));
  Tensor result(dtypeOf(declaredElement(op)), toStd(shape));
  std::vector<int64_t> left = reference::broadcastIndices(operands[0]->shape, result.shape);
  std::vector<int64_t> right = reference::broadcastIndices(operands[1]->shape, result.shape);
  if (isa<SubOp>(op))
    b.scale = -b.scale; // exact: a - x equals a + (-x) to the last bit
  for (size_t i = 0; i < left.size(); ++i) {
    int64_t x = operands[0]->getInt(left[i]), y = operands[1]->getInt(right[i]);
    int64_t q =
        isa<MulOp>(op) ? reference::mulQuantized(x, a, y, b, to) : reference::addQuantized(x, a, y, b, to);
    result.setInt(static_cast<int64_t>(i), std::clamp(q, bounds.low, bounds.high));
  }
  results.push_back(std::move(result));
  return success();
}

FailureOr<Type> ops::averageElement(Operation *op) {
  Value input = op->getOperand(0);
  if (!isQuantized(input))
    return elementOf(input);
  Type result = declaredElement(op);
  if (!quantParams(elementOf(input)) || !(quantParams(result) || result.isF32()))
    return op->emitOpError("averages ") << elementOf(input) << " to " << result
                                        << "; it takes a type with one scale to another, or to f32";
  if (!result.isF32() && failed(checkQuotients(op, {quantParams(elementOf(input))->scale}, result)))
    return failure();
  return result;
}

Tensor ops::averageQuantized(Operation *op, const Tensor &sums, ArrayRef<int64_t> counts) {
  QuantParams from = *quantParams(elementOf(op->getOperand(0)));
  std::optional<QuantParams> to = quantParams(declaredElement(op));
  Tensor result(dtypeOf(declaredElement(op)), sums.shape);
  for (int64_t i = 0, e = sums.size(); i < e; ++i) {
    int64_t count = std::max<int64_t>(counts[i], 1);
    if (to)
      result.setInt(i, reference::averageQuantized(sums.getInt(i), count, from, *to));
    else
      result.setDouble(i, reference::averageReal(sums.getInt(i), count, from.scale));
  }
  return result;
}

int64_t ops::inputZeroPoint(Operation *op) {
  std::optional<QuantParams> params = quantParams(elementOf(op->getOperand(0)));
  return params ? params->zeroPoint : 0;
}
