//===- Expr.cpp - Arithmetic in kernels, written as it reads ----------------===//
#include "compiler/kernels/Expr.h"
#include "compiler/target/Target.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace qcc::kernels {

//===----------------------------------------------------------------------===//
// Code
//===----------------------------------------------------------------------===//

bool Code::isWarp() const { return lanes == warpLanes && variant.isGpu && !variant.isEmulated(); }

Value Code::lane() const {
  auto name = builder.getStringAttr("llvm.nvvm.read.ptx.sreg.laneid");
  auto call = LLVM::CallIntrinsicOp::create(builder, loc, builder.getI32Type(), name, ValueRange());
  return arith::ExtUIOp::create(builder, loc, builder.getI64Type(), call.getResult(0));
}

Type Code::shaped(Type scalar) const {
  return lanes == 1 || isWarp() ? scalar : VectorType::get({lanes}, scalar);
}

static Expr makeConstant(const Code &code, TypedAttr scalar) {
  TypedAttr attr = scalar;
  if (code.lanes != 1 && !code.isWarp())
    attr = DenseElementsAttr::get(cast<ShapedType>(code.shaped(scalar.getType())), Attribute(scalar));
  return code.wrap(arith::ConstantOp::create(code.builder, code.loc, attr));
}

Expr Code::f32(float value) const { return makeConstant(*this, builder.getF32FloatAttr(value)); }

Expr Code::i32(int64_t value) const { return constant(builder.getI32Type(), value); }

Expr Code::constant(Type scalar, double value) const {
  if (isa<FloatType>(scalar))
    return makeConstant(*this, builder.getFloatAttr(scalar, value));
  return constant(scalar, static_cast<int64_t>(value));
}

Expr Code::constant(Type scalar, int64_t value) const {
  if (isa<FloatType>(scalar))
    return constant(scalar, static_cast<double>(value));
  unsigned width = scalar.getIntOrFloatBitWidth();
  llvm::APInt bits(64, static_cast<uint64_t>(value));
  return makeConstant(*this, builder.getIntegerAttr(scalar, bits.trunc(width)));
}

Expr Code::splat(Value scalar) const {
  if (lanes == 1 || isWarp())
    return wrap(scalar);
  return wrap(vector::BroadcastOp::create(builder, loc, shaped(scalar.getType()), scalar));
}

Value Code::index(int64_t value) const {
  return arith::ConstantOp::create(builder, loc, builder.getI64IntegerAttr(value));
}
Value Code::addIndex(Value a, Value b) const { return arith::AddIOp::create(builder, loc, a, b); }
Value Code::subIndex(Value a, Value b) const { return arith::SubIOp::create(builder, loc, a, b); }
Value Code::mulIndex(Value a, int64_t factor) const {
  return factor == 1 ? a : arith::MulIOp::create(builder, loc, a, index(factor)).getResult();
}
Value Code::minIndex(Value a, Value b) const { return arith::MinSIOp::create(builder, loc, a, b); }
Value Code::maxIndex(Value a, Value b) const { return arith::MaxSIOp::create(builder, loc, a, b); }

Value Code::offset(Value pointer, Value bytes) const {
  return LLVM::GEPOp::create(builder, loc, pointer.getType(), builder.getI8Type(), pointer,
                             ArrayRef<LLVM::GEPArg>{bytes});
}
Value Code::offset(Value pointer, int64_t bytes) const {
  return bytes == 0 ? pointer : offset(pointer, index(bytes));
}

SmallVector<Value> Code::loop(Value lower, Value upper, int64_t step, ValueRange initial,
                              LoopBody body) const {
  auto loop = scf::ForOp::create(builder, loc, lower, upper, index(step), initial,
                                 [&](OpBuilder &, Location, Value, ValueRange) {});
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToEnd(loop.getBody());
  SmallVector<Value> next = body(loop.getInductionVar(), loop.getRegionIterArgs());
  scf::YieldOp::create(builder, loc, next);
  return llvm::to_vector(llvm::map_range(loop.getResults(), [](OpResult r) { return Value(r); }));
}

