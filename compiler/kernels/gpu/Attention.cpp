//===- Attention.cpp - Attention whose scores are never stored --------------===//
//
// A block has some queries of one head, a warp a few of them. Keys pass by 32 at a
// time: each lane has the scores of one key, their exponentials go through shared
// memory, and each lane sums up some columns of the values. What was summed before is
// scaled when a larger score comes.
//
//===----------------------------------------------------------------------===//
#include "compiler/kernels/attention/Attention.h"
#include "compiler/kernels/Functions.h"
#include "compiler/kernels/gpu/Gpu.h"
#include "compiler/target/nvptx/BlockOps.h"
#include "llvm/Support/MathExtras.h"
#include <limits>

using namespace mlir;
using qcc::target::BlockOps;
using qcc::target::CodeBuilder;
using qcc::target::Values;
using qcc::target::Variant;

namespace qcc::kernels {

namespace {
constexpr int64_t keysAtOnce = BlockOps::warpThreads, mostWarps = 4, mostRows = 8;
/// Columns of values that a block sums up; more take further blocks.
constexpr int64_t mostColumns = 128;
/// Of shared memory, for the queries.
constexpr int64_t mostQueryBytes = 40 << 10;
/// Fewer queries than this leave too few blocks of many.
constexpr int64_t manyQueries = 128, fewQueries = 4;
constexpr float infinity = std::numeric_limits<float>::infinity();

/// How the queries of a head are shared out. Rows are a power of two: that many neighbours are one load.
struct Plan : AttentionShape {
  int64_t rows, warps = mostWarps; ///< of a warp, of a block
  int64_t columns, columnBlocks;   ///< of a lane

  explicit Plan(DictionaryAttr attr) : AttentionShape(attr) {
    rows = queries >= manyQueries ? mostRows : queries > fewQueries ? mostRows / 2 : 1;
    warps = std::clamp<int64_t>(llvm::divideCeil(queries, rows), 1, mostWarps);
    while (rows > 1 && queryBytes() > mostQueryBytes)
      rows /= 2;
    while (warps > 1 && queryBytes() > mostQueryBytes)
      --warps;
    columns = llvm::divideCeil(std::min(width, mostColumns), BlockOps::warpThreads);
    columnBlocks = llvm::divideCeil(width, columns * BlockOps::warpThreads);
  }
  int64_t queryBytes() const { return blockRows() * depth * 4; }
  int64_t blockRows() const { return rows * warps; }
  int64_t threads() const { return warps * BlockOps::warpThreads; }
  int64_t queryBlocks() const { return llvm::divideCeil(queries, blockRows()); }
  int64_t blocks() const { return batch * heads * queryBlocks() * columnBlocks; }

  // Registers of a thread.
  int64_t sum(int64_t row, int64_t column) const { return row * columns + column; }
  int64_t score(int64_t row) const { return rows * columns + row; }
  int64_t largest(int64_t row) const { return score(rows) + row; } ///< of the keys so far
  int64_t total(int64_t row) const { return largest(rows) + row; } ///< of this lane's exponentials
  int64_t ofTile(int64_t row) const { return total(rows) + row; }  ///< the largest of these keys
  int64_t free() const { return ofTile(rows); }
  int64_t slots() const { return free() + 1; }
};

class Kernel {
public:
  Kernel(OpBuilder &builder, func::FuncOp function, const Plan &plan, const Variant &variant);
  void emit();

private:
  const Plan &plan;
  func::FuncOp function;
  CodeBuilder code;
  Code scalar;
  std::unique_ptr<BlockOps> ops;
  Value query, key, value, mask, result; ///< where those of the head begin
  Value keys;                            ///< how many there are, i32
  Value firstRow, firstColumn;           ///< of the block, i32

