//===- PairTile.cpp - Rows of bf16 times a matrix, by pairs -----------------===//
#include "compiler/kernels/matmul/PairTile.h"
#include "compiler/target/Target.h"
#include "compiler/target/VectorOps.h"

using namespace mlir;
using namespace qcc::kernels;
using qcc::target::CodeBuilder;
using qcc::target::Values;
using qcc::target::VectorOps;

namespace {

/// Some columns: one vector of sums of each row, or two.
class Columns {
public:
  Columns(const PairTile &tile, const Code &scalar, int64_t width, Value first)
      : tile(tile), scalar(scalar), code(scalar.builder, scalar.loc), first(first) {
    int64_t most = scalar.variant.vectorBytes / 4;
    // Without the instruction a vector of two columns in each element becomes two of floats.
    bool isSplit = tile.form == PairTile::Right::Rows && !scalar.variant.hasBf16;
    vectors = isSplit || width > most ? 2 : 1;
    ops = VectorOps::create(code, scalar.variant, static_cast<unsigned>(width / vectors * 4));
  }

  /// In natural order, one vector behind the other.
  SmallVector<Values> sums() {
    Values sums(tile.height * vectors, code.splatFloat(ops->f32s(), 0));
    sums = tile.form == PairTile::Right::Turned ? ofTurned(sums)
           : scalar.variant.hasBf16             ? ofPairedRows(sums)
                                                : ofRows(sums);
    SmallVector<Values> rows;
    for (int64_t row = 0; row < tile.height; ++row)
      rows.emplace_back(ArrayRef(sums).slice(row * vectors, vectors));
    return rows;
  }
  int64_t lanes() const { return ops->count(); }

private:
  const PairTile &tile;
  const Code &scalar;
  CodeBuilder code;
  Value first;
  int64_t vectors;
  std::unique_ptr<VectorOps> ops;

  Value rightAt(Value index, int64_t columnBytes) {
    return code.at(code.at(tile.right, code.mul(first, columnBytes)), code.mul(index, tile.rightStride));
  }
  Value leftAt(int64_t row, Value bytes) { return code.at(code.at(tile.left, row * tile.leftRow), bytes); }
  Value number(Value pointer, int64_t bytes) {
    return code.splat(ops->count(), code.load(code.f32(), pointer, bytes, 4));
  }

  /// A pair of a row in all lanes, as `bf16Pairs` makes it.
  VectorOps::Operand leftPair(int64_t row, Value pair) {
    if (!scalar.variant.hasBf16) {
      Value at = leftAt(row, code.mul(pair, 8));
      return {number(at, 0), number(at, 4)};
    }
    Value both = code.load(code.i32(), leftAt(row, code.mul(pair, 4)), 0, 2);
    return ops->bf16Pairs(code.splat(ops->count(), both));
  }

  Values addPairs(ValueRange sums, Value pair, ArrayRef<VectorOps::Operand> right) {
    Values next(sums);
    for (int64_t row = 0; row < tile.height; ++row) {
      VectorOps::Operand left = leftPair(row, pair);
      for (int64_t j = 0; j < vectors; ++j) {
        Value &sum = next[row * vectors + j];
        sum = ops->dotBf16(sum, left, right[j]);
      }
    }
    return next;
  }

  Values ofTurned(const Values &none) {
    return code.forLoop(code.i64(0), code.i64(tile.depth / 2), 1, none, [&](Value pair, ValueRange sums) {
      SmallVector<VectorOps::Operand> right;
      for (int64_t j = 0; j < vectors; ++j)
        right.push_back(ops->bf16Pairs(code.load(ops->i32s(), rightAt(pair, 4), j * ops->bytes, 4)));
      return addPairs(sums, pair, right);
    });
  }

