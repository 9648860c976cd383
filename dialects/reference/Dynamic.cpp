//===- Dynamic.cpp - Quantisation by what was just computed (q11) ---------===//

#include "dialects/reference/Dynamic.h"
#include "dialects/reference/MatMul.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace qcc::reference {

/// Narrower ranges would overflow the factor.
static constexpr float narrowest = 1e-30f;

RowParams measureRow(const float *row, int64_t count, std::optional<int32_t> zero) {
  float low = 0, high = 0;
  for (int64_t i = 0; i < count; ++i) {
    low = row[i] < low ? row[i] : low; // NaN counts for nothing
    high = row[i] > high ? row[i] : high;
  }
  RowParams params;
  params.zero = zero.value_or(0);
  float width = high - low, steps = 255;
  if (zero) {
    auto below = static_cast<float>(*zero), above = static_cast<float>(255 - *zero);
    width = std::max(*zero > 0 ? -low / below : 0.0f, *zero < 255 ? high / above : 0.0f);
    steps = 1;
  }
  if (!(width >= narrowest) || width == std::numeric_limits<float>::infinity())
    return params;
  params.scale = width / steps;
  params.factor = steps / width;
  if (!zero)
    params.zero = static_cast<int32_t>(std::nearbyint(-low * params.factor));
  return params;
}

uint8_t quantizeInRow(float x, const RowParams &params) {
  float t = std::nearbyint(x * params.factor) + static_cast<float>(params.zero);
  t = t > 0 ? t : 0; // NaN becomes 0
  return static_cast<uint8_t>(t < 255 ? t : 255);
}

DynamicRows dynamicQuantize(const Tensor &input, int64_t axis, std::optional<int32_t> zero) {
  std::vector<int64_t> rows(input.shape.begin(), input.shape.begin() + axis);
  DynamicRows result{Tensor(DType::U8, input.shape), Tensor(DType::F32, rows), Tensor(DType::I32, rows)};
  int64_t count = elementCount({input.shape.begin() + axis, input.shape.end()});
  std::vector<float> row(static_cast<size_t>(count));
  for (int64_t r = 0, e = elementCount(rows); r < e; ++r) {
    for (int64_t i = 0; i < count; ++i)
      row[i] = static_cast<float>(input.getDouble(r * count + i));
    RowParams params = measureRow(row.data(), count, zero);
    result.scale.data<float>()[r] = params.scale;
    result.zero.data<int32_t>()[r] = params.zero;
    for (int64_t i = 0; i < count; ++i)
      result.values.bytes[r * count + i] = quantizeInRow(row[i], params);
  }
  return result;
}

Tensor measuredSums(const Tensor &sums, int64_t axis, const std::vector<float> &filterScales, float scale) {
  Tensor result(DType::F64, sums.shape);
  int64_t inner = elementCount({sums.shape.begin() + axis + 1, sums.shape.end()});
  for (int64_t i = 0, e = sums.size(); i < e; ++i) {
    size_t channel = static_cast<size_t>(i / inner % sums.shape[axis]);
    float factor = filterScales[channel % filterScales.size()] * scale;
    result.setDouble(i, static_cast<float>(sums.getInt(i)) * factor);
  }
  return result;
}

Tensor dynamicMatMul(const Tensor &a, const Tensor &scale, const Tensor &zero, const Tensor &b,
                     const std::vector<float> &bScales) {
  std::vector<int64_t> zeros(zero.data<int32_t>(), zero.data<int32_t>() + zero.size());
  Tensor sums = matMulSums(a, b, zeros), result(DType::F64, sums.shape);
  int64_t columns = b.shape.back();
  for (int64_t i = 0, e = sums.size(); i < e; ++i) {
    float real = static_cast<float>(sums.getInt(i)) * bScales[i % columns % bScales.size()];
    result.setDouble(i, real * scale.data<float>()[i / columns]);
  }
  return result;
}

Tensor dynamicMatMul(const Tensor &a, const Tensor &scale, const Tensor &zero, const Tensor &b,
                     const Groups &groups) {
  int64_t depth = b.shape[0], columns = b.shape[1];
  std::vector<int64_t> shape = a.shape;
  shape.back() = columns;
  Tensor result(DType::F64, shape);
  for (int64_t i = 0, e = result.size(); i < e; ++i) {
    int64_t row = i / columns, column = i % columns;
    result.setDouble(i, productInGroups(
                            depth, [&](int64_t k) { return a.getInt(row * depth + k); },
                            zero.data<int32_t>()[row], scale.data<float>()[row], b, groups,
                            [&](int64_t k) { return k * columns + column; }));
  }
  return result;
}

} // namespace qcc::reference
