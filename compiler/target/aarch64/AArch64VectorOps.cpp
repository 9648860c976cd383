//===- AArch64VectorOps.cpp - NEON, with dot products where there are -------===//
#include "compiler/target/VectorOps.h"

using namespace mlir;
using namespace qcc::target;

namespace {

class AArch64VectorOps final : public VectorOps {
public:
  AArch64VectorOps(CodeBuilder &code, const Variant &variant) : VectorOps(code, 16), variant(variant) {}

  Operand activations(Value dwords) override;
  bool shiftsActivations() const override { return !variant.hasI8mm; }
  Operand weights(Value bytes) override { return {bytes}; }
  Value dot(Value sum, const Operand &activations, const Operand &weights) override;
  Value multiplyAdd(Value x, Value y, Value sum) override;
  Value roundToInt(Value x) override;
  Value packI16(Value x, Value y) override;
  Value packU8(Value x, Value y) override;
  Value toBf16(Value x) override;
  bool hasMasks() const override { return false; }
  bool hasTables() const override { return true; }
  Values loadTable(Value pointer) override;
  Value lookUp(const Values &table, Value index) override;

private:
  const Variant &variant;
};

//--- Products ----------------------------------------------------------------//
// usdot came with i8mm; sdot takes signed bytes, and so do the widening products.

VectorOps::Operand AArch64VectorOps::activations(Value dwords) {
  Value bytes = code.bitcast(i8s(), dwords);
  if (!shiftsActivations())
    return {bytes};
  return {arith::XOrIOp::create(code.b, code.loc, bytes, code.splatInt(i8s(), -128))};
}

Value AArch64VectorOps::dot(Value sum, const Operand &a, const Operand &w) {
  if (variant.hasI8mm)
    return code.intrinsic("llvm.aarch64.neon.usdot.v4i32.v16i8", i32s(), {sum, a[0], w[0]});
  if (variant.hasDotprod)
    return code.intrinsic("llvm.aarch64.neon.sdot.v4i32.v16i8", i32s(), {sum, a[0], w[0]});
  // Products fit in 16 bits, sums of two may not (-128 * -128 * 2).
  Values pairs;
  for (bool high : {false, true}) {
    Value products = code.intrinsic("llvm.aarch64.neon.smull.v8i16", i16s(),
                                    {code.half(a[0], high), code.half(w[0], high)});
    pairs.push_back(code.intrinsic("llvm.aarch64.neon.saddlp.v4i32.v8i16", i32s(), products));
  }
  return code.add(sum, code.intrinsic("llvm.aarch64.neon.addp.v4i32", i32s(), pairs));
}

Value AArch64VectorOps::multiplyAdd(Value x, Value y, Value sum) {
  return code.intrinsic("llvm.fma.v4f32", f32s(), {x, y, sum});
}

//--- Conversions --------------------------------------------------------------//

Value AArch64VectorOps::roundToInt(Value x) {
  return code.intrinsic("llvm.aarch64.neon.fcvtns.v4i32.v4f32", i32s(), x);
}

Value AArch64VectorOps::packI16(Value x, Value y) {
  VectorType half = code.vec(4, code.i16());
  return code.concat(code.intrinsic("llvm.aarch64.neon.sqxtn.v4i16", half, x),
                     code.intrinsic("llvm.aarch64.neon.sqxtn.v4i16", half, y));
}

Value AArch64VectorOps::packU8(Value x, Value y) {
  VectorType half = code.vec(8, code.i8());
  return code.concat(code.intrinsic("llvm.aarch64.neon.sqxtun.v8i8", half, x),
                     code.intrinsic("llvm.aarch64.neon.sqxtun.v8i8", half, y));
}

/// bfcvtn, or half to even in integers; NaN keeps its upper bits and becomes a quiet one.
Value AArch64VectorOps::toBf16(Value x) {
  OpBuilder &b = code.b;
  if (variant.hasBf16) {
    Value rounded = arith::TruncFOp::create(b, code.loc, code.vec(count(), b.getBF16Type()), x);
    return code.bitcast(code.vec(count(), code.i16()), rounded);
  }
  auto number = [&](int64_t value) { return code.splatInt(i32s(), value); };
  Value bits = code.bitcast(i32s(), x), sixteen = number(16);
  Value upper = arith::ShRUIOp::create(b, code.loc, bits, sixteen);
  Value isOdd = arith::AndIOp::create(b, code.loc, upper, number(1));
  Value rounded = code.add(bits, code.add(isOdd, number(0x7fff)));
  Value quiet = arith::OrIOp::create(b, code.loc, bits, number(0x400000));
  Value isNan = arith::CmpFOp::create(b, code.loc, arith::CmpFPredicate::UNO, x, x);
  Value chosen = arith::SelectOp::create(b, code.loc, isNan, quiet, rounded);
  return arith::TruncIOp::create(b, code.loc, code.vec(count(), code.i16()),
                                 arith::ShRUIOp::create(b, code.loc, chosen, sixteen));
}

//--- Tables -------------------------------------------------------------------//

Values AArch64VectorOps::loadTable(Value pointer) {
  Values table;
  for (int64_t i = 0; i < 16; ++i)
    table.push_back(code.load(i8s(), pointer, 16 * i));
  return table;
}

/// tbl takes 64 bytes of the table and gives 0 beyond: each quarter answers for its own 64 values.
Value AArch64VectorOps::lookUp(const Values &table, Value index) {
  Value found;
  for (int64_t quarter = 0; quarter < 4; ++quarter) {
    Values args(ArrayRef<Value>(table).slice(4 * quarter, 4));
    args.push_back(quarter == 0 ? index : code.sub(index, code.splatInt(i8s(), 64 * quarter)));
    Value hit = code.intrinsic("llvm.aarch64.neon.tbl4.v16i8", i8s(), args);
    found = quarter == 0 ? hit : Value(arith::OrIOp::create(code.b, code.loc, found, hit));
  }
  return found;
}

} // namespace

namespace qcc::target {
std::unique_ptr<VectorOps> createAArch64VectorOps(CodeBuilder &code, const Variant &variant, unsigned bytes);
}

std::unique_ptr<VectorOps> qcc::target::createAArch64VectorOps(CodeBuilder &code, const Variant &variant,
                                                               unsigned bytes) {
  assert(bytes == 16 && "NEON has one width");
  return std::make_unique<AArch64VectorOps>(code, variant);
}
