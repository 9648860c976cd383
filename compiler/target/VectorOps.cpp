//===- VectorOps.cpp - What all targets write alike -------------------------===//
#include "compiler/target/VectorOps.h"

using namespace mlir;
using namespace qcc::target;

namespace qcc::target {
std::unique_ptr<VectorOps> createX86VectorOps(CodeBuilder &code, const Variant &variant, unsigned bytes);
std::unique_ptr<VectorOps> createAArch64VectorOps(CodeBuilder &code, const Variant &variant, unsigned bytes);
} // namespace qcc::target

VectorOps::~VectorOps() = default;

VectorOps::Operand VectorOps::bf16Pairs(Value) { llvm_unreachable("the target has tiles of bf16"); }
Value VectorOps::dotBf16(Value, const Operand &, const Operand &) {
  llvm_unreachable("the target has tiles of bf16");
}

std::unique_ptr<VectorOps> VectorOps::create(CodeBuilder &code, const Variant &variant, unsigned bytes) {
  if (StringRef(variant.triple).starts_with("aarch64"))
    return createAArch64VectorOps(code, variant, bytes);
  return createX86VectorOps(code, variant, bytes);
}

static std::string typeSuffix(VectorType type) {
  return "v" + std::to_string(type.getNumElements()) + "i" + std::to_string(type.getElementTypeBitWidth());
}

/// Between 2^23 and 2^24 floats are the integers. Two additions are faster than AVX-512's instruction, which
/// one unit alone has; NaN stays.
Value VectorOps::roundToFloat(Value x) {
  Value magic = code.splatFloat(f32s(), 12582912.0f); // 1.5 * 2^23, for both signs
  Value rounded = arith::AddFOp::create(code.b, code.loc, x, magic);
  return arith::SubFOp::create(code.b, code.loc, rounded, magic);
}

Value VectorOps::bytesAsFloats(Value pointer, int64_t offset) {
  Value bytes = code.load(code.vec(count(), code.i8()), pointer, offset, count());
  Value integers = arith::ExtSIOp::create(code.b, code.loc, i32s(), bytes);
  return arith::SIToFPOp::create(code.b, code.loc, f32s(), integers);
}

/// The exponent of 2^23 above a byte makes a float.
Values VectorOps::bytesToFloats(Value bytes) {
  Value zero = code.splatInt(i8s(), 0), exponent = code.splatInt(i16s(), 0x4b00);
  Values floats;
  for (bool highBytes : {false, true}) {
    Value words = code.bitcast(i16s(), interleave(bytes, zero, highBytes));
    for (bool highWords : {false, true})
      floats.push_back(code.bitcast(f32s(), interleave(words, exponent, highWords)));
  }
  return floats;
}

Value VectorOps::fromBf16(Value bits) {
  Value wide = arith::ExtUIOp::create(code.b, code.loc, i32s(), bits);
  return code.bitcast(f32s(), arith::ShLIOp::create(code.b, code.loc, wide, code.splatInt(i32s(), 16)));
}

Value VectorOps::fromF16(Value bits) {
  Value halves = code.bitcast(code.vec(count(), code.b.getF16Type()), bits);
  return arith::ExtFOp::create(code.b, code.loc, f32s(), halves);
}

Value VectorOps::halvesAsFloats(Half type, Value pointer, int64_t offset) {
  Value bits = code.load(code.vec(count(), code.i16()), pointer, offset, count() * 2);
  return type == Half::BF16 ? fromBf16(bits) : fromF16(bits);
}

Value VectorOps::addSaturated(Value x, Value y) {
  return code.intrinsic("llvm.sadd.sat." + typeSuffix(cast<VectorType>(x.getType())), x.getType(), {x, y});
}
Value VectorOps::maxU8(Value x, Value y) { return arith::MaxUIOp::create(code.b, code.loc, x, y); }
Value VectorOps::minU8(Value x, Value y) { return arith::MinUIOp::create(code.b, code.loc, x, y); }

Value VectorOps::interleave(Value x, Value y, bool high) {
  auto type = cast<VectorType>(x.getType());
  int64_t count = type.getNumElements(), laneElements = count * 16 / bytes;
  SmallVector<int64_t> indices;
  for (int64_t lane = 0; lane < count; lane += laneElements)
    for (int64_t i = 0; i < laneElements / 2; ++i)
      for (int64_t source : {int64_t(0), count})
        indices.push_back(source + lane + high * laneElements / 2 + i);
  return code.shuffle(x, y, indices);
}

static Value select(CodeBuilder &code, arith::CmpFPredicate predicate, Value c, Value x) {
  Value takeC = arith::CmpFOp::create(code.b, code.loc, predicate, c, x);
  return arith::SelectOp::create(code.b, code.loc, takeC, c, x);
}
Value VectorOps::max(Value x, Value c) { return select(code, arith::CmpFPredicate::OGT, c, x); }
Value VectorOps::min(Value x, Value c) { return select(code, arith::CmpFPredicate::OLT, c, x); }
