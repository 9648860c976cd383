//===- Trigonometry.cpp - Circular and hyperbolic functions -----------------===//
#include "compiler/kernels/Trigonometry.h"
#include "compiler/kernels/Functions.h"
#include <cmath>
#include <limits>

using namespace mlir;

namespace qcc::kernels {

static Expr constant(Expr like, double value) { return like.code->constant(like.scalarType(), value); }

/// An odd function is its argument near 0, with the sign of zero.
static Expr keepTiny(Expr x, Expr result) {
  double bound = x.scalarType().isF64() ? 0x1p-27 : 0x1p-12;
  return select(compare(Order::Less, absolute(x), constant(x, bound)), x, result);
}

//===----------------------------------------------------------------------===//
// Sine, cosine, tangent
//===----------------------------------------------------------------------===//

namespace {
/// x = quarter * pi / 2 + rest, up to whole turns.
struct Turned {
  Expr quarter, rest; ///< i32 and float32
};
} // namespace

/// By float64 arithmetic, for |x| below 2^20.
static Turned turnNear(Expr x) {
  const Code &code = *x.code;
  Type f64 = code.builder.getF64Type(), i64 = code.builder.getI64Type(), i32 = code.builder.getI32Type();
  Expr wide = changeFloat(x, f64), magic = code.constant(f64, 0x1.8p52);
  // The sum leaves the integer in the low bits.
  Expr sum = wide * code.constant(f64, M_2_PI) + magic;
  Expr count = sum - magic;
  // pi / 2 in two parts; the high one has 33 bits: its product with the count is exact.
  Expr rest =
      wide - count * code.constant(f64, 0x1.921fb544p+0) - count * code.constant(f64, 0x1.0b4611a626331p-34);
  return {resizeInteger(bitcast(sum, i64), i32, false), changeFloat(rest, code.builder.getF32Type())};
}

/// 32 zeros, then the first 224 bits of 2 / pi.
static constexpr uint32_t twoOverPi[] = {0,          0xa2f9836e, 0x4e441529, 0xfc2757d1,
                                         0xf534ddc0, 0xdb629599, 0x3c439041, 0xfe5163ab};

/// By integers: the mantissa of x times those 96 bits of 2 / pi that matter for its exponent.
static Turned turnFar(Expr x) {
  const Code &code = *x.code;
  Type i64 = code.builder.getI64Type(), i32 = code.builder.getI32Type(), f64 = code.builder.getF64Type();
  auto number = [&](int64_t value) { return code.constant(i64, value); };
  Expr bits = resizeInteger(bitcast(x, i32), i64, /*isUnsigned=*/true);
  Expr exponent = shiftRightLogical(bits, 23) & number(0xff);
  Expr mantissa = (bits & number(0x7fffff)) | number(0x800000);
  // x = mantissa 2^(exponent - 150); the first bit taken has the weight 2 in 2^(exponent - 150) 2 / pi.
  Expr first = maximum(exponent - number(120), number(0));
  Expr word = shiftRightLogical(first, 5), shift = first & number(31);
  auto wordAt = [&](int64_t ahead) {
    Expr result = number(twoOverPi[ahead]);
    for (int64_t i = 1; i <= 4; ++i)
      result = select(compare(Order::Equal, word, number(i)), number(twoOverPi[i + ahead]), result);
    return result;
  };
  Expr words[] = {wordAt(0), wordAt(1), wordAt(2), wordAt(3)};
  auto part = [&](int i) { return shiftRightLogical(shiftLeft((words[i] << 32) | words[i + 1], shift), 32); };
  Expr product =
      ((mantissa * part(0)) << 32) + mantissa * part(1) + shiftRightLogical(mantissa * part(2), 32);
  // Two bits of quarters, 62 behind the point.
  Expr quarter = shiftRightLogical(product + number(int64_t(1) << 61), 62);
  Expr rest = toFloat(product - (quarter << 62), f64, false) * code.constant(f64, M_PI_2 * 0x1p-62);
  Expr turns = resizeInteger(quarter, i32, true), part32 = changeFloat(rest, code.builder.getF32Type());
  Expr isNegative = compare(Order::Less, x, constant(x, 0));
  return {select(isNegative, negate(turns), turns), select(isNegative, negate(part32), part32)};
}

static Turned turn(Expr x) {
  const Code &code = *x.code;
  if (x.scalarType().isF64())
    return turnNear(x);
  Expr isFar = compare(Order::GreaterEqual, absolute(x), constant(x, 0x1p20));
  Turned near = turnNear(select(isFar, constant(x, 0), x));
  Value any = isFar.value;
  if (code.lanes > 1)
    any = reduceLanes(isFar, [](Expr a, Expr b) { return a | b; });
  auto both = [&] {
    Turned far = turnFar(x);
    return SmallVector<Value>{select(isFar, far.quarter, near.quarter).value,
                              select(isFar, far.rest, near.rest).value};
  };
  auto nearOnly = [&] { return SmallVector<Value>{near.quarter.value, near.rest.value}; };
  SmallVector<Value> values =
      code.branch(any, {near.quarter.value.getType(), near.rest.value.getType()}, both, nearOnly);
  return {code.wrap(values[0]), code.wrap(values[1])};
}

static Expr sineOfRest(Expr r) {
  Expr z = r * r;
  return mulAdd(r * z, polynomial(z, {-0.166666667, 0.00833333183, -0.00019840063, 2.72468682e-06}), r);
}

static Expr cosineOfRest(Expr r) {
  Expr z = r * r;
  Expr p = polynomial(z, {0.0416666667, -0.00138888876, 2.48005806e-05, -2.72984073e-07});
  return mulAdd(z * z, p, mulAdd(z, constant(z, -0.5), constant(z, 1)));
}

static Expr isSet(Expr quarter, int64_t bit) {
  const Code &code = *quarter.code;
  return compare(Order::NotEqual, quarter & code.i32(bit), code.i32(0));
}

/// From float32 to the type of x; infinities have no place on the circle.
static Expr finish(Expr x, Expr result) {
  Expr isFinite = compare(Order::Less, absolute(x), constant(x, std::numeric_limits<double>::infinity()));
  return select(isFinite, changeFloat(result, x.scalarType()), x - x);
}

/// The sine, `ahead` quarters further on.
static Expr wave(Expr x, int64_t ahead) {
  Turned t = turn(x);
  Expr quarter = t.quarter + x.code->i32(ahead);
  Expr value = select(isSet(quarter, 1), cosineOfRest(t.rest), sineOfRest(t.rest));
  return finish(x, select(isSet(quarter, 2), negate(value), value));
}

Expr sine(Expr x) { return keepTiny(x, wave(x, 0)); }
Expr cosine(Expr x) { return wave(x, 1); }

Expr tangent(Expr x) {
  Turned t = turn(x);
  Expr s = sineOfRest(t.rest), c = cosineOfRest(t.rest), isOdd = isSet(t.quarter, 1);
  return keepTiny(x, finish(x, select(isOdd, negate(c), s) / select(isOdd, s, c)));
}

//===----------------------------------------------------------------------===//
// Their inverses
//===----------------------------------------------------------------------===//

Expr arcTangent(Expr x) {
  if (x.scalarType().isF64())
    return inFloat32(x, arcTangent);
  Expr a = absolute(x), one = constant(x, 1), zero = constant(x, 0);
  // Around 1, and beyond tan(3 pi / 8), the angle is measured from pi / 4 and pi / 2.
  Expr isMiddle = compare(Order::Greater, a, constant(x, 0.41421356)),
       isLarge = compare(Order::Greater, a, constant(x, 2.41421356));
  Expr above = select(isLarge, negate(one), select(isMiddle, a - one, a));
  Expr below = select(isLarge, a, select(isMiddle, a + one, one));
  Expr t = above / below, z = t * t;
  Expr base = select(isLarge, constant(x, M_PI_2), select(isMiddle, constant(x, M_PI_4), zero));
  Expr p = polynomial(z, {-0.333333317, 0.19999532, -0.142636616, 0.107405637, -0.0644145922});
  return keepTiny(x, copySign(base + mulAdd(t * z, p, t), x));
}

/// The arc sine for |x| up to 0.5.
static Expr arcSineNear(Expr x) {
  Expr z = x * x;
  Expr p = polynomial(z, {0.166666663, 0.0750010012, 0.0445973015, 0.0311276836, 0.017009843, 0.0339390486});
  return mulAdd(x * z, p, x);
}

/// For a from 0.5 on: the angle whose cosine a is.
static Expr arcCosineFar(Expr a) {
  return constant(a, 2) * arcSineNear(squareRoot((constant(a, 1) - a) * constant(a, 0.5)));
}

Expr arcSine(Expr x) {
  if (x.scalarType().isF64())
    return inFloat32(x, arcSine);
  Expr a = absolute(x), isNear = compare(Order::LessEqual, a, constant(x, 0.5));
  Expr far = copySign(constant(x, M_PI_2) - arcCosineFar(a), x);
  return keepTiny(x, select(isNear, arcSineNear(x), far));
}

Expr arcCosine(Expr x) {
  if (x.scalarType().isF64())
    return inFloat32(x, arcCosine);
  Expr a = absolute(x), isNear = compare(Order::LessEqual, a, constant(x, 0.5));
  Expr far = arcCosineFar(a);
  far = select(compare(Order::Less, x, constant(x, 0)), constant(x, M_PI) - far, far);
  return select(isNear, constant(x, M_PI_2) - arcSineNear(x), far);
}

//===----------------------------------------------------------------------===//
// Hyperbolic functions and their inverses
//===----------------------------------------------------------------------===//

/// exp(a) / 2 for large a, where exp(a) may be out of range.
static Expr halfExponential(Expr a) {
  Expr root = exponential(a * constant(a, 0.5));
  return root * constant(a, 0.5) * root;
}

Expr hyperbolicSine(Expr x) {
  Expr a = absolute(x), e = exponentialMinusOne(minimum(a, constant(x, 20)));
  Expr small = constant(x, 0.5) * (e + e / (e + constant(x, 1)));
  Expr value = select(compare(Order::Less, a, constant(x, 20)), small, halfExponential(a));
  return keepTiny(x, copySign(value, x));
}

Expr hyperbolicCosine(Expr x) {
  Expr a = absolute(x), e = exponential(minimum(a, constant(x, 20)));
  Expr small = constant(x, 0.5) * (e + constant(x, 1) / e);
  return select(compare(Order::Less, a, constant(x, 20)), small, halfExponential(a));
}

/// log(1 + y), with the rounding error of 1 + y put back.
static Expr logarithmOfOneAnd(Expr y) {
  Expr u = y + constant(y, 1), lost = (y - (u - constant(y, 1))) / u;
  Expr isFinite = compare(Order::Less, u, constant(y, std::numeric_limits<double>::infinity()));
  return logarithm(u) + select(isFinite, lost, constant(y, 0));
}

/// Where 1 no longer matters beside x^2, the inverses of sine and cosine are log(2 x).
static Expr isHuge(Expr a) {
  return compare(Order::Greater, a, constant(a, a.scalarType().isF64() ? 0x1p28 : 0x1p13));
}

Expr areaSine(Expr x) {
  Expr a = absolute(x), one = constant(x, 1), square = a * a;
  Expr small = logarithmOfOneAnd(a + square / (one + squareRoot(one + square)));
  Expr value = select(isHuge(a), logarithm(a) + constant(x, M_LN2), small);
  return keepTiny(x, copySign(value, x));
}

Expr areaCosine(Expr x) {
  Expr t = x - constant(x, 1);
  Expr small = logarithmOfOneAnd(t + squareRoot(t * (t + constant(x, 2))));
  return select(isHuge(x), logarithm(x) + constant(x, M_LN2), small);
}

Expr areaTangent(Expr x) {
  Expr a = absolute(x), y = (a + a) / (constant(x, 1) - a);
  return keepTiny(x, copySign(constant(x, 0.5) * logarithmOfOneAnd(y), x));
}

} // namespace qcc::kernels
