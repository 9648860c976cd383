//===- Noise.cpp - How far results are from what they should be -----------===//

#include "compiler/calibrate/Noise.h"

#include <algorithm>
#include <cmath>

using namespace qcc::calibrate;
using qcc::reference::Tensor;

static constexpr double mostDecibels = 150;

void Noise::add(const std::vector<Tensor> &expected, const std::vector<Tensor> &actual) {
  results.resize(std::max(results.size(), expected.size()));
  for (size_t k = 0; k < expected.size(); ++k) {
    if (!isFloat(expected[k].type))
      continue;
    for (int64_t i = 0, size = expected[k].size(); i < size; ++i) {
      double right = expected[k].getDouble(i), difference = actual[k].getDouble(i) - right;
      // A mask's infinity, met exactly, is neither signal nor noise.
      if (!std::isfinite(right) && (std::isnan(difference) || difference == 0))
        continue;
      results[k].signal += right * right;
      results[k].noise += difference * difference;
    }
  }
}

std::optional<double> Noise::decibels() const {
  double sum = 0;
  int count = 0;
  for (const Energy &energy : results) {
    if (!(energy.signal > 0))
      continue;
    sum += energy.noise / energy.signal;
    ++count;
  }
  if (!count)
    return std::nullopt;
  return std::min(mostDecibels, -10 * std::log10(std::max(sum / count, 1e-300)));
}
