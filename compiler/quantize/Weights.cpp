//===- Weights.cpp - Constant weights as 8-bit integers -------------------===//

#include "compiler/quantize/Weights.h"
#include "compiler/quantize/Passes.h"
#include "compiler/quantize/Role.h"
#include "compiler/quantize/Scales.h"
#include "compiler/support/Rewrite.h"
#include "compiler/support/Weighted.h"

#include <cmath>

using namespace mlir;
using namespace qcc;
using reference::DType;
using reference::Tensor;

namespace {

/// The scale that the integers in front of `value` have, or are going to have,
/// through operations that only move them; 0 if there are none.
float scaleOf(Value value) {
  while (Operation *op = value.getDefiningOp()) {
    if (auto dequantize = dyn_cast<DequantizeOp>(op)) {
      auto type = dyn_cast<quant::UniformQuantizedType>(tensorType(dequantize.getInput()).getElementType());
      return type ? static_cast<float>(type.getScale()) : 0;
    }
    if (auto mark = dyn_cast<ObserveOp>(op); mark && quantize::isRange(mark) && mark.getRange())
      return quantize::chooseParams({(*mark.getRange())[0], (*mark.getRange())[1]}).scale;
    quantize::Role role = quantize::roleOf(op);
    if (role.form != quantize::Form::Move)
      return 0;
    value = role.inputs[0];
  }
  return 0;
}

/// Splits a tensor's elements by their index along one axis.
struct Channels {
  int64_t count, inner;

  Channels(const Tensor &tensor, int64_t axis) : count(tensor.shape[axis]), inner(1) {
    for (int64_t i = axis + 1; i < tensor.rank(); ++i)
      inner *= tensor.shape[i];
  }
  int64_t of(int64_t element) const { return element / inner % count; }
};

/// The bias with its correction, one number for each channel; empty if there is
/// neither, or a bias that is no constant.
std::vector<float> constantBias(const Weighted &weighted, ArrayRef<float> correction) {
  if (weighted.bias.empty())
    return correction.vec();
  if (!isConstant(weighted.bias[0].get()))
    return {};
  Tensor bias = *constantOf(weighted.bias[0].get());
  std::vector<float> values;
  for (int64_t c = 0; c < weighted.channels; ++c)
    values.push_back(static_cast<float>(bias.getDouble(bias.size() == 1 ? 0 : c) +
                                        (correction.empty() ? 0.0 : correction[c])));
  return values;
}

void setBias(Weighted &weighted, ArrayRef<float> values, Location loc, OpBuilder &builder) {
  Tensor tensor(DType::F32, {weighted.channels});
  llvm::copy(values, tensor.data<float>());
  auto type = RankedTensorType::get({weighted.channels}, builder.getF32Type());
  weighted.bias.assign(createConstant(builder, loc, tensor, type));
}

/// Scales of a channel each, or of all together.
std::vector<float> chooseScales(const Tensor &weights, const Channels &channels, bool together,
                                ArrayRef<float> bias, float inputScale) {
  quantize::WeightScales scales;
  scales.maxima.resize(together ? 1 : channels.count);
  for (int64_t i = 0, size = weights.size(); i < size; ++i) {
    float &maximum = scales.maxima[together ? 0 : channels.of(i)];
    maximum = std::max(maximum, std::fabs(weights.data<float>()[i]));
  }
  scales.inputScale = inputScale;
  if (inputScale > 0 && !bias.empty()) {
    scales.biases.resize(scales.maxima.size());
    for (size_t c = 0; c < bias.size(); ++c) {
      float &size = scales.biases[together ? 0 : c];
      size = std::max(size, std::fabs(bias[c]));
    }
  }
  return scales.choose();
}

Type storedType(ArrayRef<float> scales, bool together, int64_t axis, Builder &builder) {
  Type storage = builder.getI8Type(), real = builder.getF32Type();
  unsigned flags = quant::QuantizationFlags::Signed;
  if (together)
    return quant::UniformQuantizedType::get(flags, storage, real, scales[0], 0, -128, 127);
  SmallVector<double> exact(scales.begin(), scales.end());
  SmallVector<int64_t> zeros(scales.size(), 0);
  return quant::UniformQuantizedPerAxisType::get(flags, storage, real, exact, zeros,
                                                 static_cast<int32_t>(axis), -128, 127);
}

} // namespace

