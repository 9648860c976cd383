//===- Product.cpp - Shared parts of convolutions and products ------------===//

#include "compiler/lower/Product.h"

#include "dialects/Constants.h"
#include "dialects/QuantTypes.h"
#include <cmath>

using namespace mlir;
using namespace qcc;
using namespace qcc::lower;

namespace {
Type elementOf(Value value) { return cast<RankedTensorType>(value.getType()).getElementType(); }

/// One scale for each output channel.
LogicalResult readScales(Operation *op, Type element, int64_t channels, Weights &weights) {
  if (auto perAxis = dyn_cast<quant::UniformQuantizedPerAxisType>(element)) {
    for (int64_t zeroPoint : perAxis.getZeroPoints())
      if (zeroPoint)
        return op->emitOpError("has a filter with zero point ") << zeroPoint << "; only 0 has a kernel";
    for (double scale : perAxis.getScales())
      weights.scales.push_back(float(scale));
    if (int64_t(weights.scales.size()) == 1)
      weights.scales.resize(channels, weights.scales[0]);
    return success();
  }
  auto perTensor = cast<quant::UniformQuantizedType>(element);
  if (perTensor.getZeroPoint())
    return op->emitOpError("has a filter with zero point ")
           << perTensor.getZeroPoint() << "; only 0 has a kernel";
  weights.scales.assign(channels, float(perTensor.getScale()));
  return success();
}
} // namespace

ElementsAttr lower::constantValue(Value value) {
  auto constant = value ? value.getDefiningOp<ConstantOp>() : nullptr;
  return constant ? constant.getValue() : ElementsAttr();
}

bool lower::isDouble(Value value) { return elementOf(value).isF64(); }

target::Half lower::halfTypeOf(Value filter) {
  Type element = elementOf(filter);
  return element.isF16() ? target::Half::F16 : element.isBF16() ? target::Half::BF16 : target::Half::None;
}

LogicalResult lower::readWeights(Operation *op, Value filter, int64_t count,
                                 llvm::function_ref<int64_t(int64_t)> order, int64_t channels,
                                 Weights &weights) {
  ElementsAttr value = constantValue(filter);
  if (!value)
    return op->emitOpError("has a filter that is no constant; such products have no kernel yet");
  if (Type element = elementOf(op->getOperand(0));
      isa<FloatType>(element) && !element.isF32() && !element.isBF16())
    return op->emitOpError("multiplies ") << element << " by constants, which has no kernel";
  reference::Tensor tensor = toTensor(value);
  if (isa<quant::UniformQuantizedSubChannelType>(elementOf(filter))) {
    weights.decoded = elementOf(op->getOperand(0)).isF32();
    weights.nibbles = readNibbles(filter, channels, count / channels, order);
    return success();
  }
  if (isa<quant::QuantizedType>(elementOf(filter))) {
    weights.decoded = elementOf(op->getOperand(0)).isF32();
    weights.bytes.resize(count);
    for (int64_t i = 0; i < count; ++i)
      weights.bytes[i] = int8_t(tensor.getInt(order(i)));
    return readScales(op, elementOf(filter), channels, weights);
  }
  if (elementOf(op->getOperand(0)).isF32())
    weights.half = halfTypeOf(filter);
  weights.floats.resize(count);
  for (int64_t i = 0; i < count; ++i)
    weights.floats[i] = float(tensor.getDouble(order(i)));
  return success();
}

kernels::NibbleWeights lower::readNibbles(Value filter, int64_t columns, int64_t depth,
                                          llvm::function_ref<int64_t(int64_t)> order) {
  reference::Tensor tensor = toTensor(constantValue(filter));
  ElementParams params = elementParams(elementOf(filter), tensor.shape);
  kernels::NibbleWeights weights;
  weights.depth = depth;
  weights.values.resize(columns * depth);
  for (int64_t i = 0; i < columns * depth; ++i) {
    int64_t from = order(i);
    const reference::QuantParams &group = params.params[params.index[from]];
    bool mirrored = group.zeroPoint == -1; // (q + 1) * s is ~q * -s, which needs no zero point
    weights.values[i] = int8_t(mirrored ? ~tensor.getInt(from) : tensor.getInt(from));
    if (i % depth % kernels::groupDepth == 0) {
      weights.scales.push_back(mirrored ? -group.scale : group.scale);
      weights.zeros.push_back(int8_t(mirrored ? 0 : group.zeroPoint));
    }
  }
  return weights;
}

LogicalResult lower::readBias(Operation *op, Value bias, int64_t channels, Weights &weights) {
  if (!weights.isFloat())
    weights.sums.assign(channels, 0);
  if (!bias) {
    if (weights.isFloat())
      weights.bias.assign(channels, 0);
    return success();
  }
  ElementsAttr value = constantValue(bias);
  if (!value)
    return op->emitOpError("has a bias that is no constant; such products have no kernel yet");
  reference::Tensor tensor = toTensor(value);
  for (int64_t c = 0; c < channels; ++c) {
    int64_t at = tensor.size() == 1 ? 0 : c;
    if (tensor.type == reference::DType::I32)
      weights.sums[c] = int32_t(tensor.getInt(at));
    else
      weights.bias.push_back(float(tensor.getDouble(at)));
  }
  return success();
}