  /// Two rows become pairs. An odd one is its own neighbour, which meets a zero.
  Values ofPairedRows(const Values &none) {
    auto add = [&](ValueRange sums, Value pair, bool isLast) {
      Value upper = rightAt(code.mul(pair, 2), 2);
      Value lower = isLast ? upper : code.at(upper, tile.rightStride);
      SmallVector<VectorOps::Operand> right;
      for (int64_t j = 0; j < vectors; ++j) {
        auto widened = [&](Value row) -> Value {
          Value words = code.load(code.vec(ops->count(), code.i16()), row, j * ops->bytes / 2, 2);
          return arith::ExtUIOp::create(code.b, code.loc, ops->i32s(), words);
        };
        Value second =
            arith::ShLIOp::create(code.b, code.loc, widened(lower), code.splatInt(ops->i32s(), 16));
        right.push_back(
            ops->bf16Pairs(arith::OrIOp::create(code.b, code.loc, widened(upper), second).getResult()));
      }
      return addPairs(sums, pair, right);
    };
    Value depth = tile.depthCount ? tile.depthCount : code.i64(tile.depth), pairs = code.div(depth, 2);
    Values sums = code.forLoop(code.i64(0), pairs, 1, none,
                               [&](Value pair, ValueRange sums) { return add(sums, pair, false); });
    Value end = code.div(code.add(depth, code.i64(1)), 2); // one more if there is one left
    return code.forLoop(pairs, end, 1, sums,
                        [&](Value pair, ValueRange sums) { return add(sums, pair, true); });
  }

  /// Even and odd columns apart, until the end.
  Values ofRows(const Values &none) {
    Value depth = tile.depthCount ? tile.depthCount : code.i64(tile.depth);
    Values sums = code.forLoop(code.i64(0), depth, 1, none, [&](Value k, ValueRange carried) {
      VectorOps::Operand right = ops->bf16Pairs(code.load(ops->i32s(), rightAt(k, 2), 0, 2));
      Values next(carried);
      for (int64_t row = 0; row < tile.height; ++row) {
        Value left = number(leftAt(row, code.mul(k, 4)), 0);
        for (int64_t j = 0; j < 2; ++j)
          next[2 * row + j] = ops->multiplyAdd(left, right[j], next[2 * row + j]);
      }
      return next;
    });
    int64_t count = ops->count();
    SmallVector<int64_t> lower, upper;
    for (int64_t i = 0; i < count; ++i) {
      lower.push_back(i / 2 + i % 2 * count);
      upper.push_back(count / 2 + lower.back());
    }
    for (int64_t row = 0; row < tile.height; ++row) {
      Value even = sums[2 * row], odd = sums[2 * row + 1];
      sums[2 * row] = code.shuffle(even, odd, lower);
      sums[2 * row + 1] = code.shuffle(even, odd, upper);
    }
    return sums;
  }
};

} // namespace

void PairTile::emit(const Code &code, bool sideBySide, ProductTile::Finish finish) const {
  constexpr int64_t fewest = 4; // columns of a vector
  auto write = [&](Value first, int64_t width, int64_t count) {
    Columns block(*this, code, width, first);
    int64_t lanes = block.lanes();
    for (auto [row, vectors] : llvm::enumerate(block.sums()))
      for (auto [j, sum] : llvm::enumerate(vectors)) {
        Value column = code.addIndex(first, code.index(static_cast<int64_t>(j) * lanes));
        Code wide = code.withLanes(lanes);
        if (sideBySide && count == width) {
          finish(wide, wide.wrap(sum), static_cast<int64_t>(row), column);
          continue;
        }
        for (int64_t i = 0; i < std::min(lanes, count - static_cast<int64_t>(j) * lanes); ++i) {
          Value one = vector::ExtractOp::create(code.builder, code.loc, sum, i);
          finish(code, code.wrap(one), static_cast<int64_t>(row), code.addIndex(column, code.index(i)));
        }
      }
  };
  int64_t whole = columns / fewest * fewest;
  forColumns(code, whole, 2 * code.variant.vectorBytes / 4, columnCount,
             [&](int64_t width, Value first) { write(first, width, width); });
  if (whole < columns)
    write(code.index(whole), fewest, columns - whole);
}
