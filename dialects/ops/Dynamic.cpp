//===- Dynamic.cpp - Quantisation by what was just computed (q11) ---------===//

#include "dialects/reference/Dynamic.h"
#include "dialects/QuantTypes.h"
#include "dialects/ops/Fused.h"
#include "dialects/ops/Groups.h"
#include "dialects/reference/MatMul.h"
#include "dialects/reference/Quant.h"

using namespace mlir;
using namespace qcc;
using namespace qcc::ops;
using reference::Tensor;

//===----------------------------------------------------------------------===//
// dynamic_quantize
//===----------------------------------------------------------------------===//

static bool hasZeroOfRun(DynamicQuantizeOp op) {
  std::optional<uint64_t> zero = op.getZeroPoint();
  return zero && static_cast<int64_t>(*zero) == reference::zeroOfRun;
}

/// The bytes by themselves, or in units of the scale where the zero point is known.
static Type measuredElement(DynamicQuantizeOp op) {
  auto declared = dyn_cast<quant::UniformQuantizedType>(declaredElement(op));
  bool fits = declared && op.getZeroPoint() && !declared.isSigned() &&
              declared.getStorageTypeIntegralWidth() == 8 && declared.getScale() == 1 &&
              declared.getZeroPoint() == static_cast<int64_t>(*op.getZeroPoint());
  return fits ? Type(declared) : IntegerType::get(op.getContext(), 8, IntegerType::Unsigned);
}

LogicalResult DynamicQuantizeOp::inferTypes(Results &results) {
  if (!elementOf(getInput()).isF32())
    return emitOpError("operand 'input' has element type ") << elementOf(getInput()) << " but should be f32";
  auto axis = static_cast<int64_t>(getAxis());
  if (axis < 0 || axis >= rankOf(getInput()))
    return emitOpError("axis is ") << axis << " but the operand has rank " << rankOf(getInput());
  bool ofRun = hasZeroOfRun(*this);
  if (ofRun && (axis != 1 || shapeOf(getInput())[0] != 1))
    return emitOpError("zero_point is -1, which is for one image, but axis is ")
           << axis << " and the operand has shape " << shapeText(shapeOf(getInput()));
  if (std::optional<uint64_t> zero = getZeroPoint(); zero && *zero > 255 && !ofRun)
    return emitOpError("zero_point is ") << static_cast<int64_t>(*zero) << " but must be in 0..255";
  Builder builder(getContext());
  ArrayRef<int64_t> rows = shapeOf(getInput()).take_front(axis);
  results.push_back(RankedTensorType::get(shapeOf(getInput()), measuredElement(*this)));
  Shape scales(rows);
  if (ofRun)
    scales.push_back(2);
  results.push_back(RankedTensorType::get(scales, builder.getF32Type()));
  results.push_back(RankedTensorType::get(rows, builder.getI32Type()));
  return success();
}

LogicalResult DynamicQuantizeOp::evaluate(Operands operands, Tensors &results) {
  if (hasZeroOfRun(*this)) {
    reference::DynamicQuantized whole = reference::dynamicQuantizeLinear(*operands[0]);
    Tensor pair(reference::DType::F32, {1, 2}), zeros(reference::DType::I32, {1});
    pair.setDouble(0, whole.scale.getDouble(0));
    pair.setDouble(1, whole.zeroPoint.getDouble(0));
    zeros.setInt(0, whole.zeroPoint.getInt(0));
    results.append({std::move(whole.values), std::move(pair), std::move(zeros)});
    return success();
  }
  std::optional<int32_t> zero;
  if (getZeroPoint())
    zero = static_cast<int32_t>(*getZeroPoint());
  reference::DynamicRows rows =
      reference::dynamicQuantize(*operands[0], static_cast<int64_t>(getAxis()), zero);
  results.append({std::move(rows.values), std::move(rows.scale), std::move(rows.zero)});
  return success();
}

