//===- Attention.cpp - The kernel of attention ------------------------------===//
//
// A unit is some queries of one head. Their scores stay on the stack: products
// with all keys, softmax, products with all values.
//
//===----------------------------------------------------------------------===//
#include "compiler/kernels/attention/Attention.h"
#include "compiler/kernels/Distance.h"
#include "compiler/kernels/Functions.h"
#include "compiler/kernels/LoopNest.h"
#include "compiler/kernels/RowUnits.h"
#include "compiler/kernels/matmul/PairTile.h"
#include "compiler/kernels/matmul/ProductTile.h"
#include "compiler/target/CodeBuilder.h"
#include "compiler/target/Target.h"
#include "llvm/Support/MathExtras.h"
#include <limits>

using namespace mlir;

namespace qcc::kernels {

/// Most queries of a unit: a tile of 32 registers, or two of 16. All units have as many, or one less.
static constexpr int64_t unitRows = 12;

AttentionShape::AttentionShape(DictionaryAttr attr)
    : spec(attr), query(spec.views[0]), key(spec.views[1]), value(spec.views[2]), result(spec.result()),
      maskAt(spec.operand(3)), countAt(spec.operand(4)), batch(query.shape[0]), heads(query.shape[2]),
      queries(query.shape[1]), keys(key.shape[3]), depth(query.shape[3]), width(value.shape[3]) {
  if (maskAt)
    mask = broadcastTo(spec.views[*maskAt], {batch, heads, queries, keys});
}

bool AttentionShape::isSupported() const {
  return result.element.isF32() ? query.element.isF32() || isBf16() : result.element.isBF16() && isBf16();
}

Expr AttentionShape::weightOf(Expr power) const {
  Type bf16 = query.element;
  return isBf16() ? fromStorage(toStorage(power, bf16), bf16) : power;
}

Expr AttentionShape::scoreOf(Expr product) const {
  const Code &code = *product.code;
  auto scale = static_cast<float>(spec.real("scale", 1)), cap = static_cast<float>(spec.real("softcap", 0));
  if (cap == 0)
    return product * code.f32(scale);
  return hyperbolicTangent(product * code.f32(scale / cap)) * code.f32(cap);
}

namespace {
struct Attention : AttentionShape {
  using AttentionShape::AttentionShape;
  int64_t blocks() const { return std::max<int64_t>(llvm::divideCeil(queries, unitRows), 1); }
};

class Writer {
public:
  /// `limit`: of the queries that a run has; null: all.
  Writer(const Attention &attention, const Code &code, ValueRange pointers, Value limit)
      : attention(attention), code(code), pointers(pointers), limit(limit) {
    target::CodeBuilder builder(code.builder, code.loc);
    scores = builder.stackBytes(unitRows * rowBytes());
    if (attention.isBf16() && !multipliesPairs())
      queries = builder.stackBytes(unitRows * attention.depth * 4);
    if (attention.countAt)
      count = readCount();
  }
  void writeUnit(Value unit);

private:
  const Attention &attention;
  const Code &code;
  ValueRange pointers;
  Value limit;
  Value scores;
  Value queries; ///< of bf16 where the kernel multiplies floats: a tile's, widened
  Value count;   ///< of the keys that are there; null: all