void Code::loop(Value lower, Value upper, int64_t step, llvm::function_ref<void(Value)> body) const {
  loop(lower, upper, step, ValueRange(), [&](Value index, ValueRange) {
    body(index);
    return SmallVector<Value>();
  });
}

SmallVector<Value> Code::branch(Value condition, TypeRange types, Branch yes, Branch no) const {
  auto ifOp = scf::IfOp::create(builder, loc, types, condition, /*addThenBlock=*/true, /*addElseBlock=*/true);
  for (bool then : {true, false}) {
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPointToEnd(then ? ifOp.thenBlock() : ifOp.elseBlock());
    SmallVector<Value> results = then ? yes() : no();
    scf::YieldOp::create(builder, loc, results);
  }
  return llvm::to_vector(llvm::map_range(ifOp.getResults(), [](OpResult r) { return Value(r); }));
}

void Code::when(Value condition, llvm::function_ref<void()> body) const {
  auto ifOp = scf::IfOp::create(builder, loc, condition, /*withElseRegion=*/false);
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToStart(ifOp.thenBlock());
  body();
}

//===----------------------------------------------------------------------===//
// Arithmetic
//===----------------------------------------------------------------------===//

template <typename FloatOp, typename IntOp> static Expr arithmetic(Expr a, Expr b) {
  const Code &code = *a.code;
  if (a.isFloat())
    return code.wrap(FloatOp::create(code.builder, code.loc, a.value, b.value));
  return code.wrap(IntOp::create(code.builder, code.loc, a.value, b.value));
}
template <typename IntOp> static Expr integerOp(Expr a, Expr b) {
  return a.code->wrap(IntOp::create(a.code->builder, a.code->loc, a.value, b.value));
}
static Expr sameType(Expr a, double value) { return a.code->constant(a.scalarType(), value); }

Expr operator+(Expr a, Expr b) { return arithmetic<arith::AddFOp, arith::AddIOp>(a, b); }
Expr operator-(Expr a, Expr b) { return arithmetic<arith::SubFOp, arith::SubIOp>(a, b); }
Expr operator*(Expr a, Expr b) { return arithmetic<arith::MulFOp, arith::MulIOp>(a, b); }
Expr operator&(Expr a, Expr b) { return integerOp<arith::AndIOp>(a, b); }
Expr operator|(Expr a, Expr b) { return integerOp<arith::OrIOp>(a, b); }
Expr operator^(Expr a, Expr b) { return integerOp<arith::XOrIOp>(a, b); }
Expr operator+(Expr a, float b) { return a + sameType(a, b); }
Expr operator-(Expr a, float b) { return a - sameType(a, b); }
Expr operator*(Expr a, float b) { return a * sameType(a, b); }

static Expr bits(Expr a, unsigned count) {
  return a.code->constant(a.scalarType(), static_cast<int64_t>(count));
}
Expr operator<<(Expr a, unsigned count) { return integerOp<arith::ShLIOp>(a, bits(a, count)); }
Expr shiftRightLogical(Expr a, unsigned count) { return integerOp<arith::ShRUIOp>(a, bits(a, count)); }
Expr shiftRightArithmetic(Expr a, unsigned count) { return integerOp<arith::ShRSIOp>(a, bits(a, count)); }
Expr shiftLeft(Expr a, Expr count) { return integerOp<arith::ShLIOp>(a, count); }
Expr shiftRightLogical(Expr a, Expr count) { return integerOp<arith::ShRUIOp>(a, count); }

Expr operator/(Expr a, Expr b) {
  return a.code->wrap(arith::DivFOp::create(a.code->builder, a.code->loc, a.value, b.value));
}

Expr negate(Expr a) {
  if (a.isFloat())
    return a.code->wrap(arith::NegFOp::create(a.code->builder, a.code->loc, a.value));
  return a.code->constant(a.scalarType(), int64_t(0)) - a;
}

