//===- AArch64ByteTile.cpp - Tiles over pairs of columns --------------------===//
//
// Weights come as Pairs: 16 bytes hold eight bytes of depth of one column, then of
// its neighbour. That is an operand of usmmla, of sdot and of bfmmla; a half of one
// is an operand of smull.
//
//===----------------------------------------------------------------------===//
#include "compiler/target/ByteTile.h"
#include "llvm/Support/MathExtras.h"

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
  /// Loads at offsets that are no multiples of 16 become ldur, which in LLVM's tables is one micro-operation
  /// on Neoverse N1, Cortex-A76 and Neoverse V2, where an ldr with an offset may be two and an ldp is three.
  /// It reaches 256 bytes to either side: two steps.
  static constexpr int64_t oddOffset = 241;
  /// Behind the beginning of an even step, so that LLVM does not see by how much.
  Value nearStep(Value weights, int64_t step) {
    Value place = code.at(weights, step * stepBytes + oddOffset);
    return LLVM::InlineAsmOp::create(code.b, code.loc, place.getType(), ValueRange(place), /*asm_string=*/"",
                                     /*constraints=*/"=r,0", /*has_side_effects=*/false,
                                     /*is_align_stack=*/false, LLVM::tailcallkind::TailCallKind::None,
                                     LLVM::AsmDialectAttr(), ArrayAttr())
        .getRes();
  }
  /// pair, of this step or the next one.
  Value pairNear(Value near, int64_t step, int64_t index) {
    return code.load(ops.i8s(), near, step % 2 * stepBytes + index * 16 - oddOffset, 16);
  }
  /// `depth` bytes, up to a whole step zeros: what follows a row's bf16 may be no number, which a weight of
  /// zero would not silence.
  Value loadDepth(Value pixel, int64_t depth) {
    if (depth % stepDepth == 0)
      return code.load(code.vec(depth, code.i8()), pixel);
    auto mask = code.b.getI64IntegerAttr((int64_t(1) << 8 * depth) - 1);
    Value bytes = code.load(code.b.getI64Type(), pixel);
    bytes = arith::AndIOp::create(code.b, code.loc, bytes, arith::ConstantOp::create(code.b, code.loc, mask));
    return code.bitcast(code.vec(stepDepth, code.i8()), code.splat(1, bytes));
  }
  Value toSigned(Value bytes) {
    return arith::XOrIOp::create(code.b, code.loc, bytes,
                                 code.splatInt(cast<VectorType>(bytes.getType()), -128));
  }
  Value addPairs(Value x, Value y) {
    return code.intrinsic("llvm.aarch64.neon.addp.v4i32", ops.i32s(), {x, y});
  }
};

/// sdot: two columns by eight bytes of a row's depth, whose two sums are added in the end. The row's bytes
/// come through a general register, where taking 128 off costs none of the units that multiply.
class DotTile final : public PairTile {
public:
  using PairTile::PairTile;
  int64_t stepsAtOnce() const override { return 4; }

  Values start(const Values &bias) override {
    this->bias = bias;
    return Values(rows * pairs(), code.splatInt(ops.i32s(), 0));
  }

  void add(Values &sums, ArrayRef<Value> pixels, Value weights, int64_t depth) override {
    Value near; // of two steps
    for (int64_t step = 0; step < depth / stepDepth; ++step) {
      if (step % 2 == 0)
        near = nearStep(weights, step);
      Values bytes;
      for (Value pixel : pixels)
        bytes.push_back(signedTwice(pixel, step * stepDepth));
      for (int64_t index = 0; index < pairs(); ++index) {
        Value columns = pairNear(near, step, index);
        for (int64_t row = 0; row < rows; ++row) {
          Value &sum = sums[row * pairs() + index];
          sum = code.intrinsic("llvm.aarch64.neon.sdot.v4i32.v16i8", ops.i32s(), {sum, columns, bytes[row]});
        }
      }
    }
  }

  Values finish(const Values &sums) override {
    Values result;
    for (int64_t i = 0; i < rows * vectors; ++i)
      result.push_back(code.add(addPairs(sums[2 * i], sums[2 * i + 1]), bias[i % vectors]));
    return result;
  }

private:
  Values bias;

  Value signedTwice(Value pixel, int64_t depth) {
    Value bytes = code.load(code.b.getI64Type(), pixel, depth);
    bytes = arith::XOrIOp::create(code.b, code.loc, bytes, code.like(bytes, 0x8080808080808080));
    return code.bitcast(ops.i8s(), code.splat(2, bytes));
  }
};

/// usmmla or bfmmla: two rows by two columns by eight bytes of depth.
class MatrixTile final : public PairTile {
public:
  MatrixTile(VectorOps &ops, bool isBf16, int64_t rows, int64_t vectors)
      : PairTile(ops, rows, vectors), isBf16(isBf16) {}

