//===- AArch64ByteTile.cpp - Tiles over pairs of columns --------------------===//
//
// Weights come as Pairs: 16 bytes hold eight bytes of depth of one column, then of
// its neighbour. That is an operand of usmmla; two of them unzipped are two
// operands of sdot; a half of one is an operand of smull.
//
//===----------------------------------------------------------------------===//
#include "compiler/target/ByteTile.h"

using namespace mlir;
using namespace qcc::target;

namespace {

constexpr int64_t stepDepth = 8;
constexpr int64_t stepBytes = 32 * stepDepth; ///< of a panel of 32 columns

class PairTile : public ByteTile {
public:
  using ByteTile::ByteTile;
  int64_t stepsAtOnce() const override { return 2; }

protected:
  int64_t pairs() const { return 2 * vectors; }
  /// The weights of a pair of columns.
  Value pair(Value weights, int64_t step, int64_t index) {
    return code.load(ops.i8s(), weights, step * stepBytes + index * 16, 16);
  }
  Value loadDepth(Value pixel, int64_t steps) {
    return code.load(code.vec(steps * stepDepth, code.i8()), pixel);
  }
  Value toSigned(Value bytes) {
    return arith::XOrIOp::create(code.b, code.loc, bytes,
                                 code.splatInt(cast<VectorType>(bytes.getType()), -128));
  }
  Value i32Shuffle(Value x, Value y, ArrayRef<int64_t> order) {
    VectorType type = code.vec(cast<VectorType>(x.getType()).getNumElements() / 4, code.i32());
    return code.bitcast(ops.i8s(), code.shuffle(code.bitcast(type, x), code.bitcast(type, y), order));
  }
};

/// sdot by element: four columns by four bytes of a row's depth.
class DotTile final : public PairTile {
public:
  using PairTile::PairTile;

  Values start(const Values &bias) override {
    Values sums;
    for (int64_t row = 0; row < rows; ++row)
      sums.append(bias.begin(), bias.end());
    return sums;
  }

  void add(Values &sums, ArrayRef<Value> pixels, Value weights, int64_t steps) override {
    Values bytes;
    for (Value pixel : pixels)
      bytes.push_back(toSigned(loadDepth(pixel, steps)));
    for (int64_t step = 0; step < steps; ++step)
      for (int64_t j = 0; j < vectors; ++j) {
        Value first = pair(weights, step, 2 * j), second = pair(weights, step, 2 * j + 1);
        for (int64_t half : {0, 1}) {
          Value columns = i32Shuffle(first, second, {half, half + 2, half + 4, half + 6});
          addColumns(sums, j, columns, bytes, 2 * step + half);
        }
      }
  }

  Values finish(const Values &sums) override { return sums; }

private:
  /// Four columns by the four bytes `quad` of each row.
  void addColumns(Values &sums, int64_t j, Value columns, const Values &bytes, int64_t quad) {
    for (int64_t row = 0; row < rows; ++row) {
      Value &sum = sums[row * vectors + j];
      Value pixel = i32Shuffle(bytes[row], bytes[row], {quad, quad, quad, quad});
      sum = code.intrinsic("llvm.aarch64.neon.sdot.v4i32.v16i8", ops.i32s(), {sum, columns, pixel});
    }
  }
};

/// usmmla: two rows by two columns by eight bytes of depth.
class MatrixTile final : public PairTile {
public:
  using PairTile::PairTile;

  Values start(const Values &bias) override {
    Values sums;
    for (int64_t row = 0; row < rows; row += 2)
      for (Value columns : bias)
        for (int64_t half : {0, 2})
          sums.push_back(code.shuffle(columns, columns, {half, half + 1, half, half + 1}));
    return sums;
  }