Expr mulAdd(Expr a, Expr b, Expr c) {
  if (!a.code->variant.hasFma) // without the instruction it would be a call into libm
    return a * b + c;
  return a.code->wrap(LLVM::FMAOp::create(a.code->builder, a.code->loc, a.value, b.value, c.value));
}

Expr compare(Order order, Expr a, Expr b, bool isUnsigned) {
  using F = arith::CmpFPredicate;
  using I = arith::CmpIPredicate;
  const Code &code = *a.code;
  static const F floats[] = {F::OEQ, F::UNE, F::OLT, F::OLE, F::OGT, F::OGE};
  static const I signedInts[] = {I::eq, I::ne, I::slt, I::sle, I::sgt, I::sge};
  static const I unsignedInts[] = {I::eq, I::ne, I::ult, I::ule, I::ugt, I::uge};
  auto at = static_cast<size_t>(order);
  if (a.isFloat())
    return code.wrap(arith::CmpFOp::create(code.builder, code.loc, floats[at], a.value, b.value));
  I predicate = isUnsigned ? unsignedInts[at] : signedInts[at];
  return code.wrap(arith::CmpIOp::create(code.builder, code.loc, predicate, a.value, b.value));
}

Expr select(Expr condition, Expr a, Expr b) {
  return a.code->wrap(
      arith::SelectOp::create(a.code->builder, a.code->loc, condition.value, a.value, b.value));
}

Expr minimum(Expr a, Expr b, bool isUnsigned) {
  if (a.isFloat())
    return select(compare(Order::Less, a, b), a, b);
  return isUnsigned ? integerOp<arith::MinUIOp>(a, b) : integerOp<arith::MinSIOp>(a, b);
}
Expr maximum(Expr a, Expr b, bool isUnsigned) {
  if (a.isFloat())
    return select(compare(Order::Greater, a, b), a, b);
  return isUnsigned ? integerOp<arith::MaxUIOp>(a, b) : integerOp<arith::MaxSIOp>(a, b);
}
// minimum and maximum return `b` if either is NaN: only a NaN in `a` is left to restore.
Expr minimumOrNan(Expr a, Expr b) { return select(isNan(a), a, minimum(a, b)); }
Expr maximumOrNan(Expr a, Expr b) { return select(isNan(a), a, maximum(a, b)); }

Expr bitcast(Expr a, Type scalar) {
  return a.code->wrap(
      arith::BitcastOp::create(a.code->builder, a.code->loc, a.code->shaped(scalar), a.value));
}

Expr resizeInteger(Expr a, Type scalar, bool isUnsigned) {
  const Code &code = *a.code;
  unsigned from = a.scalarType().getIntOrFloatBitWidth(), to = scalar.getIntOrFloatBitWidth();
  Type type = code.shaped(scalar);
  if (from == to)
    return a;
  if (from > to)
    return code.wrap(arith::TruncIOp::create(code.builder, code.loc, type, a.value));
  if (isUnsigned)
    return code.wrap(arith::ExtUIOp::create(code.builder, code.loc, type, a.value));
  return code.wrap(arith::ExtSIOp::create(code.builder, code.loc, type, a.value));
}

Expr toFloat(Expr integer, Type scalar, bool isUnsigned) {
  const Code &code = *integer.code;
  Type type = code.shaped(scalar);
  if (isUnsigned)
    return code.wrap(arith::UIToFPOp::create(code.builder, code.loc, type, integer.value));
  return code.wrap(arith::SIToFPOp::create(code.builder, code.loc, type, integer.value));
}
Expr toFloat(Expr integer) { return toFloat(integer, integer.code->builder.getF32Type(), false); }

Expr changeFloat(Expr a, Type scalar) {
  const Code &code = *a.code;
  Type type = code.shaped(scalar);
  if (a.scalarType() == scalar)
    return a;
  if (scalar.isF64())
    return code.wrap(arith::ExtFOp::create(code.builder, code.loc, type, a.value));
  return code.wrap(arith::TruncFOp::create(code.builder, code.loc, type, a.value));
}