  Values start(const Values &bias) override {
    Values sums;
    for (int64_t row = 0; row < rows; row += 2)
      for (Value columns : bias)
        for (int64_t half : {0, 2})
          sums.push_back(code.shuffle(columns, columns, {half, half + 1, half, half + 1}));
    return sums;
  }

  void add(Values &sums, ArrayRef<Value> pixels, Value weights, int64_t depth) override {
    int64_t steps = llvm::divideCeil(depth, stepDepth);
    SmallVector<Values> twoRows(steps);
    for (int64_t row = 0; row < rows; row += 2) {
      Value first = loadDepth(pixels[row], depth);
      Value second = row + 1 < rows ? loadDepth(pixels[row + 1], depth) : first;
      for (int64_t step = 0; step < steps; ++step)
        twoRows[step].push_back(together(first, second, steps, step));
    }
    Value near; // of two steps
    for (int64_t step = 0; step < steps; ++step) {
      if (step % 2 == 0)
        near = nearStep(weights, step);
      for (int64_t index = 0; index < pairs(); ++index) {
        Value columns = pairNear(near, step, index);
        for (auto [i, operand] : llvm::enumerate(twoRows[step])) {
          Value &sum = sums[i * pairs() + index];
          sum = multiply(sum, operand, columns);
        }
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
  const bool isBf16;

  /// Eight bytes of each.
  Value together(Value first, Value second, int64_t steps, int64_t step) {
    VectorType halves = code.vec(steps, code.b.getI64Type());
    Value both =
        code.shuffle(code.bitcast(halves, first), code.bitcast(halves, second), {step, steps + step});
    return code.bitcast(ops.i8s(), both);
  }

  Value multiply(Value sum, Value twoRows, Value columns) {
    if (!isBf16)
      return code.intrinsic("llvm.aarch64.neon.usmmla.v4i32.v16i8", ops.i32s(), {sum, twoRows, columns});
    VectorType numbers = code.vec(8, code.b.getBF16Type());
    return code.intrinsic("llvm.aarch64.neon.bfmmla", ops.f32s(),
                          {sum, code.bitcast(numbers, twoRows), code.bitcast(numbers, columns)});
  }
};

/// bf16 without an instruction for them: each is the upper half of an f32.
class FloatTile final : public PairTile {
public:
  using PairTile::PairTile;
  int64_t stepsAtOnce() const override { return 1; }

  Values start(const Values &bias) override {
    Values sums;
    for (int64_t row = 0; row < rows; ++row)
      sums.append(bias.begin(), bias.end());
    return sums;
  }

  void add(Values &sums, ArrayRef<Value> pixels, Value weights, int64_t depth) override {
    Values numbers;
    for (Value pixel : pixels)
      numbers.push_back(ops.fromBf16(code.bitcast(code.vec(4, code.i16()), loadDepth(pixel, depth))));
    for (int64_t j = 0; j < vectors; ++j) {
      Value first = pair(weights, 0, 2 * j), second = pair(weights, 0, 2 * j + 1);
      for (int64_t element = 0; element < (depth + 1) / 2; ++element)
        addColumns(sums, j, columnsOf(first, second, element), numbers, element);
    }
  }

  Values finish(const Values &sums) override { return sums; }

private:
  /// One element of depth of four columns.
  Value columnsOf(Value first, Value second, int64_t element) {
    int64_t half = element / 2;
    Value both = code.shuffle(code.bitcast(ops.i32s(), first), code.bitcast(ops.i32s(), second),
                              {half, half + 2, half + 4, half + 6});
    Value bits = element % 2 == 0
                     ? Value(arith::ShLIOp::create(code.b, code.loc, both, code.splatInt(ops.i32s(), 16)))
                     : arith::AndIOp::create(code.b, code.loc, both, code.splatInt(ops.i32s(), -65536));
    return code.bitcast(ops.f32s(), bits);
  }

  void addColumns(Values &sums, int64_t j, Value columns, const Values &numbers, int64_t element) {
    for (int64_t row = 0; row < rows; ++row) {
      Value &sum = sums[row * vectors + j];
      Value number = code.shuffle(numbers[row], numbers[row], {element, element, element, element});
      sum = ops.multiplyAdd(columns, number, sum);
    }
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
      bytes.push_back(toSigned(loadDepth(pixel, stepDepth)));
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
std::unique_ptr<ByteTile> createAArch64ByteTile(VectorOps &ops, const Variant &variant, bool isBf16,
                                                int64_t rows, int64_t vectors);
}

std::unique_ptr<ByteTile> qcc::target::createAArch64ByteTile(VectorOps &ops, const Variant &variant,
                                                             bool isBf16, int64_t rows, int64_t vectors) {
  if (isBf16 ? variant.hasBf16 : variant.hasI8mm)
    return std::make_unique<MatrixTile>(ops, isBf16, rows, vectors);
  if (isBf16)
    return std::make_unique<FloatTile>(ops, rows, vectors);
  if (variant.hasDotprod)
    return std::make_unique<DotTile>(ops, rows, vectors);
  return std::make_unique<WideningTile>(ops, rows, vectors);
}
