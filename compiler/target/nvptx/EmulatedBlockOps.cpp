//===- EmulatedBlockOps.cpp - Thread blocks on a CPU ------------------------===//
#include "compiler/target/nvptx/BlockOps.h"
#include "llvm/Support/SaveAndRestore.h"
#include <numeric>

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
  void copy(Value to, Value from, int64_t, Value count) override {
    VectorType type = code.vec(16, code.i8());
    Value bytes = code.load(type, from);
    if (count) {
      SmallVector<int32_t> numbers(16);
      std::iota(numbers.begin(), numbers.end(), 0);
      Value index = arith::ConstantOp::create(code.b, code.loc, code.b.getI32VectorAttr(numbers));
      Value isThere = code.lessThan(index, code.splat(16, count));
      bytes = arith::SelectOp::create(code.b, code.loc, isThere, bytes, code.splatInt(type, 0));
    }
    code.store(bytes, code.at(shared, to));
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
  void multiply(Operand kind, int64_t sums, int64_t a, int64_t b) override;

private:
  Value constant(int64_t value) { return arith::ConstantIntOp::create(code.b, code.loc, value, 32); }
  Value warpOf(Value thread) { return code.sub(thread, laneOf(thread)); }
  Value laneOf(Value thread) { return code.rem(thread, warpThreads); }
  /// A register of another lane.
  Value otherAt(Value thread, Value slot) {
    return code.at(code.at(all, code.mul(thread, threadBytes)), code.mul(slot, 4));
  }
  Value addProducts(Operand kind, Value sum, Value x, Value y);
  Value product(Operand kind, Value sum, Value warp, Value row, Value column, Value word, Value a, Value b);
  void multiplyAll(Operand kind, Value sums, Value a, Value b);

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

/// sum + what pointers to two registers hold, multiplied.
Value EmulatedBlockOps::addProducts(Operand kind, Value sum, Value x, Value y) {
  auto multiplied = [&](Value a, Value b) -> Value {
    return arith::AddFOp::create(code.b, code.loc, sum, arith::MulFOp::create(code.b, code.loc, a, b));
  };
  auto asFloat = [&](Value bits) -> Value {
    return arith::BitcastOp::create(code.b, code.loc, code.f32(), bits);
  };
  if (kind == Operand::Tf32) { // what the hardware does with the last 13 bits is not said: a test sees NaN
    auto load = [&](Value pointer) -> Value {
      Value bits = code.load(code.i32(), pointer);
      Value rest = arith::AndIOp::create(code.b, code.loc, bits, constant(0x1fff));
      Value isExact = arith::CmpIOp::create(code.b, code.loc, arith::CmpIPredicate::eq, rest, constant(0));
      return asFloat(arith::SelectOp::create(code.b, code.loc, isExact, bits, constant(0x7fc00000)));
    };
    return multiplied(load(x), load(y));
  }
  if (kind == Operand::Bf16) {
    Value a = code.load(code.i32(), x), b = code.load(code.i32(), y);
    auto low = [&](Value v) -> Value { return arith::ShLIOp::create(code.b, code.loc, v, constant(16)); };
    auto high = [&](Value v) -> Value {
      return arith::AndIOp::create(code.b, code.loc, v, constant(-65536));
    };
    sum = multiplied(asFloat(low(a)), asFloat(low(b)));
    return multiplied(asFloat(high(a)), asFloat(high(b)));
  }
  VectorType wide = code.vec(4, code.i32());
  Value a = code.load(code.vec(4, code.i8()), x), b = code.load(code.vec(4, code.i8()), y);
  Value products = code.mul(arith::ExtUIOp::create(code.b, code.loc, wide, a),
                            arith::ExtSIOp::create(code.b, code.loc, wide, b));
  return vector::ReductionOp::create(code.b, code.loc, vector::CombiningKind::ADD, products, sum);
}

/// Four bytes of depth. PTX's tables, for elements of one byte: element (row, k) of a is byte k % 4 of
/// register row / 8 + 2 (k / 16) of lane 4 (row % 8) + k % 16 / 4; element (k, column) of b is byte k % 4 of
/// register k / 16 of lane 4 column + k % 16 / 4. With two or one elements in a register depth is two or four
/// times less.
Value EmulatedBlockOps::product(Operand kind, Value sum, Value warp, Value row, Value column, Value word,
                                Value a, Value b) {
  Value inHalf = code.rem(word, 4), half = code.div(word, 4);
  Value laneA = code.add(warp, code.add(code.mul(code.rem(row, 8), 4), inHalf));
  Value laneB = code.add(warp, code.add(code.mul(column, 4), inHalf));
  Value slotA = code.add(code.add(code.div(row, 8), code.mul(half, 2)), a);
  Value slotB = code.add(half, b);
  return addProducts(kind, sum, otherAt(laneA, slotA), otherAt(laneB, slotB));
}

/// Sum q of lane 4g + t is at row g + 8 (q / 2), column 2t + q % 2.
void EmulatedBlockOps::multiplyAll(Operand kind, Value sums, Value a, Value b) {
  Type type = kind == Operand::Bytes ? code.i32() : code.f32();
  eachThread([&](Value thread) {
    Value lane = laneOf(thread), warp = warpOf(thread);
    code.forLoop(code.i64(0), code.i64(4), [&](Value index) {
      Value q = arith::TruncIOp::create(code.b, code.loc, code.i32(), index);
      Value row = code.add(code.div(lane, 4), code.mul(code.div(q, 2), 8));
      Value column = code.add(code.mul(code.rem(lane, 4), 2), code.rem(q, 2));
      Value place = otherAt(thread, code.add(q, sums));
      Value sum = code.load(type, place, 0, 4);
      Values total = code.forLoop(code.i64(0), code.i64(8), 1, sum, [&](Value word, ValueRange carried) {
        Value word32 = arith::TruncIOp::create(code.b, code.loc, code.i32(), word);
        return Values{product(kind, carried[0], warp, row, column, word32, a, b)};
      });
      code.store(total[0], place);
    });
  });
}

void EmulatedBlockOps::multiply(Operand kind, int64_t sums, int64_t a, int64_t b) {
  Type i32 = code.i32();
  StringRef word = kind == Operand::Bytes ? "bytes" : kind == Operand::Bf16 ? "bf16" : "tf32";
  std::string name =
      ("emulated_mma_" + word + "_" + Twine(block.threads) + "_" + Twine(block.registers)).str();
  auto function = code.sharedFunction(name, {code.pointerType(), i32, i32, i32}, {}, [&](func::FuncOp made) {
    llvm::SaveAndRestore inside(all, Value(made.getArgument(0)));
    multiplyAll(kind, made.getArgument(1), made.getArgument(2), made.getArgument(3));
  });
  code.call(function, {all, constant(sums), constant(a), constant(b)});
}
} // namespace

namespace qcc::target {
std::unique_ptr<BlockOps> createEmulatedBlockOps(CodeBuilder &code, const BlockOps::Block &block) {
  return std::make_unique<EmulatedBlockOps>(code, block);
}
} // namespace qcc::target