Expr rintToI32(Expr a) {
  const Code &code = *a.code;
  Type type = code.shaped(code.builder.getI32Type());
  if (code.variant.isGpu && code.lanes > 1 && !code.isWarp())
    return truncateToInteger(rint(a), code.builder.getI32Type(), false);
  if (code.variant.isGpu && !code.variant.isEmulated())
    return code.wrap(LLVM::CallIntrinsicOp::create(code.builder, code.loc, type,
                                                   code.builder.getStringAttr("llvm.nvvm.f2i.rn"),
                                                   ValueRange(a.value))
                         .getResult(0));
  return code.wrap(LLVM::LrintOp::create(code.builder, code.loc, type, a.value));
}

Expr truncateToInteger(Expr a, Type scalar, bool isUnsigned) {
  const Code &code = *a.code;
  const char *name = isUnsigned ? "llvm.fptoui.sat" : "llvm.fptosi.sat";
  auto call = LLVM::CallIntrinsicOp::create(code.builder, code.loc, code.shaped(scalar),
                                            code.builder.getStringAttr(name), ValueRange(a.value));
  return code.wrap(call.getResult(0));
}

/// x86-64 without SSE4.1 has no rounding instruction and would call libm.
static bool canRound(const Code &code) {
  return code.variant.vectorBytes > 16 || code.variant.name != "x86-64";
}

/// Adding 2^(mantissa bits) leaves no bits for a fraction; the sign is put back for -0.
static Expr rintByShift(Expr a) {
  bool wide = a.scalarType().isF64();
  Expr limit = sameType(a, wide ? 0x1p52 : 0x1p23), magnitude = absolute(a);
  Type integer = a.code->builder.getIntegerType(wide ? 64 : 32);
  Expr sign = bitcast(a, integer) & a.code->constant(integer, wide ? INT64_MIN : int64_t(INT32_MIN));
  Expr rounded = (magnitude + limit) - limit;
  Expr withSign = bitcast(bitcast(rounded, integer) | sign, a.scalarType());
  return select(compare(Order::Less, magnitude, limit), withSign, a);
}

Expr rint(Expr a) {
  if (!canRound(*a.code))
    return rintByShift(a);
  return a.code->wrap(LLVM::NearbyintOp::create(a.code->builder, a.code->loc, a.value));
}

/// The neighbour of `rounded` on the other side of `a`, keeping the sign of zero.
static Expr adjust(Expr a, Expr rounded, Order wrong, double step) {
  Expr moved = rounded + sameType(a, step);
  return select(compare(wrong, rounded, a), moved, rounded);
}

Expr floor(Expr a) {
  if (!canRound(*a.code))
    return adjust(a, rintByShift(a), Order::Greater, -1);
  return a.code->wrap(LLVM::FFloorOp::create(a.code->builder, a.code->loc, a.value));
}
Expr ceil(Expr a) {
  if (!canRound(*a.code)) // through floor, so that ceil(-0.5) is -0
    return negate(floor(negate(a)));
  return a.code->wrap(LLVM::FCeilOp::create(a.code->builder, a.code->loc, a.value));
}

Expr absolute(Expr a) {
  if (a.isFloat())
    return a.code->wrap(LLVM::FAbsOp::create(a.code->builder, a.code->loc, a.value));
  return maximum(a, negate(a));
}

Expr squareRoot(Expr a) { return a.code->wrap(LLVM::SqrtOp::create(a.code->builder, a.code->loc, a.value)); }
Expr isNan(Expr a) {
  auto predicate = arith::CmpFPredicate::UNO;
  return a.code->wrap(arith::CmpFOp::create(a.code->builder, a.code->loc, predicate, a.value, a.value));
}

