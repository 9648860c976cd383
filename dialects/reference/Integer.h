//===- Integer.h - Arithmetic on quantised values ---------------*- C++ -*-===//
//
// The one place where rounding and requantisation are written. The numbers of
// the rules (q1 ...) are those of docs/numerics.md. Everything is float32 unless
// it says otherwise, each step rounded, never a fused multiply-add.
//
//===----------------------------------------------------------------------===//
#ifndef QCC_DIALECTS_REFERENCE_INTEGER_H
#define QCC_DIALECTS_REFERENCE_INTEGER_H

#include <cstdint>

namespace qcc::reference {

/// Scale, zero point and the range of the stored integers.
struct QuantParams {
  float scale = 1;
  int64_t zeroPoint = 0;
  int64_t low = 0, high = 255;
};

/// saturate(rint(value) + zeroPoint): the common end of q1, q2, q7 and q8. NaN gives the zero point.
int64_t roundAndSaturate(float value, const QuantParams &to);

/// q1: saturate(rint(x / s) + z).
int64_t quantize(float x, const QuantParams &to);
/// (q - z) * s.
float dequantize(int64_t q, const QuantParams &from);

/// q2: m = (sx * sw) / sy.
float multiplier(float inputScale, float weightScale, float outputScale);
/// q2: saturate(rint(float(acc) * m) + z).
int64_t requantize(int64_t accumulator, float multiplier, const QuantParams &to);

/// q7: a * ra + b * rb with a, b relative to their zero points.
int64_t addQuantized(int64_t a, const QuantParams &aParams, int64_t b, const QuantParams &bParams,
                     const QuantParams &to);
/// q7 where `a` is an accumulator that has no type of its own: m as in q2.
int64_t addToAccumulator(int64_t accumulator, float multiplier, int64_t residual,
                         const QuantParams &residualParams, const QuantParams &to);
/// q8: rint(float((a - za) * (b - zb)) * ((sa * sb) / sy)) + zy.
int64_t mulQuantized(int64_t a, const QuantParams &aParams, int64_t b, const QuantParams &bParams,
                     const QuantParams &to);
/// q8: rint(float(sum) * (sx / (sy * float(n)))) + zy; `sum` is of (x - zx).
int64_t averageQuantized(int64_t sum, int64_t count, const QuantParams &from, const QuantParams &to);

/// q9: rint(b / (sx * sw)) in double, saturated to int32.
int32_t quantizeBias(double bias, float inputScale, float weightScale);

} // namespace qcc::reference

#endif // QCC_DIALECTS_REFERENCE_INTEGER_H
