//===- Groups.cpp - Weights of 4 bits in groups (q13) ---------------------===//
//
// -8..7 reach further down than up. Where the largest number is positive a group is mirrored:
// q * -s is (~q + 1) * s, which types, whose scales are positive, say with a zero point of -1.
//
//===----------------------------------------------------------------------===//

#include "compiler/quantize/Groups.h"
#include "compiler/quantize/Scales.h"
#include "compiler/quantize/Weights.h"
#include "compiler/support/Rewrite.h"
#include "compiler/support/Weighted.h"
#include "dialects/reference/Groups.h"
#include <cmath>

using namespace mlir;
using namespace qcc;
using reference::DType;
using reference::groupDepth;
using reference::Tensor;

/// Multiples of its scale that the largest number of a group may be: beyond 7 or 8 it is clipped, for the
/// good of the others.
constexpr float firstMultiple = 7, multipleStep = 0.25f;
constexpr int multiples = 16;

static float rounded(float steps) {
  constexpr float rounder = 0x1.8p23f; // leaves no bits for a fraction
  steps = (steps + rounder) - rounder;
  return std::min(std::max(steps, -8.0f), 7.0f);
}

float quantize::chooseGroupScale(const float *values, int64_t count) {
  float largest = 0;
  for (int64_t i = 0; i < count; ++i)
    largest = std::max(largest, std::fabs(values[i]));
  if (!(largest >= narrowestRange))
    return 1;
  float best = 0, leastError = std::numeric_limits<float>::infinity();
  for (int candidate = 0; candidate < 2 * multiples; ++candidate) {
    float multiple = firstMultiple + multipleStep * static_cast<float>(candidate / 2);
    float scale =
        reference::bfloatToFloat(reference::floatToBfloat((candidate % 2 ? -largest : largest) / multiple));
    float inverse = 1 / scale, error = 0;
    for (int64_t i = 0; i < count; ++i) {
      float difference = rounded(values[i] * inverse) * scale - values[i];
      error += difference * difference;
    }
    if (error < leastError) {
      leastError = error;
      best = scale;
    }
  }
  return best;
}

int8_t quantize::quantizeToGroup(float value, float scale) {
  return static_cast<int8_t>(rounded(value / scale));
}

Value quantize::createGroupedWeights(OpBuilder &builder, Location loc, const Tensor &weights,
                                     ArrayRef<int64_t> shape, int64_t axis,
                                     llvm::function_ref<int64_t(int64_t)> from) {
  int64_t depth = shape[axis], groups = llvm::divideCeil(depth, groupDepth), inner = 1;
  for (int64_t size : shape.drop_front(axis + 1))
    inner *= size;
  SmallVector<int64_t> scaleShape(shape);
  scaleShape[axis] = groups;
  Tensor stored(DType::I4, shape.vec());
  SmallVector<APInt> zeros;
  std::vector<float> scales(stored.size() / depth * groups);
  for (int64_t index = 0, e = scales.size(); index < e; ++index) {
    int64_t outer = index / inner / groups, group = index / inner % groups;
    int64_t first = (outer * depth + group * groupDepth) * inner + index % inner;
    int64_t count = std::min(groupDepth, depth - group * groupDepth);
    float values[groupDepth];
    for (int64_t i = 0; i < count; ++i)
      values[i] = static_cast<float>(weights.getDouble(from(first + i * inner)));
    scales[index] = chooseGroupScale(values, count);
    bool mirrored = scales[index] < 0;
    for (int64_t i = 0; i < count; ++i) {
      int8_t q = quantizeToGroup(values[i], scales[index]);
      stored.bytes[first + i * inner] = static_cast<uint8_t>(mirrored ? ~q : q);
    }
    zeros.emplace_back(4, mirrored ? -1 : 0, /*isSigned=*/true);
    scales[index] = std::fabs(scales[index]);
  }
  Type i4 = builder.getIntegerType(4), f32 = builder.getF32Type();
  SmallVector<int32_t> axes;
  SmallVector<int64_t> blocks(shape.size(), 1);
  blocks[axis] = groupDepth;
  for (size_t i = 0; i < shape.size(); ++i)
    axes.push_back(static_cast<int32_t>(i));
  auto element = quant::UniformQuantizedSubChannelType::get(
      quant::QuantizationFlags::Signed, i4, f32,
      DenseElementsAttr::get(RankedTensorType::get(scaleShape, f32), ArrayRef<float>(scales)),
      DenseElementsAttr::get(RankedTensorType::get(scaleShape, i4), zeros), axes, blocks, -8, 7);
  return createConstant(builder, loc, stored, RankedTensorType::get(shape, element));
}

/// The axis of a matrix of weights that is summed over.
static int64_t depthAxis(Operation *op) {
  auto gemm = dyn_cast<GemmOp>(op);
  return gemm && gemm.getTransB() ? 1 : 0;
}

std::string quantize::whyNotGrouped(Operation *op, int64_t least) {
  if (!isa<GemmOp, MatMulOp>(op))
    return "convolutions have no kernel with weights of 4 bits";
  RankedTensorType type = tensorType(describeWeighted(op)->weights->get());
  if (type.getRank() != 2)
    return "its weights are more than one matrix";
  return whyInt8(type.getDimSize(depthAxis(op)), type.getNumElements(), least);
}

std::string quantize::whyInt8(int64_t depth, int64_t count, int64_t least) {
  if (depth < groupDepth)
    return "sums of " + std::to_string(depth) + " products make no group of 32";
  return count < least
             ? "fewer than " + std::to_string(least) + " weights: 4 bits would save little and cost accuracy"
             : "";
}

LogicalResult quantize::groupWeights(Operation *op, OpBuilder &builder) {
  OpOperand &weights = *describeWeighted(op)->weights;
  Tensor constant = *constantOf(weights.get());
  if (failed(checkFinite(op, constant)))
    return failure();
  builder.setInsertionPoint(op);
  Location loc = weights.get().getLoc();
  RankedTensorType type = tensorType(weights.get());
  Value stored = createGroupedWeights(builder, loc, constant, type.getShape(), depthAxis(op),
                                      [](int64_t i) { return i; });
  weights.set(DequantizeOp::create(builder, loc, type, stored));
  return success();
}
