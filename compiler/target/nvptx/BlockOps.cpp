//===- BlockOps.cpp - What both lowerings of thread blocks share ------------===//
#include "compiler/target/nvptx/BlockOps.h"

using namespace mlir;
using namespace qcc::target;

namespace qcc::target {
std::unique_ptr<BlockOps> createNvptxBlockOps(CodeBuilder &code, const Variant &variant,
                                              const BlockOps::Block &block);
std::unique_ptr<BlockOps> createEmulatedBlockOps(CodeBuilder &code, const BlockOps::Block &block);
} // namespace qcc::target

BlockOps::~BlockOps() = default;

std::unique_ptr<BlockOps> BlockOps::create(CodeBuilder &code, const Variant &variant, const Block &block) {
  return variant.isEmulated() ? createEmulatedBlockOps(code, block)
                              : createNvptxBlockOps(code, variant, block);
}

Value BlockOps::get(int64_t slot) { return code.load(code.i32(), registerAt(slot), 0, 4); }

void BlockOps::set(int64_t slot, Value value) {
  LLVM::StoreOp::create(code.b, code.loc, value, registerAt(slot), /*alignment=*/4);
}

Value BlockOps::getFloat(int64_t slot) { return code.load(code.f32(), registerAt(slot), 0, 4); }

void BlockOps::reduceWarp(int64_t slot, int64_t other, llvm::function_ref<Value(Value, Value)> combine) {
  for (int64_t mask = warpThreads / 2; mask >= 1; mask /= 2) {
    exchange(other, slot, mask);
    eachThread([&](Value) { set(slot, combine(getFloat(slot), getFloat(other))); });
  }
}

static Value byteOf(CodeBuilder &code, Value word, int64_t index, bool isSigned) {
  Value shifted = arith::ShRUIOp::create(code.b, code.loc, word, code.like(word, 8 * index));
  Value byte = arith::TruncIOp::create(code.b, code.loc, code.i8(), shifted);
  return isSigned ? arith::ExtSIOp::create(code.b, code.loc, code.i32(), byte).getResult()
                  : arith::ExtUIOp::create(code.b, code.loc, code.i32(), byte).getResult();
}

Value qcc::target::dotBytes(CodeBuilder &code, const Variant &variant, Value sum, Value x, Value y) {
  if (!variant.isEmulated())
    return code.intrinsic("llvm.nvvm.idp4a.u.s", code.i32(), {x, y, sum});
  for (int64_t i = 0; i < 4; ++i)
    sum = code.add(sum, code.mul(byteOf(code, x, i, false), byteOf(code, y, i, true)));
  return sum;
}