  void add(Values &sums, ArrayRef<Value> pixels, Value weights, int64_t steps) override {
    SmallVector<Values> twoRows(steps);
    for (int64_t row = 0; row < rows; row += 2) {
      Value first = loadDepth(pixels[row], steps);
      Value second = row + 1 < rows ? loadDepth(pixels[row + 1], steps) : first;
      for (int64_t step = 0; step < steps; ++step)
        twoRows[step].push_back(together(first, second, steps, step));
    }
    for (int64_t step = 0; step < steps; ++step)
      for (int64_t index = 0; index < pairs(); ++index) {
        Value columns = pair(weights, step, index);
        for (auto [i, operand] : llvm::enumerate(twoRows[step])) {
          Value &sum = sums[i * pairs() + index];
          sum = code.intrinsic("llvm.aarch64.neon.usmmla.v4i32.v16i8", ops.i32s(), {sum, operand, columns});
        }
      }
  }

  Values finish(const Values &sums) override {
    Values result;
    for (int64_t row = 0; row < rows; ++row)
      for (int64_t j = 0; j < vectors; ++j) {
        int64_t at = row / 2 * pairs() + 2 * j, half = row % 2 * 2;
        result.push_back(code.shuffle(sums[at], sums[at + 1], {half, half + 1, half + 4, half + 5}));
      }
    return result;
  }

private:
  /// Eight bytes of each.
  Value together(Value first, Value second, int64_t steps, int64_t step) {
    VectorType halves = code.vec(steps, code.b.getI64Type());
    Value both =
        code.shuffle(code.bitcast(halves, first), code.bitcast(halves, second), {step, steps + step});
    return code.bitcast(ops.i8s(), both);
  }
};

/// smull and sadalp: eight products of one output, whose four sums are added in the end.
class WideningTile final : public PairTile {
public:
  using PairTile::PairTile;
  int64_t stepsAtOnce() const override { return 1; }

  Values start(const Values &bias) override {
    this->bias = bias;
    return Values(rows * vectors * 4, code.splatInt(ops.i32s(), 0));
  }

  void add(Values &sums, ArrayRef<Value> pixels, Value weights, int64_t) override {
    Values bytes;
    for (Value pixel : pixels)
      bytes.push_back(toSigned(loadDepth(pixel, 1)));
    for (int64_t index = 0; index < pairs(); ++index) {
      Value columns = pair(weights, 0, index);
      for (int64_t row = 0; row < rows; ++row)
        for (bool high : {false, true}) {
          Value &sum = sums[(row * pairs() + index) * 2 + high];
          Value products = code.intrinsic("llvm.aarch64.neon.smull.v8i16", ops.i16s(),
                                          {code.half(columns, high), bytes[row]});
          sum = code.add(sum, code.intrinsic("llvm.aarch64.neon.saddlp.v4i32.v8i16", ops.i32s(), products));
        }
    }
  }

  Values finish(const Values &sums) override {
    Values result;
    auto addPairs = [&](Value x, Value y) {
      return code.intrinsic("llvm.aarch64.neon.addp.v4i32", ops.i32s(), {x, y});
    };
    for (int64_t i = 0; i < rows * vectors; ++i) {
      Value columns =
          addPairs(addPairs(sums[4 * i], sums[4 * i + 1]), addPairs(sums[4 * i + 2], sums[4 * i + 3]));
      result.push_back(code.add(columns, bias[i % vectors]));
    }
    return result;
  }

private:
  Values bias;
};

} // namespace

namespace qcc::target {
std::unique_ptr<ByteTile> createAArch64ByteTile(VectorOps &ops, const Variant &variant, int64_t rows,
                                                int64_t vectors);
}

std::unique_ptr<ByteTile> qcc::target::createAArch64ByteTile(VectorOps &ops, const Variant &variant,
                                                             int64_t rows, int64_t vectors) {
  if (variant.hasI8mm)
    return std::make_unique<MatrixTile>(ops, rows, vectors);
  if (variant.hasDotprod)
    return std::make_unique<DotTile>(ops, rows, vectors);
  return std::make_unique<WideningTile>(ops, rows, vectors);
}
