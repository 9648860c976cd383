//===- Functions.cpp - Elementary functions on vectors ----------------------===//
#include "compiler/kernels/Functions.h"
#include "mlir/IR/BuiltinTypes.h"
#include <cmath>
#include <limits>

using namespace mlir;

namespace qcc::kernels {

static Expr constant(Expr like, double value) { return like.code->constant(like.scalarType(), value); }

Expr polynomial(Expr x, ArrayRef<double> c) {
  Expr sum = constant(x, c.back());
  for (size_t i = c.size() - 1; i-- > 0;)
    sum = mulAdd(sum, x, constant(x, c[i]));
  return sum;
}

static Type f32Of(Expr x) { return x.code->builder.getF32Type(); }
static Type f64Of(Expr x) { return x.code->builder.getF64Type(); }

//===----------------------------------------------------------------------===//
// exp
//===----------------------------------------------------------------------===//

/// x = n ln 2 + r; `tail` is exp(r) - 1 - r over r^2.
struct Reduced {
  Expr n, r, tail; ///< n as an integer of x's width
};

static Reduced reduceForExp(Expr x) {
  const Code &code = *x.code;
  bool wide = x.scalarType().isF64();
  Expr quotient = x * constant(x, M_LOG2E);
  Expr n = wide ? truncateToInteger(rint(quotient), code.builder.getI64Type(), /*isUnsigned=*/false)
                : rintToI32(quotient);
  Expr rounded = toFloat(n, x.scalarType(), /*isUnsigned=*/false);
  // ln 2 in two parts; the high one has so few bits that its product with n is exact.
  double high = wide ? 0x1.62e42fee00000p-1 : 0x1.62ep-1;
  double low = wide ? 0x1.a39ef35793c76p-33 : 0x1.0bfbe8e7bcd5ep-15;
  Expr r = mulAdd(rounded, constant(x, -low), mulAdd(rounded, constant(x, -high), x));
  Expr tail = wide ? polynomial(r, {0.5, 0.16666666666666671, 0.041666666666666671, 0.0083333333333259728,
                                    0.0013888888888883633, 0.0001984126987538548, 2.480158732595111e-05,
                                    2.7557254685728803e-06, 2.7557273132896042e-07, 2.5105513541847086e-08,
                                    2.0914898727175524e-09})
                   : polynomial(r, {0.5, 0.166666672, 0.041666463, 0.00833331048, 0.00139339, 0.00019891269});
  return {n, r, tail};
}

/// value * 2^n for |n| up to twice the exponent range, by two exact factors.
static Expr scaleByPower(Expr value, Expr n) {
  const Code &code = *value.code;
  bool wide = value.scalarType().isF64();
  Type integer = n.scalarType();
  auto factor = [&](Expr exponent) {
    Expr biased = exponent + code.constant(integer, int64_t(wide ? 1023 : 127));
    return bitcast(biased << (wide ? 52 : 23), value.scalarType());
  };
  Expr half = shiftRightArithmetic(n, 1);
  return value * factor(half) * factor(n - half);
}

static Expr clampForExp(Expr x) {
  bool wide = x.scalarType().isF64();
  // The constant comes first: a NaN in x passes.
  return maximum(constant(x, wide ? -750 : -105), minimum(constant(x, wide ? 715 : 90), x));
}

Expr exponential(Expr x) {
  Reduced parts = reduceForExp(clampForExp(x));
  Expr value = mulAdd(parts.tail * parts.r, parts.r, parts.r) + constant(x, 1);
  return scaleByPower(value, parts.n);
}

Expr exponentialMinusOne(Expr x) {
  Reduced parts = reduceForExp(clampForExp(x));
  Expr fraction = mulAdd(parts.tail * parts.r, parts.r, parts.r);
  Expr whole = scaleByPower(fraction + constant(x, 1), parts.n) - constant(x, 1);
  Expr zero = parts.n.code->constant(parts.n.scalarType(), int64_t(0));
  return select(compare(Order::Equal, parts.n, zero), fraction, whole);
}

//===----------------------------------------------------------------------===//
// log
//===----------------------------------------------------------------------===//

/// x = 2^n (1 + f) with 1 + f between sqrt(1/2) and sqrt(2), for positive normal x.
static void splitForLog(Expr x, Expr &n, Expr &f) {
  const Code &code = *x.code;
  bool wide = x.scalarType().isF64();
  Type integer = wide ? code.builder.getI64Type() : code.builder.getI32Type();
  unsigned shift = wide ? 52 : 23;
  int64_t lowest = wide ? 0x3fe6a09e667f3bcd : 0x3f3504f3; // sqrt(1/2)
  Expr base = code.constant(integer, lowest);
  Expr distance = bitcast(x, integer) - base;
  Expr exponent = shiftRightArithmetic(distance, shift);
  n = toFloat(exponent, x.scalarType(), /*isUnsigned=*/false);
  Expr mantissa = distance & code.constant(integer, (int64_t(1) << shift) - 1);
  f = bitcast(mantissa + base, x.scalarType()) - constant(x, 1);
}

static Expr logOfMantissa(Expr f) {
  if (f.scalarType().isF64()) {
    Expr s = f / (f + constant(f, 2)), z = s * s;
    Expr q = polynomial(z, {0.66666666666666663, 0.39999999999999991, 0.28571428571435364,
                            0.22222222219857288, 0.18181818593867599, 0.15384575115766619,
                            0.13335639386359471, 0.11688107586595922, 0.11882142712627319});
    return mulAdd(s * z, q, s + s);
  }
  Expr p = polynomial(f, {0.333333313, -0.24999997, 0.200007156, -0.166678026, 0.142490581, -0.124256872,
                          0.116854198, -0.114797339, 0.0697161183});
  Expr z = f * f;
  return mulAdd(z, constant(f, -0.5), mulAdd(p * f, z, f));
}

Expr logarithm(Expr x) {
  bool wide = x.scalarType().isF64();
  double infinity = std::numeric_limits<double>::infinity();
  Expr smallest = constant(x, wide ? 0x1p-1022 : 0x1p-126), zero = constant(x, 0);
  Expr isSmall = compare(Order::Less, x, smallest);
  Expr n, f;
  splitForLog(select(isSmall, x * constant(x, wide ? 0x1p54 : 0x1p25), x), n, f);
  n = n - select(isSmall, constant(x, wide ? 54 : 25), zero);
  double high = wide ? 0x1.62e42fee00000p-1 : 0x1.62ep-1;
  double low = wide ? 0x1.a39ef35793c76p-33 : 0x1.0bfbe8e7bcd5ep-15;
  Expr result = mulAdd(n, constant(x, high), mulAdd(n, constant(x, low), logOfMantissa(f)));
  result = select(compare(Order::Equal, x, constant(x, infinity)), x, result);
  result = select(compare(Order::Equal, x, zero), constant(x, -infinity), result);
  Expr invalid = compare(Order::Less, x, zero) | isNan(x);
  return select(invalid, constant(x, std::numeric_limits<double>::quiet_NaN()), result);
}

//===----------------------------------------------------------------------===//
// Functions made of them
//===----------------------------------------------------------------------===//

Expr inFloat32(Expr x, Expr (*function)(Expr)) {
  return changeFloat(function(changeFloat(x, f32Of(x))), f64Of(x));
}

Expr copySign(Expr magnitude, Expr sign) {
  const Code &code = *sign.code;
  bool wide = sign.scalarType().isF64();
  Type integer = code.builder.getIntegerType(wide ? 64 : 32);
  Expr bit = bitcast(sign, integer) & code.constant(integer, wide ? INT64_MIN : int64_t(INT32_MIN));
  return bitcast(bitcast(magnitude, integer) | bit, sign.scalarType());
}

Expr sigmoid(Expr x) {
  if (x.scalarType().isF64())
    return inFloat32(x, sigmoid);
  return constant(x, 1) / (exponential(negate(x)) + constant(x, 1));
}

Expr hyperbolicTangent(Expr x) {
  if (x.scalarType().isF64())
    return inFloat32(x, hyperbolicTangent);
  Expr a = absolute(x), z = x * x;
  Expr p =
      polynomial(z, {-0.333333343, 0.133333042, -0.0539592579, 0.0217689183, -0.00834394526, 0.00229274482});
  Expr small = mulAdd(p * z, x, x);
  Expr large = constant(x, 1) - constant(x, 2) / (exponential(a + a) + constant(x, 1));
  return select(compare(Order::Less, a, constant(x, 0.625)), small, copySign(large, x));
}

Expr errorFunction(Expr x) {
  if (x.scalarType().isF64())
    return inFloat32(x, errorFunction);
  Expr z = x * x, a = minimum(constant(x, 4), absolute(x));
  Expr small = x * polynomial(z, {1.12837911, -0.37612626, 0.112835944, -0.0268542115, 0.00518908724,
                                  -0.00080168643, 7.87587487e-05});
  // log(1 - erf(a)) around a = 2.5.
  Expr p =
      polynomial(a - constant(x, 2.5), {-7.80681515, -5.35268068, -0.943893731, -0.0108585404, 0.00216532475,
                                        -0.00042012491, 7.72775893e-05, -1.33141539e-05, 1.63993798e-06});
  Expr large = copySign(constant(x, 1) - exponential(p), x);
  return select(compare(Order::Less, a, constant(x, 1)), small, large);
}

/// max(x, 0) - |x| Q(|x|), where Q is the share above: no digits are lost on either side, and beyond 6 there
/// is nothing left of it.
Expr gelu(Expr x) {
  if (x.scalarType().isF64())
    return inFloat32(x, gelu);
  Expr a = minimum(constant(x, 6), absolute(x));
  // log2 Q(a)
  Expr power =
      polynomial(a, {-0.999999225, -1.15112281, -0.459104538, -0.0527470857, 0.0073638265, -0.000326606736,
                     -0.000125102204, 3.16925216e-05, -3.23382824e-06, 1.29368729e-07});
  Expr n = rintToI32(power), f = power - toFloat(n);
  Expr fraction =
      polynomial(f, {1, 0.693147004, 0.240222424, 0.0555073358, 0.00967151299, 0.00132647273}); // 2^f
  Expr share = fraction * bitcast((n + n.code->i32(127)) << 23, x.scalarType());
  return mulAdd(negate(a), share, maximum(constant(x, 0), x));
}

Expr softplus(Expr x) {
  // log(1 + t) for t = exp(-|x|), with the rounding error of 1 + t put back.
  Expr t = exponential(negate(absolute(x))), u = t + constant(x, 1);
  Expr lost = (t - (u - constant(x, 1))) / u;
  return maximum(constant(x, 0), x) + (logarithm(u) + lost);
}

/// Powers of |x| in float64, whose logarithm leaves float32 enough bits.
static Expr powerOfMagnitude(Expr x, Expr y) {
  bool wide = x.scalarType().isF64();
  Type f64 = f64Of(x);
  Expr base = absolute(wide ? x : changeFloat(x, f64)), exponent = wide ? y : changeFloat(y, f64);
  Expr result = exponential(exponent * logarithm(base));
  return wide ? result : changeFloat(result, x.scalarType());
}

Expr power(Expr x, Expr y) {
  Expr zero = constant(x, 0), one = constant(x, 1);
  Expr result = powerOfMagnitude(x, y);
  Expr isInteger = compare(Order::Equal, floor(y), y);
  Expr half = y * constant(y, 0.5);
  Expr isOdd = isInteger & compare(Order::NotEqual, floor(half), half);
  Expr isNegative = compare(Order::Less, x, zero);
  // A negative base needs an integer exponent; infinite ones count as even.
  Expr nan = constant(x, std::numeric_limits<double>::quiet_NaN());
  Expr isInfinite = compare(Order::Equal, absolute(x), constant(x, std::numeric_limits<double>::infinity()));
  Expr signedResult = select(isOdd, negate(result), select(isInteger | isInfinite, result, nan));
  result = select(isNegative, signedResult, result);
  Expr isOne = compare(Order::Equal, y, zero) | compare(Order::Equal, x, one);
  return select(isOne, one, result);
}

/// 2^exponent b, the multiple of b to subtract from a next.
static Expr scaledDivisor(Expr a, Expr b) {
  const Code &code = *a.code;
  Type i64 = code.builder.getI64Type();
  Expr mask = code.constant(i64, int64_t(0x7ff) << 52);
  Expr distance = (bitcast(a, i64) & mask) - (bitcast(b, i64) & mask);
  Expr scaled = bitcast(bitcast(b, i64) + distance, a.scalarType());
  Expr halved = bitcast(bitcast(scaled, i64) - code.constant(i64, int64_t(1) << 52), a.scalarType());
  return select(compare(Order::Greater, scaled, a), halved, scaled);
}

/// `bits`: how many bits the exponents of a and b can differ by.
static Expr longDivision(Expr a, Expr b, int64_t bits) {
  const Code &code = *a.code;
  Expr divisor = absolute(b), zero = constant(a, 0);
  double infinity = std::numeric_limits<double>::infinity();
  // Subnormal doubles count as zero divisors: their exponent cannot be read off.
  Expr invalid = isNan(a) | isNan(b) | compare(Order::Less, divisor, constant(a, 0x1p-1022)) |
                 compare(Order::Equal, absolute(a), constant(a, infinity));
  Expr start = select(invalid, zero, absolute(a));
  // Each step is exact and takes at least one bit off.
  auto body = [&](Value, ValueRange carried) {
    Expr rest = code.wrap(carried[0]);
    Expr fits = compare(Order::GreaterEqual, rest, divisor);
    return SmallVector<Value>{select(fits, rest - scaledDivisor(rest, divisor), rest).value};
  };
  Expr rest = code.wrap(code.loop(code.index(0), code.index(bits), 1, ValueRange(start.value), body)[0]);
  rest = select(compare(Order::Less, a, zero), negate(rest), rest);
  return select(invalid, constant(a, std::numeric_limits<double>::quiet_NaN()), rest);
}

Expr floatRemainder(Expr a, Expr b) {
  if (a.scalarType().isF64())
    return longDivision(a, b, 2100);
  return changeFloat(longDivision(changeFloat(a, f64Of(a)), changeFloat(b, f64Of(b)), 280), a.scalarType());
}

} // namespace qcc::kernels
