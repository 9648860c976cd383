//===- Quant.cpp - Changes of representation ------------------------------===//

#include "dialects/reference/Quant.h"
#include "dialects/reference/Elementwise.h"
#include "dialects/reference/SmallFloat.h"

#include <algorithm>
#include <cmath>

namespace qcc::reference {

static bool isSmallFloat(DType type) { return type >= DType::F8E4M3FN; }

std::vector<int64_t> scaleIndices(const std::vector<int64_t> &shape, const Tensor &scale,
                                  Granularity granularity) {
  std::vector<int64_t> indices(static_cast<size_t>(elementCount(shape)), 0);
  if (scale.size() == 1)
    return indices;
  int64_t axis = granularity.axis, dim = shape[axis];
  int64_t inner = elementCount({shape.begin() + axis + 1, shape.end()});
  int64_t blocks = granularity.blockSize ? scale.shape[axis] : 0;
  for (int64_t i = 0, e = static_cast<int64_t>(indices.size()); i < e; ++i) {
    int64_t onAxis = i / inner % dim;
    if (granularity.blockSize) // the scale has every axis, this one shortened
      indices[i] = (i / inner / dim * blocks + onAxis / granularity.blockSize) * inner + i % inner;
    else
      indices[i] = onAxis;
  }
  return indices;
}

static float roundTo(DType type, float value) {
  if (type == DType::F16)
    return halfToFloat(floatToHalf(value));
  return type == DType::BF16 ? bfloatToFloat(floatToBfloat(value)) : value;
}

Tensor quantizeLinear(const Tensor &input, const Tensor &scale, const Tensor *zero, Granularity granularity,
                      DType to, DType precision, bool saturate) {
  Tensor result(to, input.shape);
  std::vector<int64_t> scaleOf = scaleIndices(input.shape, scale, granularity);
  Range range = rangeOf(to);
  for (int64_t i = 0, e = input.size(); i < e; ++i) {
    float x = roundTo(precision, static_cast<float>(input.getDouble(i)));
    float s = roundTo(precision, static_cast<float>(scale.getDouble(scaleOf[i])));
    float steps = roundTo(precision, x / s);
    if (isSmallFloat(to)) {
      result.bytes[i] = encodeSmallFloat(to, steps, saturate);
      continue;
    }
    int64_t z = zero ? zero->getInt(scaleOf[i]) : 0;
    result.setInt(i, roundAndSaturate(steps, {s, z, range.low, range.high}));
  }
  return result;
}

Tensor dequantizeLinear(const Tensor &input, const Tensor &scale, const Tensor *zero, Granularity granularity,
                        DType to) {
  Tensor result(to, input.shape);
  std::vector<int64_t> scaleOf = scaleIndices(input.shape, scale, granularity);
  for (int64_t i = 0, e = input.size(); i < e; ++i) {
    auto s = static_cast<float>(scale.getDouble(scaleOf[i]));
    double z = zero ? zero->getDouble(scaleOf[i]) : 0;
    auto difference = static_cast<float>(input.getDouble(i) - z);
    result.setDouble(i, difference * s);
  }
  return result;
}

DynamicQuantized dynamicQuantizeLinear(const Tensor &input) {
  float low = 0, high = 0;
  for (int64_t i = 0, e = input.size(); i < e; ++i) {
    auto x = static_cast<float>(input.getDouble(i));
    low = std::min(low, x);
    high = std::max(high, x);
  }
  float scale = (low == high ? 1.0f : high - low) / 255.0f;
  float zero = std::nearbyint(std::clamp(0.0f - low / scale, 0.0f, 255.0f));
  QuantParams params = {scale, static_cast<int64_t>(zero), 0, 255};
  std::vector<int64_t> same(static_cast<size_t>(input.size()), 0);
  DynamicQuantized result = {quantize(input, {params}, same, DType::U8), Tensor(DType::F32, {}),
                             Tensor(DType::U8, {})};
  result.scale.setDouble(0, scale);
  result.zeroPoint.setInt(0, params.zeroPoint);
  return result;
}

Tensor quantize(const Tensor &input, const std::vector<QuantParams> &params,
                const std::vector<int64_t> &index, DType to) {
  Tensor result(to, input.shape);
  for (int64_t i = 0, e = input.size(); i < e; ++i)
    result.setInt(i, quantize(static_cast<float>(input.getDouble(i)), params[index[i]]));
  return result;
}

Tensor dequantize(const Tensor &input, const std::vector<QuantParams> &params,
                  const std::vector<int64_t> &index, DType to) {
  Tensor result(to, input.shape);
  for (int64_t i = 0, e = input.size(); i < e; ++i)
    result.setDouble(i, dequantize(input.getInt(i), params[index[i]]));
  return result;
}

Tensor lookUp(const Tensor &input, const Tensor &table, DType to) {
  Tensor result(to, input.shape);
  std::vector<int64_t> rows = broadcastIndices({table.shape.begin(), table.shape.end() - 1}, input.shape);
  int64_t width = byteSize(to);
  for (int64_t i = 0, e = input.size(); i < e; ++i)
    std::memcpy(&result.bytes[i * width], &table.bytes[(256 * rows[i] + input.bytes[i]) * width], width);
  return result;
}

Tensor cast(const Tensor &input, DType to, bool saturate) {
  Tensor result(to, input.shape);
  for (int64_t i = 0, e = input.size(); i < e; ++i) {
    if (isSmallFloat(to))
      result.bytes[i] = encodeSmallFloat(to, static_cast<float>(input.getDouble(i)), saturate);
    else if (isFloat(input.type) || (input.type == DType::U64 && isFloat(to)))
      result.setDouble(i, input.getDouble(i));
    else
      result.setInt(i, input.getInt(i));
  }
  return result;
}

} // namespace qcc::reference
