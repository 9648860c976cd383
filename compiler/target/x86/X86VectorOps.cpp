//===- X86VectorOps.cpp - SSE2, AVX2, AVX-VNNI, AVX-512 ---------------------===//
#include "compiler/target/VectorOps.h"

using namespace mlir;
using namespace qcc::target;

namespace {

/// 16, 32 or 64 bytes, with the instructions that the variant has at that width.
class X86VectorOps final : public VectorOps {
public:
  X86VectorOps(CodeBuilder &code, const Variant &variant, unsigned bytes)
      : VectorOps(code, bytes), variant(variant) {}

  Operand activations(Value dwords) override;
  Operand weights(Value bytes) override;
  Value dot(Value sum, const Operand &activations, const Operand &weights) override;
  Operand bf16Pairs(Value dwords) override;
  Value dotBf16(Value sum, const Operand &x, const Operand &y) override;
  Value multiplyAdd(Value x, Value y, Value sum) override;
  Value roundToInt(Value x) override;
  Value toBf16(Value x) override;
  Value fromF16(Value bits) override;
  Value packI16(Value x, Value y) override;
  Value packU8(Value x, Value y) override;
  Value opaque(Value v) override;
  bool hasMasks() const override { return variant.hasMasks; }
  bool hasTables() const override { return variant.vectorBytes > 16; }
  Values loadTable(Value pointer) override;
  Value lookUp(const Values &table, Value index) override;

private:
  const Variant &variant;

