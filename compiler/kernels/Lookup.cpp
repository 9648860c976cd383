//===- Lookup.cpp - Tables of 256 bytes -------------------------------------===//
#include "compiler/kernels/Lookup.h"
#include "compiler/target/Target.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace qcc::kernels {

static constexpr int64_t registerBytes = 64;

LookupTable::LookupTable(const Code &code, Value pointer) : pointer(pointer) {
  if (!code.variant.hasVbmi)
    return;
  Code vectorCode = code.withLanes(registerBytes);
  for (int64_t part = 0; part < 4; ++part)
    quarters.push_back(
        load(vectorCode, code.offset(pointer, part * registerBytes), code.builder.getI8Type()).value);
}

Expr LookupTable::apply(Expr bytes) const {
  const Code &code = *bytes.code;
  if (code.lanes > 1)
    return applyToVector(bytes);
  Value index = resizeInteger(bytes, code.builder.getI64Type(), /*isUnsigned=*/true).value;
  return load(code, code.offset(pointer, index), code.builder.getI8Type());
}

/// The same bytes at the front of a vector of another length.
static Value resizeVector(const Code &code, Value bytes, int64_t from, int64_t to) {
  SmallVector<int64_t> order;
  for (int64_t i = 0; i < to; ++i)
    order.push_back(i < from ? i : 0);
  return from == to ? bytes
                    : vector::ShuffleOp::create(code.builder, code.loc, bytes, bytes, order).getResult();
}

Expr LookupTable::applyToVector(Expr bytes) const {
  Code code = bytes.code->withLanes(registerBytes);
  Expr index = code.wrap(resizeVector(code, bytes.value, bytes.code->lanes, registerBytes));
  // The instruction reads seven bits of the index; the eighth picks the half.
  auto permute = [&](unsigned half) {
    Value operands[] = {quarters[2 * half], index.value, quarters[2 * half + 1]};
    auto name = code.builder.getStringAttr("llvm.x86.avx512.vpermi2var.qi.512");
    return code.wrap(LLVM::CallIntrinsicOp::create(code.builder, code.loc, index.value.getType(), name,
                                                   ValueRange(operands))
                         .getResult(0));
  };
  Expr isUpper = compare(Order::Less, index, code.constant(code.builder.getI8Type(), int64_t(0)));
  Expr result = select(isUpper, permute(1), permute(0));
  return bytes.code->wrap(resizeVector(code, result.value, registerBytes, bytes.code->lanes));
}

} // namespace qcc::kernels
