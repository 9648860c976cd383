//===- Histogram.cpp - Counts of a tensor's values ------------------------===//

#include "compiler/calibrate/Ranges.h"

#include <algorithm>
#include <cmath>

using namespace qcc::calibrate;

/// The bin of `value` when bins are 1 / `inverse` wide; exact, as `inverse` is a
/// power of two.
static int64_t binOf(float value, double inverse) {
  double exact = static_cast<double>(value) * inverse;
  auto truncated = static_cast<int64_t>(exact);
  return truncated - (exact < static_cast<double>(truncated)); // std::floor, but inline
}

/// The smallest exponent for which [lo, hi], which contains 0, fits.
static int exponentFor(float lo, float hi, int atLeast) {
  for (int exponent = atLeast;; ++exponent) {
    double inverse = std::ldexp(1.0, -exponent);
    double span = std::floor(hi * inverse) - std::floor(lo * inverse);
    if (span < static_cast<double>(Histogram::maxBins))
      return exponent;
  }
}

double Histogram::binWidth() const { return std::ldexp(1.0, exponent); }

/// Makes [lo, hi] and all that was counted fit.
void Histogram::widen(float lo, float hi) {
  lowest = total ? std::min(lowest, lo) : lo;
  highest = total ? std::max(highest, hi) : hi;
  float from = std::min(lowest, 0.0f), to = std::max(highest, 0.0f);
  int wider = exponentFor(from, to, exponent);
  double inverse = std::ldexp(1.0, -wider);
  int64_t newFirst = binOf(from, inverse);
  std::vector<uint64_t> wide(static_cast<size_t>(binOf(to, inverse) - newFirst + 1));
  int shift = std::min(wider - exponent, 63);
  for (size_t k = 0; k < counts.size(); ++k)
    if (counts[k])
      wide[static_cast<size_t>(((firstIndex + static_cast<int64_t>(k)) >> shift) - newFirst)] += counts[k];
  exponent = wider;
  firstIndex = newFirst;
  counts = std::move(wide);
}

void Histogram::add(const float *values, size_t count) {
  bool any = false;
  float lo = 0, hi = 0;
  for (size_t i = 0; i < count; ++i) {
    if (!std::isfinite(values[i]))
      continue;
    lo = any ? std::min(lo, values[i]) : values[i];
    hi = any ? std::max(hi, values[i]) : values[i];
    any = true;
  }
  if (any && (!total || lo < lowest || hi > highest))
    widen(lo, hi);
  double inverse = std::ldexp(1.0, -exponent);
  for (size_t i = 0; i < count; ++i) {
    if (!std::isfinite(values[i])) {
      ++strays;
      continue;
    }
    ++counts[static_cast<size_t>(binOf(values[i], inverse) - firstIndex)];
    ++total;
  }
}

void Histogram::merge(const Histogram &other) {
  strays += other.strays;
  if (!other.total)
    return;
  // Both ends up with one bin width: first this one's, then the other's.
  widen(total ? std::min(lowest, other.lowest) : other.lowest,
        total ? std::max(highest, other.highest) : other.highest);
  Histogram copy = other;
  copy.widen(lowest, highest);
  for (size_t k = 0; k < counts.size(); ++k)
    counts[k] += copy.counts[k];
  total += other.total;
}