Sums lower::sumsOf(Value input, const Weights &weights, int64_t depth) {
  Sums sums;
  sums.isFloat = weights.isFloat();
  if (weights.decoded) {
    sums.filterScales = weights.scales;
    sums.floatBias = weights.bias;
  }
  if (sums.isFloat)
    return sums;
  double farthest = 255; // of a zero point of the run
  if (auto type = dyn_cast<quant::UniformQuantizedType>(elementOf(input))) {
    sums.inputScale = float(type.getScale());
    farthest = std::max(std::abs(double(type.getStorageTypeMin() - type.getZeroPoint())),
                        std::abs(double(type.getStorageTypeMax() - type.getZeroPoint())));
  }
  sums.filterScales = weights.scales;
  for (size_t c = 0; c < weights.scales.size(); ++c) {
    double magnitude = 0;
    for (int64_t k = 0; k < depth; ++k)
      magnitude += std::abs(double(weights.bytes[c * depth + k]));
    sums.bound.push_back(magnitude * farthest + std::abs(double(weights.sums[c])));
  }
  sums.floatBias = weights.bias;
  return sums;
}

/// q2: no multiplier overflows, and none becomes zero where there is something to multiply.
static LogicalResult checkMultipliers(Operation *op, const Sums &sums, const Tail &tail) {
  for (auto [channel, m] : llvm::enumerate(tail.multiplier))
    if (!std::isfinite(m) || (m == 0 && sums.bound[channel] != 0))
      return op->emitOpError("has scales whose quotient for channel ")
             << channel << " is " << m << " in float32; input " << sums.inputScale << " times filter "
             << sums.filterScales[channel] << ", divided by the result's";
  return success();
}

kernels::Place lower::nhwc(const Place &place) {
  ArrayRef<int64_t> s = place.view.strides;
  kernels::Place result;
  result.offset = place.view.offset;
  switch (s.size()) {
  case 4:
    result.image = s[0], result.row = s[1], result.pixel = s[2];
    break;
  case 3:
    result.image = s[0], result.pixel = s[1];
    break;
  case 2:
    result.pixel = s[0];
    break;
  default:
    break;
  }
  return result;
}

void lower::setNibbles(kernels::GemmSpec &spec, const Weights &weights) {
  if (!weights.nibbles)
    return;
  spec.nibbles = weights.nibbles->form();
  spec.nibbles->isFloat = spec.isFloat;
}

namespace {
struct Packed {
  kernels::Bytes weights, params;
};

template <typename Spec>
Packed pack(const Spec &spec, const Weights &weights, const Tail &tail, Value input) {
  if constexpr (std::is_same_v<Spec, kernels::GemmSpec>)
    if (spec.nibbles)
      return {kernels::packWeights(spec, *weights.nibbles),
              kernels::packParams(spec, *weights.nibbles, tail.values)};
  ArrayRef<int8_t> bytes = weights.bytes;
  if (weights.decoded)
    return {kernels::packWeights(spec, bytes),
            kernels::packParams(spec, SmallVector<float>(weights.scales.size(), 0), tail.values)};
  if (weights.isFloat())
    return {kernels::packWeights(spec, ArrayRef<float>(weights.floats)),
            kernels::packParams(spec, weights.bias, tail.values)};
  auto zeroPoint = int32_t(zeroValue(input.getType()));
  return {kernels::packWeights(spec, bytes),
          kernels::packParams(spec, weights.sums, bytes, zeroPoint, tail.multiplier, tail.values)};
}
} // namespace

template <typename Spec>
FailureOr<Rest> lower::invokeProduct(Lowering &lowering, Spec spec, const ProductOperands &operands,
                                     const Weights &weights, const Place &input, const Place &output,
                                     const Place *residual, int64_t depth, int64_t macs) {
  Sums sums = sumsOf(operands.input, weights, depth);
  for (double bound : sums.bound)
    if (bound > double(INT32_MAX))
      return operands.op->emitOpError("could overflow its int32 sums: the weights allow ") << int64_t(bound);
  sums.measured = bool(operands.imageScale);
  sums.zeroOfRun = sums.measured && cast<RankedTensorType>(operands.imageScale.getType()).getRank() == 2;
  FailureOr<Tail> tail =
      translateChain(operands.op, operands.chain, sums, operands.result.getType(),
                     operands.residual ? operands.residual.getType() : Type(), bool(operands.table));
  if (failed(tail))
    return failure();
  if (failed(checkMultipliers(operands.op, sums, *tail)))
    return failure();
  spec.isFloat = weights.isFloat();
  spec.byteWeights = weights.decoded && !weights.nibbles;
  if constexpr (std::is_same_v<Spec, kernels::GemmSpec>) {
    spec.isBf16 = elementOf(operands.input).isBF16();
    spec.halfWeights = weights.half;
    setNibbles(spec, weights);
  }
  spec.packing = lowering.packing();
  spec.epilogue = tail->form;
  if (std::string reason = kernels::unsupportedReason(spec); !reason.empty())
    return operands.op->emitOpError() << reason;

  Packed packed = pack(spec, weights, *tail, operands.input);
  Storage &storage = lowering.storage();
  SmallVector<Value> pointers{input.pointer, storage.weights(lowering.blob().add(packed.weights)),
                              storage.weights(lowering.blob().add(packed.params))};
  if (operands.imageScale)
    pointers.push_back(storage.place(operands.imageScale).pointer);
  if (residual)
    pointers.push_back(residual->pointer);
  if (operands.table)
    pointers.push_back(storage.place(operands.table).pointer);
  pointers.push_back(output.pointer);
  lowering.invokePointers(operands.op, spec.toAttr(operands.op->getContext()), pointers, 1, macs);
  return Rest(tail->rest);
}

template FailureOr<Rest> lower::invokeProduct(Lowering &, kernels::GemmSpec, const ProductOperands &,
                                              const Weights &, const Place &, const Place &, const Place *,
                                              int64_t, int64_t);
template FailureOr<Rest> lower::invokeProduct(Lowering &, kernels::DepthwiseSpec, const ProductOperands &,
                                              const Weights &, const Place &, const Place &, const Place *,
                                              int64_t, int64_t);