  /// Addresses of one head's first elements; of query, mask and result at one row.
  struct Head {
    Value query, key, value, mask, result;
  };
  int64_t rowBytes() const { return llvm::alignTo(attention.keys * 4, 64); }
  Type f32() const { return code.builder.getF32Type(); }
  Value at(Value pointer, const View &view, size_t axis, Value index) const {
    return code.offset(pointer, code.mulIndex(index, view.strides[axis] * storageBytes(view.element)));
  }
  static int64_t bytes(const View &view, size_t axis) {
    return view.strides[axis] * storageBytes(view.element);
  }
  /// Two bf16 in one instruction, of queries and keys, of weights and values.
  bool multipliesPairs() const { return attention.hasKeyPairs() && code.variant.hasBf16; }
  Value readCount() const;
  Head headOf(Value b, Value h) const;
  void writeBlock(const Head &head, Value first, int64_t rows);
  void writeTiles(const Head &head, Value first, int64_t rows);
  void writeRows(const Head &head, Value row, int64_t height);
  void widenQueries(const Head &head, int64_t height);
  void writeScores(const Head &head, int64_t height);
  void writeScoresByKey(const Head &head, int64_t height);
  void writeScore(const Code &inner, const Head &head, int64_t row, Value key, Expr product);
  Value softmax(Value row);
  void storeWeight(const Code &inner, Expr power, Value row, Value key);
  void sumValues(const Head &head, int64_t height, ProductTile::Finish finish);
};
} // namespace

/// Within [0, keys], whatever the number is.
Value Writer::readCount() const {
  const View &view = attention.spec.views[*attention.countAt];
  Value number = load(code, code.offset(pointers[*attention.countAt], view.offset * 8), view.element).value;
  return code.minIndex(code.maxIndex(number, code.index(0)), code.index(attention.keys));
}

Writer::Head Writer::headOf(Value b, Value h) const {
  const Attention &a = attention;
  auto start = [&](size_t i, const View &view, size_t headAxis) {
    Value pointer = code.offset(pointers[i], view.offset * storageBytes(view.element)), head = h;
    if (int64_t served = a.served(view, headAxis); served != 1)
      head = arith::DivUIOp::create(code.builder, code.loc, h, code.index(served));
    return at(at(pointer, view, 0, b), view, headAxis, head);
  };
  Head head{start(0, a.query, 2), start(1, a.key, 1), start(2, a.value, 2), Value(),
            start(pointers.size() - 1, a.result, 2)};
  if (a.maskAt)
    head.mask = start(*a.maskAt, a.mask, 1);
  return head;
}

void Writer::writeUnit(Value unit) {
  using arith::DivUIOp, arith::RemUIOp;
  int64_t blocks = attention.blocks();
  auto divide = [&](Value x, int64_t by) -> Value {
    return DivUIOp::create(code.builder, code.loc, x, code.index(by));
  };
  auto rest = [&](Value x, int64_t by) -> Value {
    return RemUIOp::create(code.builder, code.loc, x, code.index(by));
  };
  Value line = divide(unit, blocks), block = rest(unit, blocks);
  Head head = headOf(divide(line, attention.heads), rest(line, attention.heads));
  int64_t rows = attention.queries / blocks, tall = attention.queries % blocks;
  Value before = code.minIndex(block, code.index(tall)); // blocks with one row more come first
  Value first = code.addIndex(code.mulIndex(block, rows), before);
  if (tall == 0)
    return writeBlock(head, first, rows);
  using arith::CmpIOp, arith::CmpIPredicate;
  Value isTall = CmpIOp::create(code.builder, code.loc, CmpIPredicate::ult, block, code.index(tall));
  auto write = [&](int64_t count) {
    writeBlock(head, first, count);
    return SmallVector<Value>();
  };
  code.branch(isTall, {}, [&] { return write(rows + 1); }, [&] { return write(rows); });
}

/// Of a block that a run does not have all of, as few as a tile of 1, 2, 4 or 8 covers.
void Writer::writeBlock(const Head &head, Value first, int64_t rows) {
  if (!limit)
    return writeTiles(head, first, rows);
  Value left = code.subIndex(limit, first);
  auto writeFrom = [&](auto &self, int64_t fewest) -> SmallVector<Value> {
    if (fewest >= rows)
      writeTiles(head, first, rows);
    else
      code.branch(
          isLess(code, left, code.index(fewest + 1)), {},
          [&] {
            writeTiles(head, first, fewest);
            return SmallVector<Value>();
          },
          [&] { return self(self, fewest * 2); });
    return {};
  };
  writeFrom(writeFrom, 1);
}

/// In tiles as high as the registers allow, but of like heights.
void Writer::writeTiles(const Head &head, Value first, int64_t rows) {
  bool isTight = !code.variant.hasFma || attention.isBf16();
  int64_t most = code.variant.registers >= 32 ? unitRows : isTight ? unitRows / 3 : unitRows / 2;
  int64_t tiles = llvm::divideCeil(rows, most);
  for (int64_t i = 0, row = 0; i < tiles; ++i) {
    int64_t height = rows / tiles + (i < rows % tiles);
    writeRows(head, code.addIndex(first, code.index(row)), height);
    row += height;
  }
}

void Writer::writeRows(const Head &whole, Value row, int64_t height) {
  const Attention &a = attention;
  Head head = whole;
  head.query = at(head.query, a.query, 1, row);
  head.result = at(head.result, a.result, 1, row);
  if (a.maskAt)
    head.mask = at(head.mask, a.mask, 2, row);
  if (a.keysLieAsTheyCame())
    writeScoresByKey(head, height);
  else
    writeScores(head, height);
  SmallVector<Value> factors;
  for (int64_t i = 0; i < height; ++i)
    factors.push_back(softmax(code.offset(scores, i * rowBytes())));
  sumValues(head, height, [&](const Code &inner, Expr sum, int64_t i, Value column) {
    Value to = inner.offset(at(head.result, a.result, 3, column), i * bytes(a.result, 1));
    store(sum * inner.splat(factors[i]), to, a.result.element);
  });
}

void Writer::sumValues(const Head &head, int64_t height, ProductTile::Finish finish) {
  const Attention &a = attention;
  bool isRow = a.result.strides[3] == 1;
  if (a.hasKeyPairs()) {
    PairTile tile{scores,  head.value, rowBytes(), bytes(a.value, 1), PairTile::Right::Rows, height, a.keys,
                  a.width, count,      Value()};
    return tile.emit(code, isRow, finish);
  }
  ProductTile tile{scores,
                   head.value,
                   rowBytes(),
                   4,
                   bytes(a.value, 1),
                   bytes(a.value, 3),
                   f32(),
                   a.value.element,
                   f32(),
                   height,
                   a.keys,
                   a.width,
                   count,
                   Value()};
  tile.emit(code, isRow, finish);
}

void Writer::widenQueries(const Head &head, int64_t height) {
  const Attention &a = attention;
  Code wide = code.withLanes(bf16Numbers);
  for (int64_t row = 0; row < height; ++row)
    code.loop(code.index(0), code.index(a.depth), bf16Numbers, [&](Value i) {
      Value from = code.offset(at(head.query, a.query, 3, i), row * bytes(a.query, 1));
      Value to = code.offset(queries, code.addIndex(code.index(row * a.depth * 4), code.mulIndex(i, 4)));
      store(load(wide, from, a.query.element), to, f32());
    });
}

void Writer::writeScores(const Head &head, int64_t height) {
  const Attention &a = attention;
  bool sideBySide = !a.maskAt || a.mask.strides[3] == 1;
  auto finish = [&](const Code &inner, Expr sum, int64_t i, Value column) {
    writeScore(inner, head, i, column, sum);
  };
  Value left = queries ? queries : head.query;
  int64_t leftRow = queries ? a.depth * 4 : bytes(a.query, 1);
  if (queries)
    widenQueries(head, height);
  if (a.hasKeyPairs()) {
    PairTile tile{left,   head.key, leftRow, bytes(a.key, 2), PairTile::Right::Turned,
                  height, a.depth,  a.keys,  Value(),         count};
    return tile.emit(code, sideBySide, finish);
  }
  ProductTile tile{left,
                   head.key,
                   leftRow,
                   queries ? 4 : bytes(a.query, 3),
                   bytes(a.key, 2),
                   bytes(a.key, 3),
                   f32(),
                   a.key.element,
                   f32(),
                   height,
                   a.depth,
                   a.keys,
                   Value(),
                   count};
  tile.emit(code, sideBySide, finish);
}

void Writer::writeScore(const Code &inner, const Head &head, int64_t row, Value key, Expr product) {
  const Attention &a = attention;
  Expr score = a.scoreOf(product);
  if (a.maskAt)
    score = score + load(inner, inner.offset(at(head.mask, a.mask, 3, key), row * bytes(a.mask, 2)), f32());
  store(score, inner.offset(scores, inner.addIndex(inner.index(row * rowBytes()), inner.mulIndex(key, 4))),
        f32());
}

/// A dot product for each key and each of a few queries, whose numbers lie side by side.
void Writer::writeScoresByKey(const Head &head, int64_t height) {
  const Attention &a = attention;
  int64_t lanes = code.variant.vectorBytes / 4;
  while (lanes > a.depth)
    lanes /= 2;
  Code wide = code.withLanes(lanes);
  int64_t whole = a.depth / lanes * lanes;
  auto add = [](Expr x, Expr y) { return x + y; };
  code.loop(code.index(0), count ? count : code.index(a.keys), 1, [&](Value key) {
    Value keyAt = at(head.key, a.key, 3, key);
    for (int64_t row = 0; row < height; ++row) {
      Value queryAt = code.offset(head.query, row * bytes(a.query, 1));
      auto product = [&](const Code &inner, int64_t i, Expr sum) {
        return mulAdd(load(inner, code.offset(queryAt, i * 4), f32()),
                      load(inner, code.offset(keyAt, i * 4), f32()), sum);
      };
      Expr partial = wide.constant(f32(), 0.0);
      for (int64_t i = 0; i < whole; i += lanes)
        partial = product(wide, i, partial);
      Expr sum = lanes == 1 ? partial : code.wrap(reduceLanes(partial, add));
      for (int64_t i = whole; i < a.depth; ++i)
        sum = product(code, i, sum);
      writeScore(code, head, row, key, sum);
    }
  });
}

/// Makes a row of scores exp(score - largest); gives 1 / their sum. A row of nothing but -infinity
/// becomes zeros. Keys that are not there but in the last one's vector have the score -infinity.
Value Writer::softmax(Value row) {
  int64_t lanes = code.variant.vectorBytes / 4, keys = attention.keys, whole = keys / lanes * lanes;
  Code wide = code.withLanes(lanes);
  auto address = [&](Value i) { return code.offset(row, code.mulIndex(i, 4)); };
  auto limited = [&](int64_t to) { return count ? code.minIndex(code.index(to), count) : code.index(to); };
  constexpr double lowest = -std::numeric_limits<double>::infinity();
  if (count)
    code.loop(count, code.minIndex(code.index(whole), code.addIndex(count, code.index(lanes - 1))), 1,
              [&](Value i) { store(code.constant(f32(), lowest), address(i), f32()); });
  auto fold = [&](double start, llvm::function_ref<Expr(const Code &, Value)> element,
                  llvm::function_ref<Expr(Expr, Expr)> merge) {
    auto range = [&](const Code &inner, int64_t from, int64_t to, int64_t step, Value initial) {
      return inner.loop(inner.index(from), limited(to), step, ValueRange(initial),
                        [&](Value i, ValueRange c) {
                          return SmallVector<Value>{merge(element(inner, i), inner.wrap(c[0])).value};
                        })[0];
    };
    Value result = code.constant(f32(), start).value;
    if (whole) {
      Value partial = range(wide, 0, whole, lanes, wide.constant(f32(), start).value);
      result = merge(code.wrap(reduceLanes(wide.wrap(partial), merge)), code.wrap(result)).value;
    }
    return whole < keys ? range(code, whole, keys, 1, result) : result;
  };
  auto read = [&](const Code &inner, Value i) { return load(inner, address(i), f32()); };
  Value most = fold(lowest, read, [](Expr a, Expr b) { return maximumOrNan(a, b); });
  Expr isEmpty = compare(Order::Equal, code.wrap(most), code.f32(static_cast<float>(lowest)));
  most = select(isEmpty, code.f32(0), code.wrap(most)).value; // -infinity less itself would be NaN
  auto numerator = [&](const Code &inner, Value i) {
    Expr power = exponential(read(inner, i) - inner.splat(most));
    storeWeight(inner, power, row, i);
    return power;
  };
  Value sum = fold(0, numerator, [](Expr a, Expr b) { return a + b; });
  if (multipliesPairs() && (count || keys % 2)) // behind the last key, in case that they are odd
    storeWeight(code, code.f32(0), row, count ? count : code.index(keys));
  return select(isEmpty, code.f32(0), code.f32(1) / code.wrap(sum)).value;
}

/// Weights of pairs lie in the first half of their row.
void Writer::storeWeight(const Code &inner, Expr power, Value row, Value key) {
  if (multipliesPairs())
    store(power, code.offset(row, code.mulIndex(key, 2)), attention.query.element);
  else
    store(attention.weightOf(power), code.offset(row, code.mulIndex(key, 4)), f32());
}

int64_t attentionUnits(DictionaryAttr attr) {
  Attention attention(attr);
  return attention.batch * attention.heads * attention.blocks();
}

LogicalResult emitAttention(OpBuilder &builder, func::FuncOp function, DictionaryAttr attr,
                            const target::Variant &variant) {
  Attention attention(attr);
  Code code(builder, function.getLoc(), variant);
  if (!attention.isSupported())
    return emitError(code.loc, "no kernel for 'attention' on ") << attention.spec.types.front();
  if (attention.keys > mostAttentionKeys)
    return emitError(code.loc, "attention over ") << attention.keys << " keys; at most " << mostAttentionKeys;
  Arguments arguments = argumentsOf(function, attention.spec);
  Writer writer(attention, code, arguments.pointers, limitOf(function, attr));
  code.loop(arguments.begin, arguments.end, 1, [&](Value unit) { writer.writeUnit(unit); });
  return success();
}

} // namespace qcc::kernels