bool quantize::hasFloatWeights(Operation *op) {
  std::optional<Weighted> weighted = describeWeighted(op);
  if (!weighted || !isConstant(weighted->weights->get()))
    return false;
  RankedTensorType type = tensorType(weighted->weights->get());
  return type.getElementType().isF32() && type.getNumElements() > 0;
}

LogicalResult quantize::checkFinite(Operation *op, const Tensor &weights) {
  for (int64_t i = 0, size = weights.size(); i < size; ++i)
    if (!std::isfinite(weights.data<float>()[i]))
      return op->emitError("weight ")
             << i << " is " << weights.data<float>()[i] << " and cannot be quantised";
  return success();
}

namespace {
/// An operation's weights with the scales that they get.
struct Scaled {
  Weighted weighted;
  Tensor weights;
  std::vector<float> bias, scales; ///< bias: with its correction, or empty
  bool together;                   ///< one scale for all channels
  Channels channels;

  float scaleOf(int64_t element) const { return scales[together ? 0 : channels.of(element)]; }
};
} // namespace

static FailureOr<Scaled> scaledWeights(Operation *op, ArrayRef<float> correction) {
  Weighted weighted = *describeWeighted(op);
  Tensor weights = *constantOf(weighted.weights->get());
  if (failed(quantize::checkFinite(op, weights)))
    return failure();
  bool together = weighted.groups != 1;
  Channels channels(weights, weighted.weightAxis);
  std::vector<float> bias = constantBias(weighted, correction);
  std::vector<float> scales = chooseScales(weights, channels, together, bias, scaleOf(weighted.input->get()));
  return Scaled{weighted, std::move(weights), std::move(bias), std::move(scales), together, channels};
}

LogicalResult quantize::quantizeWeights(Operation *op, ArrayRef<float> correction, OpBuilder &builder) {
  FailureOr<Scaled> scaled = scaledWeights(op, correction);
  if (failed(scaled))
    return failure();
  builder.setInsertionPoint(op);
  Weighted &weighted = scaled->weighted;
  Location loc = weighted.weights->get().getLoc();
  Tensor stored(DType::I8, scaled->weights.shape);
  for (int64_t i = 0, size = stored.size(); i < size; ++i)
    stored.data<int8_t>()[i] = quantizeWeight(scaled->weights.data<float>()[i], scaled->scaleOf(i));
  auto real = tensorType(weighted.weights->get());
  Type element = storedType(scaled->scales, scaled->together, weighted.weightAxis, builder);
  Value constant = createConstant(builder, loc, stored, real.clone(element));
  weighted.weights->set(DequantizeOp::create(builder, loc, real, constant));
  if (!correction.empty()) // last: a new operand moves the others in memory
    setBias(weighted, scaled->bias, op->getLoc(), builder);
  return success();
}

LogicalResult quantize::roundWeights(Operation *op, OpBuilder &builder) {
  FailureOr<Scaled> scaled = scaledWeights(op, {});
  if (failed(scaled))
    return failure();
  builder.setInsertionPoint(op);
  for (int64_t i = 0, size = scaled->weights.size(); i < size; ++i) {
    float &weight = scaled->weights.data<float>()[i], scale = scaled->scaleOf(i);
    weight = static_cast<float>(quantizeWeight(weight, scale)) * scale;
  }
  OpOperand &weights = *scaled->weighted.weights;
  weights.set(createConstant(builder, weights.get().getLoc(), scaled->weights, tensorType(weights.get())));
  return success();
}
