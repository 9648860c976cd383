//===- Scales.cpp - From ranges and weights to scales ---------------------===//

#include "compiler/quantize/Scales.h"

#include <algorithm>
#include <cmath>

using namespace qcc::quantize;

/// Limit on a bias in units of its accumulator: half of int32.
static constexpr double biasLimit = 1 << 30;
static constexpr double lastLevel = 255;
static constexpr float largestWeight = 127;

QuantParams qcc::quantize::chooseParams(Range range) {
  double lo = std::min(range.lo, 0.0f), hi = std::max(range.hi, 0.0f);
  if (!(hi - lo >= narrowestRange))
    return {1.0f, 0};
  QuantParams params;
  params.scale = static_cast<float>((hi - lo) / lastLevel);
  double zero = std::nearbyint(-lo / params.scale);
  params.zeroPoint = static_cast<int32_t>(std::clamp(zero, 0.0, lastLevel));
  return params;
}

void qcc::quantize::roundValues(QuantParams params, float *values, size_t count) {
  // Within the integers' range, adding this leaves no bits for a fraction.
  constexpr float rounder = 0x1.8p23f;
  float scale = params.scale;
  auto least = static_cast<float>(-params.zeroPoint), most = static_cast<float>(lastLevel) + least;
  for (size_t i = 0; i < count; ++i) {
    float steps = values[i] / scale;
    steps = steps == steps ? steps : 0;
    steps = steps > least ? steps : least;
    steps = steps < most ? steps : most;
    values[i] = ((steps + rounder) - rounder) * scale;
  }
}

std::vector<float> WeightScales::choose() const {
  // What the bias of channel `c` needs.
  auto floor = [&](size_t c) { return biases.empty() ? 0.0 : biases[c] / (inputScale * biasLimit); };
  std::vector<float> scales(maxima.size());
  float largest = 0;
  for (size_t c = 0; c < scales.size(); ++c) {
    if (maxima[c] > 0)
      scales[c] = static_cast<float>(
          std::max({static_cast<double>(maxima[c]) / largestWeight, floor(c), narrowestRange}));
    largest = std::max(largest, scales[c]);
  }
  for (size_t c = 0; c < scales.size(); ++c)
    if (!(scales[c] > 0))
      scales[c] = std::max(largest > 0 ? largest : 1 / largestWeight, static_cast<float>(floor(c)));
  return scales;
}

int8_t qcc::quantize::quantizeWeight(float weight, float scale) {
  return static_cast<int8_t>(std::clamp(std::nearbyint(weight / scale), -largestWeight, largestWeight));
}
