//===- Ranges.h - From observed values to a scale ---------------*- C++ -*-===//
//
// A histogram of each tensor's values, the rules that choose a range from it,
// and the quantised type that a range gives. Plain C++, no MLIR.
//
//===----------------------------------------------------------------------===//
#ifndef QCC_COMPILER_CALIBRATE_RANGES_H
#define QCC_COMPILER_CALIBRATE_RANGES_H

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace qcc::calibrate {

/// Real numbers that the 8-bit values stand for: lo <= 0 <= hi.
struct Range {
  float lo = 0;
  float hi = 0;
};

/// u8 activations: `real = (q - zeroPoint) * scale`.
struct QuantParams {
  float scale = 1;
  int32_t zeroPoint = 0;
};

/// The scale is (hi - lo) / 255, rounded to float32; the zero point is
/// rint(-lo / scale). Real 0 is always exact, so the representable interval may
/// lie up to half a step beside [lo, hi]; lo = 0 gives zero point 0. An interval
/// without width (all values are zero) gives scale 1.
QuantParams chooseParams(Range range);

enum class Method { MinMax, Entropy, Percentile, MSE, L3 };

/// "minmax", "entropy", ...: the words of --calib-method, and "l3".
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

/// Signed 8-bit weights of one layer: one scale for each channel, max|w| / 127 as
/// float32. A scale is never so small that the bias, in units of inputScale *
/// scale, needs more than 30 bits (q9). A channel of zeros gets the layer's
/// largest scale, 1/127 if there is none.
struct WeightScales {
  std::vector<float> maxima; ///< max|w| for each channel
  std::vector<float> biases; ///< |b| for each channel, or empty
  float inputScale = 1;

  std::vector<float> choose() const;
};

/// saturate(rint(w / scale)) to -127 .. 127.
int8_t quantizeWeight(float weight, float scale);

} // namespace qcc::calibrate

#endif // QCC_COMPILER_CALIBRATE_RANGES_H
