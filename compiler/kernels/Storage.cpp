//===- Storage.cpp - Between memory and registers ---------------------------===//
//
// float16 and bfloat16 are converted by integer arithmetic: every variant gives
// the same bits, and none needs a routine of the C library.
//
//===----------------------------------------------------------------------===//
#include "compiler/kernels/Expr.h"
#include "compiler/target/Target.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

using namespace mlir;

namespace qcc::kernels {

int64_t storageBytes(Type storage) { return (storage.getIntOrFloatBitWidth() + 7) / 8; }

bool isUnsigned(Type storage) { return storage.isUnsignedInteger() || storage.isInteger(1); }

Type bitsType(MLIRContext *context, Type storage) {
  return IntegerType::get(context, static_cast<unsigned>(8 * storageBytes(storage)));
}

Type computeType(Type storage) {
  if (storage.isF16() || storage.isBF16())
    return Float32Type::get(storage.getContext());
  if (isa<FloatType>(storage) || storage.isInteger(1))
    return storage;
  return bitsType(storage.getContext(), storage);
}

static Expr halfToFloat(Expr half) {
  const Code &code = *half.code;
  if ((code.lanes == 1 || code.isWarp()) && code.variant.sm >= 75) { // one instruction there
    Value bits = arith::BitcastOp::create(code.builder, code.loc, code.builder.getF16Type(), half.value);
    return code.wrap(arith::ExtFOp::create(code.builder, code.loc, code.builder.getF32Type(), bits));
  }
  Type i32 = code.builder.getI32Type(), f32 = code.builder.getF32Type();
  Expr bits = resizeInteger(half, i32, /*isUnsigned=*/true);
  Expr magnitude = bits & code.i32(0x7fff), sign = (bits & code.i32(0x8000)) << 16;
  Expr rebias = code.i32(112 << 23);
  Expr normal = (magnitude << 13) + rebias;
  Expr special = normal + rebias; // infinity and NaN: the exponent is all ones in both formats
  Expr subnormal = bitcast(toFloat(magnitude) * 0x1p-24f, i32);
  Expr result = select(compare(Order::Less, magnitude, code.i32(0x400)), subnormal, normal);
  result = select(compare(Order::GreaterEqual, magnitude, code.i32(0x7c00)), special, result);
  return bitcast(result | sign, f32);
}

static Expr floatToHalf(Expr value) {
  const Code &code = *value.code;
  Type i32 = code.builder.getI32Type(), f32 = code.builder.getF32Type();
  Expr bits = bitcast(value, i32);
  Expr magnitude = bits & code.i32(0x7fffffff), sign = shiftRightLogical(bits, 16) & code.i32(0x8000);
  // Round half to even by adding just under half a unit, and one more if odd.
  Expr odd = shiftRightLogical(magnitude, 13) & code.i32(1);
  Expr normal = shiftRightLogical(magnitude - code.i32(112 << 23) + code.i32(0xfff) + odd, 13);
  // Below 2^-14 the addition to 0.5 does the rounding.
  Expr half = code.f32(0.5f);
  Expr subnormal = bitcast(bitcast(magnitude, f32) + half, i32) - bitcast(half, i32);
  Expr result = select(compare(Order::Less, magnitude, code.i32(0x38800000)), subnormal, normal);
  result = select(compare(Order::GreaterEqual, magnitude, code.i32(0x477ff000)), code.i32(0x7c00), result);
  result = select(isNan(value), code.i32(0x7e00), result) | sign;
  return resizeInteger(result, code.builder.getI16Type(), /*isUnsigned=*/true);
}

static Expr bfloatToFloat(Expr bits) {
  Type i32 = bits.code->builder.getI32Type();
  return bitcast(resizeInteger(bits, i32, /*isUnsigned=*/true) << 16, bits.code->builder.getF32Type());
}

static Expr floatToBfloat(Expr value) {
  const Code &code = *value.code;
  Expr bits = bitcast(value, code.builder.getI32Type());
  Expr odd = shiftRightLogical(bits, 16) & code.i32(1);
  Expr rounded = shiftRightLogical(bits + code.i32(0x7fff) + odd, 16);
  Expr nan = shiftRightLogical(bits, 16) | code.i32(0x40);
  return resizeInteger(select(isNan(value), nan, rounded), code.builder.getI16Type(), /*isUnsigned=*/true);
}

/// Where this thread's element is, of those that begin at `pointer`.
static Value placeOfLane(const Code &code, Value pointer, int64_t bytes) {
  return code.isWarp() ? code.offset(pointer, code.mulIndex(code.lane(), bytes)) : pointer;
}

static Expr loadBits(const Code &code, Value pointer, Type scalar) {
  pointer = placeOfLane(code, pointer, storageBytes(scalar));
  auto align = static_cast<unsigned>(storageBytes(scalar));
  return code.wrap(LLVM::LoadOp::create(code.builder, code.loc, code.shaped(scalar), pointer, align));
}

Expr load(const Code &code, Value pointer, Type storage, bool broadcast) {
  if (broadcast && code.lanes != 1) {
    Code scalar = code.withLanes(1);
    return code.splat(load(scalar, pointer, storage).value);
  }
  if (storage.isF32() || storage.isF64())
    return loadBits(code, pointer, storage);
  return fromStorage(loadBits(code, pointer, bitsType(storage.getContext(), storage)), storage);
}

Expr fromStorage(Expr bits, Type storage) {
  const Code &code = *bits.code;
  if (storage.isF16())
    return halfToFloat(bits);
  if (storage.isBF16())
    return bfloatToFloat(bits);
  if (storage.isInteger(1))
    return compare(Order::NotEqual, bits, code.constant(bits.scalarType(), int64_t(0)));
  return bits;
}

Expr toStorage(Expr value, Type storage) {
  if (storage.isF16())
    return floatToHalf(value);
  if (storage.isBF16())
    return floatToBfloat(value);
  if (storage.isInteger(1))
    return resizeInteger(value, value.code->builder.getI8Type(), /*isUnsigned=*/true);
  return value;
}

void storeBits(const Code &code, Value bits, Value pointer, int64_t alignment) {
  pointer = placeOfLane(code, pointer, alignment);
  LLVM::StoreOp::create(code.builder, code.loc, bits, pointer, static_cast<unsigned>(alignment));
}

void store(Expr value, Value pointer, Type storage) {
  storeBits(*value.code, toStorage(value, storage).value, pointer, storageBytes(storage));
}

} // namespace qcc::kernels
