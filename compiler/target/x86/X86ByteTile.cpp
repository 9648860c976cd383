//===- X86ByteTile.cpp - Tiles that take activations apart beforehand -------===//
//
// AVX2 without VNNI: exact products are those of 16 bits (pmaddwd), and widening in the loop costs as
// much as half of them. Activations are widened once for all columns and some depth, and
// broadcast from where they were stored, which takes none of the units that add;
// weights once for many tiles, if they fit the stack.
//
// bf16 without dot products: the same for both halves of a pair, which are floats. What
// takes a pair apart would wait for the units that multiply: two instructions for each four
// of theirs, of a row.
//
//===----------------------------------------------------------------------===//
#include "compiler/target/ByteTile.h"

using namespace mlir;
using namespace qcc::target;

namespace {

class WideTile final : public ByteTile {
public:
  WideTile(VectorOps &ops, int64_t rows, int64_t vectors, bool wideWeights)
      : ByteTile(ops, rows, vectors), wideWeights(wideWeights) {}
  bool widensWeights() const override { return true; }
  int64_t chunkSteps() const override { return chunkBytes / 4; }

  Values start(const Values &bias) override {
    Values sums;
    for (int64_t row = 0; row < rows; ++row)
      sums.append(bias.begin(), bias.end());
    return sums;
  }

  void widen(Value weights, Value to) override {
    for (int64_t j = 0; j < vectors; ++j) {
      VectorOps::Operand halves = narrow(weights, j);
      code.store(halves[0], to, 2 * j * ops.bytes);
      code.store(halves[1], to, (2 * j + 1) * ops.bytes);
    }
  }

  Values prepare(ArrayRef<Value> pixels) override {
    Values prepared;
    Value scratch = code.stackBytes(rows * rowBytes);
    for (auto [row, pixel] : llvm::enumerate(pixels)) {
      Value widened = code.at(scratch, row * rowBytes);
      for (int64_t byte = 0; byte < chunkBytes; byte += ops.bytes) {
        VectorOps::Operand halves = ops.activations(code.load(ops.i32s(), pixel, byte));
        code.store(halves[0], widened, byte);
        code.store(halves[1], widened, chunkBytes + byte);
      }
      prepared.push_back(widened);
    }
    return prepared;
  }

  void add(Values &sums, ArrayRef<Value> pixels, Value weights, int64_t) override {
    SmallVector<VectorOps::Operand> columns;
    for (int64_t j = 0; j < vectors; ++j)
      columns.push_back(wideWeights ? wide(weights, j) : narrow(weights, j));
    for (int64_t row = 0; row < rows; ++row) {
      VectorOps::Operand pixel = {broadcast(pixels[row], 0), broadcast(pixels[row], chunkBytes)};
      for (int64_t j = 0; j < vectors; ++j) {
        Value &sum = sums[row * vectors + j];
        sum = ops.dot(sum, pixel, columns[j]);
      }
    }
  }

  Values finish(const Values &sums) override { return sums; }

private:
  /// Of a row, widened at once: even bytes, then odd ones.
  static constexpr int64_t chunkBytes = 64, rowBytes = 2 * chunkBytes;
  const bool wideWeights;

  VectorOps::Operand narrow(Value weights, int64_t j) {
    return ops.weights(code.load(ops.i8s(), weights, j * 64, ops.bytes));
  }
  VectorOps::Operand wide(Value weights, int64_t j) {
    auto load = [&](int64_t half) {
      return code.load(ops.i16s(), weights, (2 * j + half) * ops.bytes, ops.bytes);
    };
    return {load(0), load(1)};
  }
  Value broadcast(Value pixel, int64_t offset) {
    return code.bitcast(ops.i16s(), code.splat(ops.count(), code.load(code.i32(), pixel, offset, 4)));
  }
};

class Bf16Tile final : public ByteTile {
public:
  using ByteTile::ByteTile;
  int64_t chunkSteps() const override { return chunkBytes / 4; }

  Values start(const Values &bias) override {
    Values sums;
    for (int64_t row = 0; row < rows; ++row)
      sums.append(bias.begin(), bias.end());
    return sums;
  }

  Values prepare(ArrayRef<Value> pixels) override {
    Values prepared;
    Value scratch = code.stackBytes(rows * rowBytes);
    for (auto [row, pixel] : llvm::enumerate(pixels)) {
      Value floats = code.at(scratch, row * rowBytes);
      for (int64_t byte = 0; byte < chunkBytes; byte += ops.bytes) {
        VectorOps::Operand halves = ops.bf16Pairs(code.load(ops.i32s(), pixel, byte));
        code.store(halves[0], floats, byte);
        code.store(halves[1], floats, chunkBytes + byte);
      }
      prepared.push_back(floats);
    }
    return prepared;
  }

  void add(Values &sums, ArrayRef<Value> pixels, Value weights, int64_t) override {
    SmallVector<VectorOps::Operand> columns;
    for (int64_t j = 0; j < vectors; ++j)
      columns.push_back(ops.bf16Pairs(code.load(ops.i32s(), weights, j * ops.bytes, ops.bytes)));
    for (int64_t row = 0; row < rows; ++row) {
      VectorOps::Operand pixel = {broadcast(pixels[row], 0), broadcast(pixels[row], chunkBytes)};
      for (int64_t j = 0; j < vectors; ++j) {
        Value &sum = sums[row * vectors + j];
        sum = ops.dotBf16(sum, pixel, columns[j]);
      }
    }
  }

  Values finish(const Values &sums) override { return sums; }

private:
  /// Of a row, taken apart at once: the first numbers of 16 pairs, then the second ones.
  static constexpr int64_t chunkBytes = 64, rowBytes = 2 * chunkBytes;

  Value broadcast(Value pixel, int64_t offset) {
    return code.splat(ops.count(), code.load(code.f32(), pixel, offset, 4));
  }
};

} // namespace

namespace qcc::target {
std::unique_ptr<ByteTile> createX86ByteTile(VectorOps &ops, bool isBf16, int64_t rows, int64_t vectors,
                                            bool wideWeights);
}

std::unique_ptr<ByteTile> qcc::target::createX86ByteTile(VectorOps &ops, bool isBf16, int64_t rows,
                                                         int64_t vectors, bool wideWeights) {
  if (isBf16)
    return std::make_unique<Bf16Tile>(ops, rows, vectors);
  return std::make_unique<WideTile>(ops, rows, vectors, wideWeights);
}