Expr divideIntegers(Expr a, Expr b, bool isUnsigned) {
  Expr zero = a.code->constant(a.scalarType(), int64_t(0)),
       one = a.code->constant(a.scalarType(), int64_t(1));
  Expr byZero = compare(Order::Equal, b, zero);
  if (isUnsigned)
    return select(byZero, zero, integerOp<arith::DivUIOp>(a, select(byZero, one, b)));
  Expr byMinusOne = compare(Order::Equal, b, zero - one);
  Expr safe = select(byZero, one, select(byMinusOne, one, b));
  Expr quotient = integerOp<arith::DivSIOp>(a, safe);
  return select(byZero, zero, select(byMinusOne, zero - a, quotient));
}

Expr remainderIntegers(Expr a, Expr b, bool isUnsigned) { return a - divideIntegers(a, b, isUnsigned) * b; }

/// Of the thread whose number differs in the bits of `mask`.
static Value valueOfOther(const Code &code, Value value, int64_t mask) {
  OpBuilder &builder = code.builder;
  Type type = value.getType(), i32 = builder.getI32Type();
  unsigned width = type.getIntOrFloatBitWidth();
  auto bits = [&](Value v, Type to) -> Value {
    return v.getType() == to ? v : arith::BitcastOp::create(builder, code.loc, to, v);
  };
  auto exchange = [&](Value word) {
    Value arguments[] = {code.i32(-1).value, word, code.i32(mask).value, code.i32(Code::warpLanes - 1).value};
    auto name = builder.getStringAttr("llvm.nvvm.shfl.sync.bfly.i32");
    return LLVM::CallIntrinsicOp::create(builder, code.loc, i32, name, ValueRange(arguments)).getResult(0);
  };
  Code scalar = code.withLanes(1);
  Expr whole = scalar.wrap(bits(value, builder.getIntegerType(width)));
  if (width <= 32) {
    Expr word = scalar.wrap(exchange(resizeInteger(whole, i32, true).value));
    return bits(resizeInteger(word, whole.scalarType(), true).value, type);
  }
  Expr low = scalar.wrap(exchange(resizeInteger(whole, i32, true).value));
  Expr high = scalar.wrap(exchange(resizeInteger(shiftRightLogical(whole, 32), i32, true).value));
  Type i64 = builder.getI64Type();
  return bits((resizeInteger(low, i64, true) | (resizeInteger(high, i64, true) << 32)).value, type);
}

/// In the order of vectors: lower lanes come first.
static Value reduceWarp(Expr a, llvm::function_ref<Expr(Expr, Expr)> combine) {
  Code code = a.code->withLanes(1);
  Expr value = code.wrap(a.value), lane = code.wrap(code.lane());
  for (int64_t mask = Code::warpLanes / 2; mask >= 1; mask /= 2) {
    Expr other = code.wrap(valueOfOther(code, value.value, mask));
    Expr isLower = compare(Order::Equal, lane & code.constant(lane.scalarType(), mask),
                           code.constant(lane.scalarType(), int64_t(0)));
    value = code.wrap(combine(select(isLower, value, other), select(isLower, other, value)).value);
  }
  return value.value;
}

Value reduceLanes(Expr a, llvm::function_ref<Expr(Expr, Expr)> combine) {
  const Code &outer = *a.code;
  if (outer.isWarp())
    return reduceWarp(a, combine);
  OpBuilder &builder = outer.builder;
  Value value = a.value;
  for (int64_t lanes = outer.lanes / 2; lanes >= 1; lanes /= 2) {
    SmallVector<int64_t> low, high;
    for (int64_t i = 0; i < lanes; ++i) {
      low.push_back(i);
      high.push_back(i + lanes);
    }
    // Vectors of one lane stay vectors until the last step.
    Value left = vector::ShuffleOp::create(builder, outer.loc, value, value, low);
    Value right = vector::ShuffleOp::create(builder, outer.loc, value, value, high);
    Code half = outer.withLanes(lanes);
    if (lanes == 1) {
      left = vector::ExtractOp::create(builder, outer.loc, left, int64_t(0));
      right = vector::ExtractOp::create(builder, outer.loc, right, int64_t(0));
    }
    value = combine(half.wrap(left), half.wrap(right)).value;
  }
  return value;
}

} // namespace qcc::kernels
