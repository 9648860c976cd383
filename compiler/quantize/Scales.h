//===- Scales.h - From ranges and weights to scales -------------*- C++ -*-===//
//
// Plain C++, no MLIR.
//
//===----------------------------------------------------------------------===//
#ifndef QCC_COMPILER_QUANTIZE_SCALES_H
#define QCC_COMPILER_QUANTIZE_SCALES_H

#include <cstddef>
#include <cstdint>
#include <vector>

namespace qcc::quantize {

/// Real numbers that the 8-bit values stand for: lo <= 0 <= hi.
struct Range {
  float lo = 0;
  float hi = 0;
};

/// Ranges and scales below this count as zero: products of scales would leave
/// float32's normal numbers.
constexpr double narrowestRange = 1e-30;

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

/// Makes each of `count` values the number that its stored integer stands for,
/// (saturate(rint(x / scale) + zeroPoint) - zeroPoint) * scale; NaN becomes 0.
void roundValues(QuantParams params, float *values, size_t count);

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

} // namespace qcc::quantize

#endif // QCC_COMPILER_QUANTIZE_SCALES_H
