//===- Dynamic.h - Quantisation by what was just computed (q11) -*- C++ -*-===//
#ifndef QCC_DIALECTS_REFERENCE_DYNAMIC_H
#define QCC_DIALECTS_REFERENCE_DYNAMIC_H

#include "dialects/reference/Groups.h"

#include <optional>

namespace qcc::reference {

/// A row's scale, the factor that its numbers are multiplied with, and its zero point in 0..255.
struct RowParams {
  float scale = 1, factor = 1;
  int32_t zero = 0;
};
/// With `zero` given, the range is as wide as both sides of it need.
RowParams measureRow(const float *row, int64_t count, std::optional<int32_t> zero = std::nullopt);
uint8_t quantizeInRow(float x, const RowParams &params);

/// Rows are what lies behind one index of the axes before `axis`; scale and zero
/// have the shape of those axes.
struct DynamicRows {
  Tensor values, scale, zero;
};
DynamicRows dynamicQuantize(const Tensor &input, int64_t axis, std::optional<int32_t> zero);

/// As the zero point of dynamic_quantize: scale and zero point are those of ONNX's DynamicQuantizeLinear.
constexpr int64_t zeroOfRun = -1;

/// float(sum) * (filterScales[channel % size] * scale): float32 numbers in F64, as sums of floats are.
Tensor measuredSums(const Tensor &sums, int64_t axis, const std::vector<float> &filterScales, float scale);

/// float(sum of (a - zero[row]) * b) * bScales[column % size] * scale[row], for `b` of shape (K, N): float32
/// numbers in F64, as sums of floats are.
Tensor dynamicMatMul(const Tensor &a, const Tensor &scale, const Tensor &zero, const Tensor &b,
                     const std::vector<float> &bScales);

/// The same in groups along K (q13).
Tensor dynamicMatMul(const Tensor &a, const Tensor &scale, const Tensor &zero, const Tensor &b,
                     const Groups &groups);

} // namespace qcc::reference

#endif // QCC_DIALECTS_REFERENCE_DYNAMIC_H
