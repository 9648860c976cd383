//===- Ranges.h - From observed values to a range ---------------*- C++ -*-===//
//
// A histogram of each tensor's values, and the rules that choose a range from
// it. Plain C++, no MLIR.
//
//===----------------------------------------------------------------------===//
#ifndef QCC_COMPILER_CALIBRATE_RANGES_H
#define QCC_COMPILER_CALIBRATE_RANGES_H

#include "compiler/quantize/Scales.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace qcc::calibrate {

using quantize::Range;

enum class Method { MinMax, Entropy, Percentile, MSE, L3 };

/// "minmax", "entropy", ...: the words of --calib-method.
const char *methodName(Method method);
std::optional<Method> methodOfName(std::string_view name);

/// Counts values in bins [i * 2^e, (i + 1) * 2^e), with the smallest e for which
/// bins from min(values, 0) to max(values, 0) are no more than 4096. Coarser bins
/// are unions of finer ones, so the counts depend on the values alone, neither on
/// their order nor on how they were cut into pieces (q10).
class Histogram {
public:
  static constexpr int64_t maxBins = 4096;

  void add(const float *values, size_t count);
  void merge(const Histogram &other);

  uint64_t count() const { return total; }
  /// NaN and infinite values: not counted elsewhere.
  uint64_t nonFinite() const { return strays; }
  /// Smallest and largest value, or 0.
  float min() const { return lowest; }
  float max() const { return highest; }

  double binWidth() const;
  /// Index of the first bin; bin k is [(first() + k) * width, ...).
  int64_t first() const { return firstIndex; }
  const std::vector<uint64_t> &bins() const { return counts; }

private:
  void widen(float lo, float hi);

  float lowest = 0, highest = 0;
  int exponent = minExponent;
  int64_t firstIndex = 0;
  std::vector<uint64_t> counts = std::vector<uint64_t>(1);
  uint64_t total = 0, strays = 0;

  static constexpr int minExponent = -160; ///< 4096 bins below the smallest float
};

/// What a method makes of a histogram. Ranges of all methods lie inside MinMax's.
///   MinMax      the values' own range
///   Percentile  cuts the outer 0.001 % at either end
///   MSE, L3     least mean square (cubic) error of the quantised values, over a
///               grid of 1.0 .. 0.2 times lo and hi
///   Entropy     least Kullback-Leibler divergence, over a grid of 1.0 .. 0.2
///               times both
Range chooseRange(const Histogram &histogram, Method method);

} // namespace qcc::calibrate

#endif // QCC_COMPILER_CALIBRATE_RANGES_H