  /// The name for this width: SSE2's, AVX2's, AVX-512's.
  StringRef pick(StringRef sse, StringRef avx, StringRef avx512) const {
    return bytes == 16 ? sse : bytes == 32 ? avx : avx512;
  }
  Value lookUpByPermute(const Values &table, Value index);
  Value permuteWords(const Values &table, Value word);
  /// Which words have this bit.
  Value bit(Value words, int64_t value) {
    Type type = words.getType();
    Value masked =
        arith::AndIOp::create(code.b, code.loc, words, code.splatInt(cast<VectorType>(type), value));
    return arith::CmpIOp::create(code.b, code.loc, arith::CmpIPredicate::ne, masked,
                                 code.splatInt(cast<VectorType>(type), 0));
  }
  Value choose(Value condition, Value yes, Value no) {
    return arith::SelectOp::create(code.b, code.loc, condition, yes, no);
  }
  Value lookUpByShuffle(Value pointer, Value index);
};

//--- Products ----------------------------------------------------------------//
// Without VNNI, s16 x s16 products of neighbours are added exactly (pmaddwd): even
// and odd bytes of each element are widened to s16 apart from each other.

VectorOps::Operand X86VectorOps::activations(Value dwords) {
  if (variant.hasVnni)
    return {code.bitcast(i8s(), dwords)};
  Value words = code.bitcast(i16s(), dwords);
  Value even = arith::AndIOp::create(code.b, code.loc, words, code.splatInt(i16s(), 0xff));
  Value odd = arith::ShRUIOp::create(code.b, code.loc, words, code.splatInt(i16s(), 8));
  return {even, odd};
}

VectorOps::Operand X86VectorOps::weights(Value bytes) {
  if (variant.hasVnni)
    return {bytes};
  Value words = code.bitcast(i16s(), bytes), eight = code.splatInt(i16s(), 8);
  Value shifted = arith::ShLIOp::create(code.b, code.loc, words, eight);
  Value even = arith::ShRSIOp::create(code.b, code.loc, shifted, eight);
  Value odd = arith::ShRSIOp::create(code.b, code.loc, words, eight);
  return {even, odd};
}

Value X86VectorOps::dot(Value sum, const Operand &a, const Operand &w) {
  if (variant.hasVnni) {
    std::string name = "llvm.x86.avx512.vpdpbusd." + std::to_string(bytes * 8);
    return code.intrinsic(name, i32s(), {sum, a[0], w[0]});
  }
  StringRef name = pick("llvm.x86.sse2.pmadd.wd", "llvm.x86.avx2.pmadd.wd", "llvm.x86.avx512.pmaddw.d.512");
  Value even = code.intrinsic(name, i32s(), {a[0], w[0]});
  Value odd = code.intrinsic(name, i32s(), {a[1], w[1]});
  return code.add(code.add(sum, even), odd);
}

/// A bf16 is the upper half of an f32: without an instruction for pairs, both are made one and multiplied
/// after each other.
VectorOps::Operand X86VectorOps::bf16Pairs(Value dwords) {
  if (variant.hasBf16)
    return {code.bitcast(code.vec(bytes / 2, code.b.getBF16Type()), dwords)};
  Value first = arith::ShLIOp::create(code.b, code.loc, dwords, code.splatInt(i32s(), 16));
  Value second = arith::AndIOp::create(code.b, code.loc, dwords, code.splatInt(i32s(), -0x10000));
  return {code.bitcast(f32s(), first), code.bitcast(f32s(), second)};
}

Value X86VectorOps::dotBf16(Value sum, const Operand &x, const Operand &y) {
  if (!variant.hasBf16)
    return multiplyAdd(x[0], y[0], multiplyAdd(x[1], y[1], sum));
  return code.intrinsic("llvm.x86.avx512bf16.dpbf16ps." + std::to_string(bytes * 8), f32s(),
                        {sum, x[0], y[0]});
}

Value X86VectorOps::multiplyAdd(Value x, Value y, Value sum) {
  if (variant.hasFma)
    return code.intrinsic("llvm.fma.v" + std::to_string(count()) + "f32", f32s(), {x, y, sum});
  Value product = arith::MulFOp::create(code.b, code.loc, x, y);
  return arith::AddFOp::create(code.b, code.loc, sum, product);
}

//--- Conversions --------------------------------------------------------------//

/// Without F16C: exponent and digits where f32 has them, then times 2^(127 - 15), which is exact, of
/// subnormal numbers, too.
Value X86VectorOps::fromF16(Value half) {
  if (variant.hasF16)
    return VectorOps::fromF16(half);
  Value bits = arith::ExtSIOp::create(code.b, code.loc, i32s(), half);
  bits = arith::ShLIOp::create(code.b, code.loc, bits, code.splatInt(i32s(), 13));
  bits = arith::AndIOp::create(code.b, code.loc, bits, code.splatInt(i32s(), int32_t(0x8fffe000)));
  return arith::MulFOp::create(code.b, code.loc, code.bitcast(f32s(), bits),
                               code.splatFloat(f32s(), 0x1p112f));
}

Value X86VectorOps::roundToInt(Value x) {
  // MXCSR's default mode.
  if (bytes == 64)
    return code.intrinsic("llvm.lrint.v16i32.v16f32", i32s(), x);
  return code.intrinsic(pick("llvm.x86.sse2.cvtps2dq", "llvm.x86.avx.cvt.ps2dq.256", ""), i32s(), x);
}

Value X86VectorOps::toBf16(Value x) {
  VectorType words = code.vec(count(), code.i16());
  if (variant.hasBf16 && bytes >= 32)
    return code.bitcast(words, code.intrinsic("llvm.x86.avx512bf16.cvtneps2bf16." + std::to_string(bytes * 8),
                                              code.vec(count(), code.b.getBF16Type()), x));
  auto shifted = [&](Value v) {
    return arith::ShRUIOp::create(code.b, code.loc, v, code.splatInt(i32s(), 16));
  };
  Value bits = code.bitcast(i32s(), x), upper = shifted(bits);
  Value odd = arith::AndIOp::create(code.b, code.loc, upper, code.splatInt(i32s(), 1));
  Value rounded = shifted(code.add(code.add(bits, code.splatInt(i32s(), 0x7fff)), odd));
  Value nan = arith::OrIOp::create(code.b, code.loc, upper, code.splatInt(i32s(), 0x40));
  Value isNan = arith::CmpFOp::create(code.b, code.loc, arith::CmpFPredicate::UNO, x, x);
  Value chosen = arith::SelectOp::create(code.b, code.loc, isNan, nan, rounded);
  return arith::TruncIOp::create(code.b, code.loc, words, chosen);
}

Value X86VectorOps::packI16(Value x, Value y) {
  return code.intrinsic(
      pick("llvm.x86.sse2.packssdw.128", "llvm.x86.avx2.packssdw", "llvm.x86.avx512.packssdw.512"), i16s(),
      {x, y});
}

Value X86VectorOps::packU8(Value x, Value y) {
  return code.intrinsic(
      pick("llvm.x86.sse2.packuswb.128", "llvm.x86.avx2.packuswb", "llvm.x86.avx512.packuswb.512"), i8s(),
      {x, y});
}

/// Of 512 bits: there all permutations wait for one unit, and two halves of one cost five.
Value X86VectorOps::opaque(Value v) {
  if (bytes < 64)
    return v;
  return LLVM::InlineAsmOp::create(code.b, code.loc, v.getType(), ValueRange(v), /*asm_string=*/"",
                                   /*constraints=*/"=v,0", /*has_side_effects=*/false,
                                   /*is_align_stack=*/false, LLVM::tailcallkind::TailCallKind::None,
                                   LLVM::AsmDialectAttr(), ArrayAttr())
      .getRes();
}

//--- Tables -------------------------------------------------------------------//

Values X86VectorOps::loadTable(Value pointer) {
  if (!variant.hasMasks)
    return {pointer};
  Values table;
  for (int64_t i = 0; i < 4; ++i)
    table.push_back(code.load(code.vec(64, code.i8()), pointer, 64 * i));
  return table;
}

Value X86VectorOps::lookUp(const Values &table, Value index) {
  return variant.hasMasks ? lookUpByPermute(table, index) : lookUpByShuffle(table[0], index);
}

/// The 128 words of the table at the lower 7 bits of each word: vpermi2w takes 6 of them, the seventh
/// chooses between two.
Value X86VectorOps::permuteWords(const Values &table, Value word) {
  VectorType words = code.vec(32, code.i16());
  auto permute = [&](Value low, Value high) {
    return code.intrinsic("llvm.x86.avx512.vpermi2var.hi.512", words,
                          {code.bitcast(words, low), word, code.bitcast(words, high)});
  };
  Value low = permute(table[0], table[1]), high = permute(table[2], table[3]);
  return choose(bit(word, 64), high, low);
}

/// The word that holds the byte, for the even bytes of the index and for the odd ones, then the byte of it.
/// vpermi2b would be shorter, but Cascade Lake lacks it (docs/decisions/0008).
Value X86VectorOps::lookUpByPermute(const Values &table, Value index) {
  VectorType wide = code.vec(64, code.i8()), words = code.vec(32, code.i16());
  SmallVector<int64_t> widen, narrow;
  for (int64_t i = 0; i < 64; ++i)
    widen.push_back(i % bytes);
  for (int64_t i = 0; i < bytes; ++i)
    narrow.push_back(i);
  Value wideIndex = code.bitcast(words, bytes == 64 ? index : code.shuffle(index, index, widen));
  auto constant = [&](int64_t value) { return code.splatInt(words, value); };
  auto shiftDown = [&](Value x, int64_t bits) -> Value {
    return arith::ShRUIOp::create(code.b, code.loc, x, constant(bits));
  };
  Value even = permuteWords(table, shiftDown(wideIndex, 1)),
        odd = permuteWords(table, shiftDown(wideIndex, 9));
  even = choose(bit(wideIndex, 1), shiftDown(even, 8), even);
  odd = choose(bit(wideIndex, 256), odd, arith::ShLIOp::create(code.b, code.loc, odd, constant(8)));
  even = arith::AndIOp::create(code.b, code.loc, even, constant(0xff));
  odd = arith::AndIOp::create(code.b, code.loc, odd, constant(0xff00));
  Value found = code.bitcast(wide, arith::OrIOp::create(code.b, code.loc, even, odd));
  return bytes == 64 ? found : code.shuffle(found, found, narrow);
}

/// pshufb takes 4 bits of the index and gives 0 where the top bit is set: each of the 16 rows of the
/// table answers for its own 16 values, which a saturating add sets apart.
Value X86VectorOps::lookUpByShuffle(Value pointer, Value index) {
  SmallVector<int64_t> repeat;
  for (int64_t i = 0; i < bytes; ++i)
    repeat.push_back(i % 16);
  std::string uaddSat = "llvm.uadd.sat.v" + std::to_string(bytes) + "i8";
  StringRef pshufb =
      pick("llvm.x86.ssse3.pshuf.b.128", "llvm.x86.avx2.pshuf.b", "llvm.x86.avx512.pshuf.b.512");
  Value found;
  for (int64_t row = 0; row < 16; ++row) {
    Value part = code.load(code.vec(16, code.i8()), pointer, 16 * row);
    if (bytes > 16)
      part = code.shuffle(part, part, repeat);
    Value inRow = row == 0 ? index : code.sub(index, code.splatInt(i8s(), 16 * row));
    Value selector = code.intrinsic(uaddSat, i8s(), {inRow, code.splatInt(i8s(), 0x70)});
    Value hit = code.intrinsic(pshufb, i8s(), {part, selector});
    found = row == 0 ? hit : Value(arith::OrIOp::create(code.b, code.loc, found, hit));
  }
  return found;
}

} // namespace

namespace qcc::target {
std::unique_ptr<VectorOps> createX86VectorOps(CodeBuilder &code, const Variant &variant, unsigned bytes);
}

std::unique_ptr<VectorOps> qcc::target::createX86VectorOps(CodeBuilder &code, const Variant &variant,
                                                           unsigned bytes) {
  return std::make_unique<X86VectorOps>(code, variant, bytes);
}
