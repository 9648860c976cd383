//===- Rounding.cpp - From real numbers to stored integers ------------------===//
#include "compiler/kernels/Rounding.h"
#include "compiler/target/VectorOps.h"
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

/// Whether `packBytes` has an instruction for these lanes.
static bool canPack(const Code &code, Type storage) {
  return storageBytes(storage) == 1 && storage.getIntOrFloatBitWidth() == 8 &&
         code.lanes == static_cast<int64_t>(code.variant.vectorBytes);
}

/// Four vectors of rounded numbers within 2^30 become one of bytes: saturated to 16 bits, the zero point
/// added with saturation, saturated to 8 bits. Signed bytes are packed as unsigned ones, 128 higher.
static Expr packBytes(Expr value, const Quantization &to, Type storage) {
  const Code &code = *value.code;
  target::CodeBuilder builder(code.builder, code.loc);
  auto ops = target::VectorOps::create(builder, code.variant, code.variant.vectorBytes);
  int64_t shift = isUnsigned(storage) ? 0 : 128, count = ops->count(), parts = ops->bytes / 16;
  SmallVector<Value> quarters;
  for (int64_t quarter = 0; quarter < 4; ++quarter) {
    auto order = llvm::to_vector(llvm::seq<int64_t>(quarter * count, (quarter + 1) * count));
    quarters.push_back(ops->roundToInt(builder.shuffle(value.value, value.value, order)));
  }
  Value zero = builder.splatInt(ops->i16s(), to.zeroPoint + shift);
  Value low = ops->addSaturated(ops->packI16(quarters[0], quarters[1]), zero);
  Value high = ops->addSaturated(ops->packI16(quarters[2], quarters[3]), zero);
  Value packed = builder.bitcast(ops->i32s(), ops->packU8(low, high));
  // Each 128 bits hold four numbers of each quarter: back to the natural order.
  SmallVector<int64_t> order;
  for (int64_t group = 0; group < count; ++group)
    order.push_back(4 * (group % parts) + group / parts);
  Expr bytes = code.wrap(builder.bitcast(ops->i8s(), builder.shuffle(packed, packed, order)));
  if (to.minimum + shift > 0)
    bytes = maximum(bytes, code.constant(bytes.scalarType(), to.minimum + shift), /*isUnsigned=*/true);
  if (to.maximum + shift < 255)
    bytes = minimum(bytes, code.constant(bytes.scalarType(), to.maximum + shift), /*isUnsigned=*/true);
  return shift ? bytes ^ code.constant(bytes.scalarType(), int64_t(-128)) : bytes;
}

Expr roundAndSaturate(Expr value, const Quantization &to, Type storage, float bound) {
  const Code &code = *value.code;
  bool isBounded = bound < 0x1p30f;
  if (isBounded && canPack(code, storage))
    return packBytes(value, to, storage);
  if (!isBounded)
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
    return roundAndSaturate(x / number(x, s), to, storage, std::numeric_limits<float>::infinity());
  // The bounds of x instead of those of x / s: they round to the same integers.
  auto low = static_cast<float>(to.minimum - to.zeroPoint) * s;
  auto high = static_cast<float>(to.maximum - to.zeroPoint) * s;
  Expr bounded = clampFloat(zeroForNan(x), low, high);
  Expr steps = divideByScale(bounded, s);
  return canPack(*x.code, storage) ? packBytes(steps, to, storage)
                                   : finish(rintToI32(steps), to.zeroPoint, storage);
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
