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

/// Four bytes of depth are two halves, which are multiplied one after the other.
class HalvesTile : public ByteTile {
public:
  using ByteTile::ByteTile;
  int64_t chunkSteps() const final { return chunkBytes / 4; }

  Values start(const Values &bias) final {
    Values sums;
    for (int64_t row = 0; row < rows; ++row)
      sums.append(bias.begin(), bias.end());
    return sums;
  }

  Values prepare(ArrayRef<Value> pixels) final {
    Values prepared;
    Value scratch = code.stackBytes(rows * rowBytes);
    for (auto [row, pixel] : llvm::enumerate(pixels)) {
      Value apart = code.at(scratch, row * rowBytes);
      for (int64_t byte = 0; byte < chunkBytes; byte += ops.bytes) {
        VectorOps::Operand halves = takeApart(code.load(ops.i32s(), pixel, byte));
        code.store(halves[0], apart, byte);
        code.store(halves[1], apart, chunkBytes + byte);
      }
      prepared.push_back(apart);
    }
    return prepared;
  }

  void add(Values &sums, ArrayRef<Value> pixels, Value weights, int64_t) final {
    SmallVector<VectorOps::Operand> columns;
    for (int64_t j = 0; j < vectors; ++j)
      columns.push_back(columnsAt(weights, j));
    for (int64_t row = 0; row < rows; ++row) {
      VectorOps::Operand pixel = {broadcast(pixels[row], 0), broadcast(pixels[row], chunkBytes)};
      for (int64_t j = 0; j < vectors; ++j) {
        Value &sum = sums[row * vectors + j];
        sum = dot(sum, pixel, columns[j]);
      }
    }
  }

  Values finish(const Values &sums) final { return sums; }

protected:
  /// Both halves of activations, of weights: of one vector of columns.
  virtual VectorOps::Operand takeApart(Value dwords) = 0;
  virtual VectorOps::Operand columnsAt(Value weights, int64_t j) = 0;
  /// One half of a step's activations, in all columns.
  virtual Value broadcast(Value pixel, int64_t offset) = 0;
  virtual Value dot(Value sum, const VectorOps::Operand &pixel, const VectorOps::Operand &column) = 0;

private:
  /// Of a row, taken apart at once: all first halves, then all second ones.
  static constexpr int64_t chunkBytes = 64, rowBytes = 2 * chunkBytes;
};

/// The halves are even and odd bytes, widened.
class WideTile final : public HalvesTile {
public:
  WideTile(VectorOps &ops, int64_t rows, int64_t vectors, bool wideWeights)
      : HalvesTile(ops, rows, vectors), wideWeights(wideWeights) {}
  bool widensWeights() const override { return true; }

  void widen(Value weights, Value to) override {
    for (int64_t j = 0; j < vectors; ++j) {
      VectorOps::Operand halves = narrow(weights, j);
      code.store(halves[0], to, 2 * j * ops.bytes);
      code.store(halves[1], to, (2 * j + 1) * ops.bytes);
    }
  }

private:
  const bool wideWeights;

  VectorOps::Operand takeApart(Value dwords) override { return ops.activations(dwords); }
  VectorOps::Operand columnsAt(Value weights, int64_t j) override {
    return wideWeights ? wide(weights, j) : narrow(weights, j);
  }
  VectorOps::Operand narrow(Value weights, int64_t j) {
    return ops.weights(code.load(ops.i8s(), weights, j * 64, ops.bytes));
  }
  VectorOps::Operand wide(Value weights, int64_t j) {
    auto load = [&](int64_t half) {
      return code.load(ops.i16s(), weights, (2 * j + half) * ops.bytes, ops.bytes);
    };
    return {load(0), load(1)};
  }
  Value broadcast(Value pixel, int64_t offset) override {
    return code.bitcast(ops.i16s(), code.splat(ops.count(), code.load(code.i32(), pixel, offset, 4)));
  }
  Value dot(Value sum, const VectorOps::Operand &pixel, const VectorOps::Operand &column) override {
    return ops.dot(sum, pixel, column);
  }
};

/// The halves are the numbers of a pair, as floats.
class Bf16Tile final : public HalvesTile {
public:
  using HalvesTile::HalvesTile;

private:
  VectorOps::Operand takeApart(Value dwords) override { return ops.bf16Pairs(dwords); }
  VectorOps::Operand columnsAt(Value weights, int64_t j) override {
    return ops.bf16Pairs(code.load(ops.i32s(), weights, j * ops.bytes, ops.bytes));
  }
  Value broadcast(Value pixel, int64_t offset) override {
    return code.splat(ops.count(), code.load(code.f32(), pixel, offset, 4));
  }
  Value dot(Value sum, const VectorOps::Operand &pixel, const VectorOps::Operand &column) override {
    return ops.dotBf16(sum, pixel, column);
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