  Value constant(int64_t value) { return arith::ConstantIntOp::create(code.b, code.loc, value, 32); }
  Value wide(Value v) { return arith::ExtUIOp::create(code.b, code.loc, code.b.getI64Type(), v); }
  Value step(Value pointer, const View &view, size_t axis, Value index) {
    return code.at(pointer, code.mul(index, view.strides[axis] * storageBytes(view.element)));
  }
  Expr wrap(Value v) { return scalar.wrap(v); }
  Expr get(int64_t slot) { return wrap(ops->getFloat(slot)); }
  Value warpOf(Value thread) { return code.div(thread, BlockOps::warpThreads); }
  Value laneOf(Value thread) { return code.rem(thread, BlockOps::warpThreads); }
  Value rowOf(Value thread, int64_t row) {
    return code.add(firstRow, code.add(code.mul(warpOf(thread), plan.rows), constant(row)));
  }
  Value columnOf(Value thread, int64_t column) {
    Value first = code.add(firstColumn, constant(column * BlockOps::warpThreads));
    return code.add(first, laneOf(thread));
  }
  Value powersOf(Value thread, Value key);
  Values rowsAt(Value pointer);
  void locate();
  void loadQueries();
  void score(Value firstKey);
  Values products(Value thread, Value key);
  void rescale();
  void sumValues(Value firstKey);
  void finish();
};
} // namespace

Kernel::Kernel(OpBuilder &builder, func::FuncOp function, const Plan &plan, const Variant &variant)
    : plan(plan), function(function), code(builder, function.getLoc()),
      scalar(builder, function.getLoc(), variant),
      ops(BlockOps::create(
          code, variant,
          {plan.threads(), plan.queryBytes() + plan.blockRows() * keysAtOnce * 4, plan.slots()})) {}

/// What a block works on. Neighbouring blocks share keys and values.
void Kernel::locate() {
  Value block = function.getArgument(function.getNumArguments() - 2);
  auto next = [&](int64_t size) {
    Value digit = code.rem(block, size);
    block = code.div(block, size);
    return digit;
  };
  auto narrow = [&](Value v) { return arith::TruncIOp::create(code.b, code.loc, code.i32(), v); };
  firstColumn = narrow(code.mul(next(plan.columnBlocks), plan.columns * BlockOps::warpThreads));
  firstRow = narrow(code.mul(next(plan.queryBlocks()), plan.blockRows()));
  Value head = next(plan.heads), batch = block;
  auto start = [&](unsigned index, const View &view, size_t headAxis) {
    Value pointer = code.at(function.getArgument(index), view.offset * storageBytes(view.element));
    Value ofView = code.div(head, plan.served(view, headAxis));
    return step(step(pointer, view, 0, batch), view, headAxis, ofView);
  };
  query = start(0, plan.query, 2);
  key = start(1, plan.key, 1);
  value = start(2, plan.value, 2);
  if (plan.maskAt)
    mask = start(static_cast<unsigned>(*plan.maskAt), plan.mask, 1);
  result = start(function.getNumArguments() - 3, plan.result, 2);
  keys = constant(plan.keys);
  if (plan.countAt) { // within [0, keys], whatever the number is
    const View &view = plan.spec.views[*plan.countAt];
    Value from = code.at(function.getArgument(static_cast<unsigned>(*plan.countAt)), view.offset * 8);
    Value number = code.load(view.element, from, 0, 8);
    keys = narrow(code.min(code.max(number, code.i64(0)), code.i64(plan.keys)));
  }
}

void Kernel::emit() {
  if (plan.blocks() == 0)
    return;
  locate();
  loadQueries();
  ops->barrier();
  code.forLoop(code.i64(0), wide(keys), keysAtOnce, {}, [&](Value first, ValueRange) {
    Value firstKey = arith::TruncIOp::create(code.b, code.loc, code.i32(), first);
    score(firstKey);
    for (int64_t row = 0; row < plan.rows; ++row)
      ops->reduceWarp(plan.ofTile(row), plan.free(),
                      [&](Value a, Value b) { return maximumOrNan(wrap(a), wrap(b)).value; });
    rescale();
    ops->barrier();
    sumValues(firstKey);
    ops->barrier();
    return Values();
  });
  for (int64_t row = 0; row < plan.rows; ++row)
    ops->reduceWarp(plan.total(row), plan.free(),
                    [&](Value a, Value b) { return (wrap(a) + wrap(b)).value; });
  finish();
}

/// Side by side for each number of depth. Queries beyond the last one are the last one.
void Kernel::loadQueries() {
  ops->eachThread([&](Value thread) {
    for (int64_t row = 0; row < plan.rows; ++row) {
      ops->set(plan.largest(row), scalar.f32(-infinity).value);
      ops->set(plan.total(row), scalar.f32(0).value);
      for (int64_t column = 0; column < plan.columns; ++column)
        ops->set(plan.sum(row, column), scalar.f32(0).value);
    }
    Value all = code.i64(plan.blockRows() * plan.depth);
    code.forLoop(wide(thread), all, plan.threads(), {}, [&](Value index, ValueRange) {
      Value i = arith::TruncIOp::create(code.b, code.loc, code.i32(), index);
      Value row = code.div(i, plan.depth), at = code.rem(i, plan.depth);
      Value last = constant(plan.queries - 1);
      Value from = step(query, plan.query, 1, wide(code.min(code.add(firstRow, row), last)));
      Expr x = load(scalar, step(from, plan.query, 3, wide(at)), plan.query.element);
      Value place = code.mul(code.add(code.mul(at, plan.blockRows()), row), 4);
      store(x, ops->sharedPointer(place), code.f32());
      return Values();
    });
  });
}

/// A number for each of a warp's rows.
Values Kernel::rowsAt(Value pointer) {
  auto align = static_cast<unsigned>(plan.rows * 4);
  if (plan.rows == 1)
    return {code.load(code.f32(), pointer, 0, align)};
  Values all;
  for (int64_t first = 0; first < plan.rows; first += 4) { // as much as a thread loads at once
    int64_t count = std::min<int64_t>(plan.rows, 4);
    Value some = code.load(code.vec(count, code.f32()), pointer, first * 4, std::min(align, 16u));
    for (int64_t i = 0; i < count; ++i)
      all.push_back(vector::ExtractOp::create(code.b, code.loc, some, i));
  }
  return all;
}

Values Kernel::products(Value thread, Value keyIndex) {
  Value from = step(key, plan.key, 3, wide(keyIndex));
  Value offset = code.mul(code.mul(warpOf(thread), plan.rows), 4);
  int64_t unrolled = plan.depth % 4 == 0 ? 4 : 1;
  Values none(plan.rows, scalar.f32(0).value);
  return code.forLoop(
      code.i64(0), code.i64(plan.depth), unrolled, none, [&](Value first, ValueRange carried) {
        Values sums(carried);
        for (int64_t i = 0; i < unrolled; ++i) {
          Value d = code.add(first, code.i64(i));
          Value narrow = arith::TruncIOp::create(code.b, code.loc, code.i32(), d);
          Expr k = load(scalar, step(from, plan.key, 2, d), plan.key.element);
          Values x = rowsAt(ops->sharedPointer(code.add(code.mul(narrow, plan.blockRows() * 4), offset)));
          for (int64_t row = 0; row < plan.rows; ++row)
            sums[row] = mulAdd(wrap(x[row]), k, wrap(sums[row])).value;
        }
        return sums;
      });
}

/// Each lane, its key with all rows.
void Kernel::score(Value firstKey) {
  ops->eachThread([&](Value thread) {
    Value index = code.add(firstKey, laneOf(thread));
    Value isInside = code.lessThan(index, keys);
    Value inside = code.min(index, constant(plan.keys - 1));
    Values sums = products(thread, inside);
    for (int64_t row = 0; row < plan.rows; ++row) {
      Expr s = plan.scoreOf(wrap(sums[row]));
      if (plan.maskAt) {
        Value line = code.min(rowOf(thread, row), constant(plan.queries - 1));
        Value from = step(step(mask, plan.mask, 2, wide(line)), plan.mask, 3, wide(inside));
        s = s + load(scalar, from, code.f32());
      }
      s = select(wrap(isInside), s, scalar.f32(-infinity));
      ops->set(plan.score(row), s.value);
      ops->set(plan.ofTile(row), s.value);
    }
  });
}

/// Where the exponentials of a warp's rows lie for one of 32 keys.
Value Kernel::powersOf(Value thread, Value keyIndex) {
  Value line = code.add(code.mul(warpOf(thread), keysAtOnce), keyIndex);
  return ops->sharedPointer(code.add(code.mul(line, plan.rows * 4), constant(plan.queryBytes())));
}

/// -infinity less itself would be NaN: a row of nothing else stays at zero.
void Kernel::rescale() {
  ops->eachThread([&](Value thread) {
    Value place = powersOf(thread, laneOf(thread));
    for (int64_t row = 0; row < plan.rows; ++row) {
      Expr before = get(plan.largest(row)), largest = maximumOrNan(get(plan.ofTile(row)), before);
      Expr isEmpty = compare(Order::Equal, largest, scalar.f32(-infinity));
      Expr base = select(isEmpty, scalar.f32(0), largest);
      Expr factor = exponential(before - base), power = exponential(get(plan.score(row)) - base);
      ops->set(plan.largest(row), largest.value);
      ops->set(plan.total(row), (get(plan.total(row)) * factor + power).value);
      for (int64_t column = 0; column < plan.columns; ++column)
        ops->set(plan.sum(row, column), (get(plan.sum(row, column)) * factor).value);
      store(plan.weightOf(power), code.at(place, row * 4), code.f32());
    }
  });
}

/// Each lane, its columns of the values of 32 keys. Columns beyond the last one are the last one.
void Kernel::sumValues(Value firstKey) {
  ops->eachThread([&](Value thread) {
    Values sums, places;
    for (int64_t i = 0; i < plan.rows * plan.columns; ++i)
      sums.push_back(ops->getFloat(i));
    Value from = step(value, plan.value, 1, wide(firstKey));
    for (int64_t column = 0; column < plan.columns; ++column)
      places.push_back(
          step(from, plan.value, 3, wide(code.min(columnOf(thread, column), constant(plan.width - 1)))));
    int64_t unrolled = plan.keys % 4 == 0 && !plan.countAt ? 4 : 1;
    Value rest = code.sub(keys, firstKey);
    Value count = wide(code.min(rest, constant(keysAtOnce)));
    sums = code.forLoop(code.i64(0), count, unrolled, sums, [&](Value first, ValueRange carried) {
      Values next(carried);
      for (int64_t i = 0; i < unrolled; ++i) {
        Value index = code.add(first, code.i64(i));
        Values powers = rowsAt(
            powersOf(thread, arith::TruncIOp::create(code.b, code.loc, code.i32(), index).getResult()));
        for (int64_t column = 0; column < plan.columns; ++column) {
          Expr v = load(scalar, step(places[column], plan.value, 1, index), plan.value.element);
          for (int64_t row = 0; row < plan.rows; ++row) {
            Value &sum = next[plan.sum(row, column)];
            sum = mulAdd(wrap(powers[row]), v, wrap(sum)).value;
          }
        }
      }
      return next;
    });
    for (int64_t i = 0; i < plan.rows * plan.columns; ++i)
      ops->set(i, sums[i]);
  });
}

void Kernel::finish() {
  ops->eachThread([&](Value thread) {
    for (int64_t row = 0; row < plan.rows; ++row) {
      Value line = rowOf(thread, row);
      Expr isEmpty = compare(Order::Equal, get(plan.largest(row)), scalar.f32(-infinity));
      Expr factor = select(isEmpty, scalar.f32(0), scalar.f32(1) / get(plan.total(row)));
      Value to = step(result, plan.result, 1, wide(line));
      for (int64_t column = 0; column < plan.columns; ++column) {
        Value index = columnOf(thread, column);
        Value isInside = arith::AndIOp::create(code.b, code.loc, code.lessThan(line, constant(plan.queries)),
                                               code.lessThan(index, constant(plan.width)));
        code.ifElse(isInside, [&] {
          store(get(plan.sum(row, column)) * factor, step(to, plan.result, 3, wide(index)),
                plan.result.element);
        });
      }
    }
  });
}

gpu::Launch gpu::attentionLaunch(DictionaryAttr spec) {
  Plan plan(spec);
  return {std::max<int64_t>(plan.blocks(), 1), plan.threads()};
}

LogicalResult gpu::emitAttention(OpBuilder &builder, func::FuncOp function, DictionaryAttr spec,
                                 const Variant &variant) {
  Plan plan(spec);
  if (!plan.isSupported())
    return emitError(function.getLoc(), "no kernel for 'attention' on ") << plan.spec.types.front();
  if (plan.queryBytes() > mostQueryBytes)
    return emitError(function.getLoc(), "attention to keys of ")
           << plan.depth << " numbers; a GPU's kernel takes at most " << mostQueryBytes / 4;
  Kernel(builder, function, plan, variant).emit();
  return success();
}

} // namespace qcc::kernels
