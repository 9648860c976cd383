//===- Integer.cpp - Arithmetic on quantised values -----------------------===//

#include "dialects/reference/Integer.h"

#include <algorithm>
#include <cmath>

namespace qcc::reference {

int64_t roundAndSaturate(float value, const QuantParams &to) {
  if (std::isnan(value))
    return to.zeroPoint;
  // Both bounds are integers, so clamping before rounding changes nothing but keeps the sum in range.
  double low = static_cast<double>(to.low - to.zeroPoint), high = static_cast<double>(to.high - to.zeroPoint);
  return static_cast<int64_t>(std::nearbyint(std::clamp<double>(value, low, high))) + to.zeroPoint;
}

int64_t quantize(float x, const QuantParams &to) { return roundAndSaturate(x / to.scale, to); }

float dequantize(int64_t q, const QuantParams &from) {
  return static_cast<float>(q - from.zeroPoint) * from.scale;
}

float multiplier(float inputScale, float weightScale, float outputScale) {
  float product = inputScale * weightScale;
  return product / outputScale;
}

int64_t requantize(int64_t accumulator, float m, const QuantParams &to) {
  return roundAndSaturate(static_cast<float>(accumulator) * m, to);
}

int64_t addQuantized(int64_t a, const QuantParams &aParams, int64_t b, const QuantParams &bParams,
                     const QuantParams &to) {
  return addToAccumulator(a - aParams.zeroPoint, aParams.scale / to.scale, b, bParams, to);
}

int64_t addToAccumulator(int64_t accumulator, float m, int64_t residual, const QuantParams &residualParams,
                         const QuantParams &to) {
  float left = static_cast<float>(accumulator) * m;
  float ratio = residualParams.scale / to.scale;
  float right = static_cast<float>(residual - residualParams.zeroPoint) * ratio;
  return roundAndSaturate(left + right, to);
}

int64_t mulQuantized(int64_t a, const QuantParams &aParams, int64_t b, const QuantParams &bParams,
                     const QuantParams &to) {
  auto product = static_cast<float>((a - aParams.zeroPoint) * (b - bParams.zeroPoint));
  return roundAndSaturate(product * multiplier(aParams.scale, bParams.scale, to.scale), to);
}

int64_t averageQuantized(int64_t sum, int64_t count, const QuantParams &from, const QuantParams &to) {
  float divisor = to.scale * static_cast<float>(count);
  return roundAndSaturate(static_cast<float>(sum) * (from.scale / divisor), to);
}

int32_t quantizeBias(double bias, float inputScale, float weightScale) {
  double step = static_cast<double>(inputScale) * static_cast<double>(weightScale);
  double rounded = std::nearbyint(bias / step);
  return static_cast<int32_t>(std::clamp<double>(rounded, INT32_MIN, INT32_MAX));
}

} // namespace qcc::reference
