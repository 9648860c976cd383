//===- Rounding.cpp - From real numbers to stored integers ------------------===//
#include "compiler/kernels/Rounding.h"
#include "compiler/target/Target.h"
#include <algorithm>
#include <cmath>
#include <limits>

using namespace mlir;

namespace qcc::kernels {

static Expr number(Expr like, double value) { return like.code->constant(like.scalarType(), value); }
static Expr zeroForNan(Expr value) { return select(isNan(value), number(value, 0), value); }
// The constant comes first, so that a NaN passes.
static Expr clampFloat(Expr value, double low, double high) {
  return maximum(number(value, low), minimum(number(value, high), value));
}

/// Bounds of 32-bit integers are no float32 numbers: such types round in float64.
static bool isWide(Type storage) { return storage.getIntOrFloatBitWidth() > 16; }

static Expr finish(Expr rounded, int64_t zeroPoint, Type storage) {
  Expr sum = zeroPoint ? rounded + rounded.code->constant(rounded.scalarType(), zeroPoint) : rounded;
  return resizeInteger(sum, computeType(storage), isUnsigned(storage));
}

Expr roundAndSaturate(Expr value, const Quantization &to, Type storage, bool mayBeNan) {
  const Code &code = *value.code;
  if (mayBeNan)
    value = zeroForNan(value);
  auto low = static_cast<double>(to.minimum - to.zeroPoint),
       high = static_cast<double>(to.maximum - to.zeroPoint);
  if (!isWide(storage))
    return finish(rintToI32(clampFloat(value, low, high)), to.zeroPoint, storage);
  Expr rounded = rint(clampFloat(changeFloat(value, code.builder.getF64Type()), low, high));
  return finish(truncateToInteger(rounded, code.builder.getI64Type(), false), to.zeroPoint, storage);
}

Expr roundAndSaturate(Expr value, Expr zeroPoint, Type storage) {
  const Code &code = *value.code;
  int64_t minimumValue, maximumValue;
  storageLimits(storage, minimumValue, maximumValue);
  Type f64 = code.builder.getF64Type(), i64 = code.builder.getI64Type();
  // Wide enough for every storage type and any zero point in it.
  Expr wideValue = zeroForNan(changeFloat(value, f64));
  Expr sum = truncateToInteger(rint(clampFloat(wideValue, -0x1p40, 0x1p40)), i64, false) + zeroPoint;
  sum = maximum(code.constant(i64, minimumValue), minimum(code.constant(i64, maximumValue), sum));
  return resizeInteger(sum, computeType(storage), isUnsigned(storage));
}

/// x / scale, correctly rounded. With FMA by the reciprocal and one correction
/// step, which is exact as long as nothing overflows or underflows: x is within
/// 2^17 scales of 0, and results below 2^-60 round to 0 in any case.
static Expr divideByScale(Expr x, float scale) {
  float reciprocal = 1 / scale;
  int exponent;
  if (std::frexp(scale, &exponent) == 0.5f)
    return x * number(x, reciprocal);
  if (!x.code->variant.hasFma)
    return x / number(x, scale);
  Expr r = number(x, reciprocal), quotient = x * r;
  return mulAdd(mulAdd(quotient, number(x, -double(scale)), x), r, quotient);
}

Expr quantize(Expr x, const Quantization &to, Type storage) {
  float s = to.scale;
  if (isWide(storage) || !(s > 0x1p-60f && s < 0x1p60f))
    return roundAndSaturate(x / number(x, s), to, storage, /*mayBeNan=*/true);
  // The bounds of x instead of those of x / s: they round to the same integers.
  auto low = static_cast<float>(to.minimum - to.zeroPoint) * s;
  auto high = static_cast<float>(to.maximum - to.zeroPoint) * s;
  Expr bounded = clampFloat(zeroForNan(x), low, high);
  return finish(rintToI32(divideByScale(bounded, s)), to.zeroPoint, storage);
}

Expr centred(Expr q, int64_t zeroPoint, Type storage) {
  const Code &code = *q.code;
  Expr wide = resizeInteger(q, code.builder.getI32Type(), isUnsigned(storage));
  return zeroPoint ? wide - code.i32(zeroPoint) : wide;
}

Expr dequantize(Expr q, const Quantization &from, Type storage) {
  const Code &code = *q.code;
  Expr scale = code.f32(from.scale);
  if (!isWide(storage) || (from.zeroPoint == 0 && !isUnsigned(storage)))
    return toFloat(centred(q, from.zeroPoint, storage)) * scale;
  Type i64 = code.builder.getI64Type();
  Expr wide = resizeInteger(q, i64, isUnsigned(storage)) - code.constant(i64, from.zeroPoint);
  return toFloat(wide) * scale;
}

int64_t quantizeConstant(double x, const Quantization &to) {
  double rounded = std::nearbyint(static_cast<float>(x) / to.scale) + static_cast<double>(to.zeroPoint);
  return static_cast<int64_t>(std::clamp(rounded, double(to.minimum), double(to.maximum)));
}

LogicalResult boundByChain(Location loc, ArrayAttr chain, Quantization &to) {
  double infinity = std::numeric_limits<double>::infinity();
  Quantization whole = to;
  for (Attribute entry : chain ? chain.getValue() : ArrayRef<Attribute>()) {
    auto step = cast<DictionaryAttr>(entry);
    auto op = step.getAs<StringAttr>("op");
    StringRef name = op ? op.getValue() : StringRef();
    if (name != "relu" && name != "clip")
      return emitError(loc, "no kernel for chain step ") << step << " after an integer sum";
    auto low = step.getAs<FloatAttr>("min"), high = step.getAs<FloatAttr>("max");
    double least = name == "relu" ? 0 : low ? low.getValueAsDouble() : -infinity;
    double most = name == "clip" && high ? high.getValueAsDouble() : infinity;
    int64_t minimumValue = quantizeConstant(least, whole), maximumValue = quantizeConstant(most, whole);
    // The later bound wins, as in clip(x) = min(max(x, low), high).
    to.minimum = std::min(std::max(to.minimum, minimumValue), maximumValue);
    to.maximum = std::min(std::max(to.maximum, minimumValue), maximumValue);
  }
  return success();
}

} // namespace qcc::kernels
