//===- Broadcast.cpp - Kernels of two and more operands ---------------------===//
//
// numpy's broadcasting is a stride of 0. What ONNX leaves open follows the
// reference: integers wrap, x / 0 and x mod 0 are 0 and nothing traps.
//
//===----------------------------------------------------------------------===//
#include "compiler/kernels/Functions.h"
#include "compiler/kernels/Map.h"
#include "compiler/kernels/Steps.h"
#include "llvm/ADT/StringSwitch.h"

using namespace mlir;

namespace qcc::kernels {

static Expr number(Expr like, int64_t value) { return like.code->constant(like.scalarType(), value); }

/// The remainder with the divisor's sign.
static Expr modulo(Expr a, Expr b, bool isUnsignedType) {
  Expr zero = number(a, 0);
  if (a.isFloat()) {
    Expr rest = floatRemainder(a, b);
    Expr otherSign = compare(Order::Less, rest, zero) ^ compare(Order::Less, b, zero);
    return select(otherSign & compare(Order::NotEqual, rest, zero), rest + b, rest);
  }
  Expr rest = remainderIntegers(a, b, isUnsignedType);
  rest = select(compare(Order::Equal, b, zero), zero, rest);
  if (isUnsignedType)
    return rest;
  Expr otherSign = compare(Order::Less, rest ^ b, zero) & compare(Order::NotEqual, rest, zero);
  return select(otherSign, rest + b, rest);
}

static Expr remainder(Expr a, Expr b, bool isUnsignedType) {
  if (a.isFloat())
    return floatRemainder(a, b);
  Expr zero = number(a, 0);
  return select(compare(Order::Equal, b, zero), zero, remainderIntegers(a, b, isUnsignedType));
}

/// Squares and multiplies, one bit of the exponent at a time; wraps.
static Expr integerPower(Expr base, Expr exponent, bool isUnsignedType) {
  const Code &code = *base.code;
  Expr zero = number(base, 0), one = number(base, 1);
  Expr result = one, square = base;
  unsigned width = base.scalarType().getIntOrFloatBitWidth();
  Expr isOdd = compare(Order::NotEqual, exponent & one, zero);
  // Exponents beyond the width repeat with the order of the units modulo 2^width,
  // except for the part that is 2-adic; so all bits are walked.
  auto step = [&](Value, ValueRange carried) {
    Expr left = code.wrap(carried[0]), power = code.wrap(carried[1]), total = code.wrap(carried[2]);
    Expr bit = compare(Order::NotEqual, left & one, zero);
    total = select(bit, total * power, total);
    return SmallVector<Value>{shiftRightLogical(left, 1).value, (power * power).value, total.value};
  };
  result = code.wrap(
      code.loop(code.index(0), code.index(width), 1, {exponent.value, square.value, result.value}, step)[2]);
  if (isUnsignedType)
    return result;
  Expr minusOne = zero - one;
  Expr inverse = select(compare(Order::Equal, base, one), one, zero);
  inverse = select(compare(Order::Equal, base, minusOne), select(isOdd, minusOne, one), inverse);
  return select(compare(Order::Less, exponent, zero), inverse, result);
}

/// An amount of the width or more leaves nothing.
static Expr shifted(Expr a, Expr b, Expr (*shift)(Expr, Expr)) {
  int64_t width = a.scalarType().getIntOrFloatBitWidth();
  Expr isInside = compare(Order::Less, b, number(a, width), /*isUnsigned=*/true), zero = number(a, 0);
  return select(isInside, shift(a, select(isInside, b, zero)), zero);
}

static Expr prelu(Expr x, Expr slope) { return select(compare(Order::Less, x, number(x, 0)), x * slope, x); }

namespace {
/// One row for each operator: what it computes, given whether the type is unsigned.
struct Row {
  StringRef name;
  Expr (*apply)(Expr a, Expr b, bool isUnsignedType);
};
} // namespace

static Expr leastOf(Expr a, Expr b, bool u) { return a.isFloat() ? minimumOrNan(a, b) : minimum(a, b, u); }
static Expr mostOf(Expr a, Expr b, bool u) { return a.isFloat() ? maximumOrNan(a, b) : maximum(a, b, u); }

static const Row table[] = {
    {"add", [](Expr a, Expr b, bool) { return a + b; }},
    {"sub", [](Expr a, Expr b, bool) { return a - b; }},
    {"mul", [](Expr a, Expr b, bool) { return a * b; }},
    {"div", [](Expr a, Expr b, bool u) { return a.isFloat() ? a / b : divideIntegers(a, b, u); }},
    {"mod", modulo},
    {"prelu", [](Expr a, Expr b, bool u) { return u ? a : prelu(a, b); }},
    {"min", leastOf},
    {"max", mostOf},
    {"and", [](Expr a, Expr b, bool) { return a & b; }},
    {"or", [](Expr a, Expr b, bool) { return a | b; }},
    {"bitwise_and", [](Expr a, Expr b, bool) { return a & b; }},
    {"bitwise_or", [](Expr a, Expr b, bool) { return a | b; }},
    {"bitwise_xor", [](Expr a, Expr b, bool) { return a ^ b; }},
    {"equal", [](Expr a, Expr b, bool u) { return compare(Order::Equal, a, b, u); }},
    {"greater", [](Expr a, Expr b, bool u) { return compare(Order::Greater, a, b, u); }},
    {"greater_or_equal", [](Expr a, Expr b, bool u) { return compare(Order::GreaterEqual, a, b, u); }},
    {"less", [](Expr a, Expr b, bool u) { return compare(Order::Less, a, b, u); }},
    {"less_or_equal", [](Expr a, Expr b, bool u) { return compare(Order::LessEqual, a, b, u); }},
};

/// Pow allows two types; it computes in float64 where one is a float, as the reference does.
static Expr mixedPower(Expr a, Expr b, const Spec &spec) {
  Type base = spec.views[0].element, exponent = spec.views[1].element;
  bool baseUnsigned = isUnsigned(base), exponentUnsigned = isUnsigned(exponent);
  if (!a.isFloat() && !b.isFloat()) {
    Type wide = a.code->builder.getI64Type();
    Expr result = integerPower(resizeInteger(a, wide, baseUnsigned), resizeInteger(b, wide, exponentUnsigned),
                               baseUnsigned && exponentUnsigned);
    return resizeInteger(result, a.scalarType(), baseUnsigned);
  }
  Type f64 = a.code->builder.getF64Type();
  Expr x = a.isFloat() ? changeFloat(a, f64) : toFloat(a, f64, baseUnsigned);
  Expr y = b.isFloat() ? changeFloat(b, f64) : toFloat(b, f64, exponentUnsigned);
  Expr result = power(x, y);
  return a.isFloat() ? changeFloat(result, a.scalarType())
                     : truncateToInteger(result, a.scalarType(), baseUnsigned);
}

static Expr (*findBinary(const Spec &spec))(Expr, Expr, bool) {
  if (spec.kind == "mod" && spec.integer("fmod", 0))
    return remainder;
  if (spec.kind == "bit_shift" && spec.string("direction", "LEFT") == "LEFT")
    return [](Expr a, Expr b, bool) { return shifted(a, b, shiftLeft); };
  if (spec.kind == "bit_shift")
    return [](Expr a, Expr b, bool) { return shifted(a, b, shiftRightLogical); };
  for (const Row &row : table)
    if (row.name == spec.kind)
      return row.apply;
  return nullptr;
}

LogicalResult emitQuantizedBinary(const Code &code, const Spec &spec, const Arguments &arguments);
LogicalResult emitUnary(OpBuilder &builder, func::FuncOp function, DictionaryAttr attr,
                        const target::Variant &variant);

LogicalResult emitBinary(OpBuilder &builder, func::FuncOp function, DictionaryAttr attr,
                         const target::Variant &variant) {
  Spec spec(attr);
  Code code(builder, function.getLoc(), variant);
  Arguments arguments = argumentsOf(function, spec);
  if (spec.anyQuantized())
    return emitQuantizedBinary(code, spec, arguments);
  if (spec.has("value")) // a step of a chain that a product has left: a number is the other operand
    return emitUnary(builder, function, attr, variant);
  auto apply = findBinary(spec);
  auto chain = spec.attrs ? spec.attrs.getAs<ArrayAttr>("chain") : ArrayAttr();
  bool isUnsignedType = isUnsigned(spec.views[0].element), failedStep = false;
  emitMap(code, spec, arguments, [&](const Point &point) {
    Expr result = point.load(0);
    // Min and max take any number of operands.
    for (size_t i = 1; i + 1 < spec.views.size(); ++i)
      result = apply ? apply(result, point.load(i), isUnsignedType) : mixedPower(result, point.load(i), spec);
    FailureOr<Expr> chained = applyChain(code.loc, chain, result);
    failedStep |= failed(chained);
    return succeeded(chained) ? *chained : result;
  });
  return failure(failedStep);
}

LogicalResult emitWhere(OpBuilder &builder, func::FuncOp function, DictionaryAttr attr,
                        const target::Variant &variant) {
  Spec spec(attr);
  for (View &view : llvm::drop_begin(spec.views)) // the values are moved, not computed with
    view.element = bitsType(builder.getContext(), view.element);
  Code code(builder, function.getLoc(), variant);
  emitMap(code, spec, argumentsOf(function, spec),
          [](const Point &point) { return select(point.load(0), point.load(1), point.load(2)); });
  return success();
}

} // namespace qcc::kernels