/// Whole images stay whole images.
LogicalResult DynamicQuantizeOp::toChannelsLast() { return success(getAxis() == 1); }

//===----------------------------------------------------------------------===//
// dynamic_matmul
//===----------------------------------------------------------------------===//

/// What follows the product works as on float operands.
static Fused fusedOf(DynamicMatMulOp op) {
  Value scale = op.getScale();
  return {scale,
          scale,
          op.getBias(),
          op.getResidual(),
          op.getTable(),
          op.getChainAttr(),
          1,
          shapeOf(op.getB()).back()};
}

/// In groups along the depth, or with one scale for each column and zero points of 0.
static LogicalResult checkWeights(DynamicMatMulOp op) {
  Type element = elementOf(op.getB());
  auto emitError = [&] { return op.emitOpError("operand 'b' "); };
  if (hasGroups(op.getB()))
    return checkGroups(op, "b", op.getB(), 0);
  auto params = channelParams(element, 1, shapeOf(op.getB())[1], emitError);
  if (failed(params))
    return failure();
  for (const reference::QuantParams &channel : *params)
    if (channel.zeroPoint != 0)
      return op.emitOpError("has weights with zero point ") << channel.zeroPoint << " but it must be 0";
  return success();
}

LogicalResult DynamicMatMulOp::inferTypes(Results &results) {
  if (failed(requireRank(*this, "a", getA(), 1, 8)) || failed(requireRank(*this, "b", getB(), 2, 2)))
    return failure();
  ArrayRef<int64_t> a = shapeOf(getA()), b = shapeOf(getB());
  for (Value value : {getScale(), getZero()})
    if (shapeOf(value) != a.drop_back())
      return emitOpError("has rows of shape ")
             << shapeText(a.drop_back()) << " but a scale or zero of shape " << shapeText(shapeOf(value));
  if (!elementOf(getA()).isUnsignedInteger(8) || !elementOf(getScale()).isF32() ||
      !elementOf(getZero()).isInteger(32) || !isa<quant::QuantizedType>(elementOf(getB())))
    return emitOpError("has operands of ")
           << elementOf(getA()) << ", " << elementOf(getScale()) << ", " << elementOf(getZero()) << " and "
           << elementOf(getB()) << " but should have ui8, f32, i32 and quantised weights";
  if (failed(checkWeights(*this)))
    return failure();
  if (a.back() != b[0])
    return emitOpError("multiplies operands of shapes ")
           << shapeText(a) << " and " << shapeText(b) << ", which do not fit";
  if (Value bias = getBias(); bias && shapeOf(bias) != b.drop_front())
    return emitOpError("operand 'bias' has shape ")
           << shapeText(shapeOf(bias)) << " but should have " << b[1];
  if (getTable())
    return emitOpError("has a table, which its float result cannot use");
  Shape shape(a.drop_back());
  shape.push_back(b[1]);
  return inferFused(*this, fusedOf(*this), shape, results);
}

LogicalResult DynamicMatMulOp::evaluate(Operands operands, Tensors &results) {
  if (hasGroups(getB())) {
    Tensor sums =
        reference::dynamicMatMul(*operands[0], *operands[1], *operands[2], *operands[3], groupsOf(getB()));
    return finishFused(*this, fusedOf(*this), std::move(sums), rankOf(getA()) - 1, optional(operands, 4),
                       optional(operands, 5), nullptr, results);
  }
  auto params =
      channelParams(elementOf(getB()), 1, shapeOf(getB())[1], [&] { return emitOpError("operand 'b' "); });
  if (failed(params))
    return failure();
  std::vector<float> scales;
  for (const reference::QuantParams &channel : *params)
    scales.push_back(channel.scale);
  Tensor sums = reference::dynamicMatMul(*operands[0], *operands[1], *operands[2], *operands[3], scales);
  int64_t axis = sums.rank() - 1;
  return finishFused(*this, fusedOf(*this), std::move(sums), axis, optional(operands, 4),
                     optional(operands, 5), nullptr, results);
}
