//===- EmulatedBlockOps.cpp - Thread blocks on a CPU ------------------------===//
#include "compiler/target/nvptx/BlockOps.h"
#include "llvm/Support/SaveAndRestore.h"

using namespace mlir;
using namespace qcc::target;

namespace {
class EmulatedBlockOps : public BlockOps {
public:
  EmulatedBlockOps(CodeBuilder &code, const Block &block)
      : BlockOps(code, block), threadBytes(block.registers * 4),
        all(code.stackBytes(block.threads * threadBytes)), shared(code.stackBytes(block.sharedBytes)) {}

  void eachThread(llvm::function_ref<void(Value)> body) override {
    code.forLoop(code.i64(0), code.i64(block.threads), [&](Value index) {
      registers = code.at(all, code.mul(index, threadBytes));
      body(arith::TruncIOp::create(code.b, code.loc, code.i32(), index));
      registers = Value();
    });
  }
  void barrier() override {} // phases are loops already
  void copy(Value to, Value from, int64_t) override {
    code.store(code.load(code.vec(16, code.i8()), from), code.at(shared, to));
  }
  void commitCopies() override {}
  void waitForCopies(int64_t) override {}
  Value sharedPointer(Value offset) override { return code.at(shared, offset); }
  void exchange(int64_t to, int64_t from, int64_t mask) override {
    eachThread([&](Value thread) {
      Value other = arith::XOrIOp::create(code.b, code.loc, thread, constant(mask));
      set(to, code.load(code.i32(), otherAt(other, constant(from)), 0, 4));
    });
  }
  void loadMatrices(int64_t slot, llvm::function_ref<Value(Value)> rowOf) override;
  void multiply(int64_t sums, int64_t a, int64_t b) override;

private:
  Value constant(int64_t value) { return arith::ConstantIntOp::create(code.b, code.loc, value, 32); }
  Value warpOf(Value thread) { return code.sub(thread, laneOf(thread)); }
  Value laneOf(Value thread) { return code.rem(thread, warpThreads); }
  /// A register of another lane.
  Value otherAt(Value thread, Value slot) {
    return code.at(code.at(all, code.mul(thread, threadBytes)), code.mul(slot, 4));
  }
  Value product(Value sum, Value warp, Value row, Value column, Value word, Value a, Value b);
  void multiplyAll(Value sums, Value a, Value b);

  int64_t threadBytes;
  Value all, shared;
};

void EmulatedBlockOps::loadMatrices(int64_t slot, llvm::function_ref<Value(Value)> rowOf) {
  eachThread([&](Value thread) {
    Value lane = laneOf(thread), warp = warpOf(thread);
    for (int64_t matrix = 0; matrix < 4; ++matrix) {
      Value naming = code.add(warp, code.add(code.div(lane, 4), constant(8 * matrix)));
      Value place = code.add(rowOf(naming), code.mul(code.rem(lane, 4), 4));
      set(slot + matrix, code.load(code.i32(), code.at(shared, place)));
    }
  });
}

/// Four bytes of depth. PTX's tables: element (row, k) of a is byte k % 4 of register row / 8 + 2 (k / 16) of
/// lane 4 (row % 8) + k % 16 / 4; element (k, column) of b is byte k % 4 of register k / 16 of lane
/// 4 column + k % 16 / 4.
Value EmulatedBlockOps::product(Value sum, Value warp, Value row, Value column, Value word, Value a,
                                Value b) {
  Value inHalf = code.rem(word, 4), half = code.div(word, 4);
  Value laneA = code.add(warp, code.add(code.mul(code.rem(row, 8), 4), inHalf));
  Value laneB = code.add(warp, code.add(code.mul(column, 4), inHalf));
  Value slotA = code.add(code.add(code.div(row, 8), code.mul(half, 2)), a);
  Value slotB = code.add(half, b);
  Value x = code.load(code.vec(4, code.i8()), otherAt(laneA, slotA));
  Value y = code.load(code.vec(4, code.i8()), otherAt(laneB, slotB));
  VectorType wide = code.vec(4, code.i32());
  Value products = code.mul(arith::ExtUIOp::create(code.b, code.loc, wide, x),
                            arith::ExtSIOp::create(code.b, code.loc, wide, y));
  return vector::ReductionOp::create(code.b, code.loc, vector::CombiningKind::ADD, products, sum);
}

/// Sum q of lane 4g + t is at row g + 8 (q / 2), column 2t + q % 2.
void EmulatedBlockOps::multiplyAll(Value sums, Value a, Value b) {
  eachThread([&](Value thread) {
    Value lane = laneOf(thread), warp = warpOf(thread);
    code.forLoop(code.i64(0), code.i64(4), [&](Value index) {
      Value q = arith::TruncIOp::create(code.b, code.loc, code.i32(), index);
      Value row = code.add(code.div(lane, 4), code.mul(code.div(q, 2), 8));
      Value column = code.add(code.mul(code.rem(lane, 4), 2), code.rem(q, 2));
      Value place = otherAt(thread, code.add(q, sums));
      Value sum = code.load(code.i32(), place, 0, 4);
      Values total = code.forLoop(code.i64(0), code.i64(8), 1, sum, [&](Value word, ValueRange carried) {
        Value word32 = arith::TruncIOp::create(code.b, code.loc, code.i32(), word);
        return Values{product(carried[0], warp, row, column, word32, a, b)};
      });
      code.store(total[0], place);
    });
  });
}

void EmulatedBlockOps::multiply(int64_t sums, int64_t a, int64_t b) {
  Type i32 = code.i32();
  std::string name = ("emulated_mma_" + Twine(block.threads) + "_" + Twine(block.registers)).str();
  auto function = code.sharedFunction(name, {code.pointerType(), i32, i32, i32}, {}, [&](func::FuncOp made) {
    llvm::SaveAndRestore inside(all, Value(made.getArgument(0)));
    multiplyAll(made.getArgument(1), made.getArgument(2), made.getArgument(3));
  });
  code.call(function, {all, constant(sums), constant(a), constant(b)});
}
} // namespace

namespace qcc::target {
std::unique_ptr<BlockOps> createEmulatedBlockOps(CodeBuilder &code, const BlockOps::Block &block) {
  return std::make_unique<EmulatedBlockOps>(code, block);
}
} // namespace qcc::target
