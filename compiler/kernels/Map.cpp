//===- Map.cpp - One value computed for each element of a result ------------===//
#include "compiler/kernels/Map.h"
#include "compiler/kernels/Distance.h"
#include "compiler/target/Target.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace qcc::kernels {

/// The axes in the order in which the result lies in memory: it may be a transposed view.
static LoopNest inOrderOfResult(ArrayRef<int64_t> shape, ArrayRef<View> views) {
  auto axes = llvm::to_vector(llvm::seq<int64_t>(0, shape.size()));
  llvm::stable_sort(axes,
                    [&](int64_t a, int64_t b) { return views.back().strides[a] > views.back().strides[b]; });
  SmallVector<View> turned;
  for (const View &view : views)
    turned.push_back(view.permuted(axes));
  return LoopNest(views.back().permuted(axes).shape, turned);
}

Map::Map(ArrayRef<int64_t> shape, ArrayRef<View> views) : whole(inOrderOfResult(shape, views)) {
  findBlocks();
}

int64_t Map::units() const { return parts.empty() ? whole.units() : parts.front().units(); }

/// The sub-rectangle [from, from + size) of one axis.
static void restrict(SmallVectorImpl<int64_t> &shape, SmallVectorImpl<View> &views, unsigned axis,
                     int64_t from, int64_t size) {
  shape[axis] = size;
  for (View &view : views)
    view.offset += from * view.strides[axis];
}

void Map::findBlocks() {
  ArrayRef<int64_t> shape = whole.mergedShape();
  ArrayRef<View> views = whole.mergedViews();
  if (whole.isVector() || shape.size() < 2 || whole.units() == 0 || views.back().strides.back() != 1)
    return;
  unsigned last = shape.size() - 1;
  auto readable = [&](unsigned axis) {
    return shape[axis] >= 8 && llvm::all_of(views.drop_back(), [&](const View &view) {
             return view.strides[axis] == 0 || view.strides[axis] == 1;
           });
  };
  for (readAxis = 0; readAxis < last && !readable(readAxis);)
    ++readAxis;
  if (readAxis == last)
    return;
  lanes = shape[readAxis] >= 16 ? 16 : 8;
  bool contiguous = shape[last] <= 8 && views.back().strides[readAxis] == shape[last];
  columns = contiguous ? shape[last] : lanes;
  if (shape[last] < columns)
    return;

  int64_t rows = shape[readAxis] / lanes, blocks = shape[last] / columns;
  SmallVector<int64_t> grid(shape);
  SmallVector<View> gridViews(views);
  grid[readAxis] = rows;
  grid[last] = blocks;
  for (View &view : gridViews) {
    view.strides[readAxis] *= lanes;
    view.strides[last] *= columns;
  }
  parts.emplace_back(grid, gridViews, 0, /*scalar=*/true, lanes * columns);
  auto addRest = [&](unsigned axis, int64_t done, int64_t otherSize, unsigned otherAxis) {
    if (done == shape[axis])
      return;
    SmallVector<int64_t> rest(shape);
    SmallVector<View> restViews(views);
    restrict(rest, restViews, axis, done, shape[axis] - done);
    rest[otherAxis] = otherSize;
    parts.emplace_back(rest, restViews, 0, /*scalar=*/true);
  };
  addRest(readAxis, rows * lanes, shape[last], last);
  addRest(last, blocks * columns, rows * lanes, readAxis);
}

/// Where along the last axis of a result without gaps an address lies.
static Value placeAlongLast(const Code &code, Value address, Value pointer, const View &view) {
  int64_t bytes = storageBytes(view.element);
  Value index = distance(code, code.offset(pointer, view.offset * bytes), address, bytes);
  return arith::RemUIOp::create(code.builder, code.loc, index, code.index(view.shape.back()));
}

void Map::emit(const Code &code, ValueRange pointers, Value begin, Value end, Compute compute,
               Value limit) const {
  size_t result = whole.mergedViews().size() - 1;
  auto single = [&](const Point &point) { point.store(result, compute(point)); };
  if (parts.empty() || code.variant.isGpu)
    return whole.emit(code, pointers, begin, end, single);
  parts.front().emit(code, pointers, begin, end, [&](const Point &point) {
    auto write = [&] { emitBlock(point.code, point.addresses, compute); };
    if (!limit)
      return write();
    Value place = placeAlongLast(code, point.addresses.back(), pointers.back(), whole.mergedViews().back());
    code.when(isLess(code, place, limit), write);
  });
  for (const LoopNest &rest : llvm::drop_begin(parts))
    emitShare(code, rest, units(), pointers, begin, end, single);
}

void Map::emitBlock(const Code &code, ArrayRef<Value> addresses, Compute compute) const {
  ArrayRef<View> views = whole.mergedViews();
  unsigned last = whole.mergedShape().size() - 1;
  SmallVector<bool> constant;
  for (const View &view : views)
    constant.push_back(view.strides[readAxis] == 0);
  SmallVector<Expr> values;
  Code vectorCode = code.withLanes(lanes);
  SmallVector<Value> bits;
  for (int64_t column = 0; column < columns; ++column) {
    SmallVector<Value> here;
    for (auto [address, view] : llvm::zip_equal(addresses, views))
      here.push_back(code.offset(address, column * view.strides[last] * storageBytes(view.element)));
    bits.push_back(
        toStorage(compute(Point{vectorCode, here, views, constant, {}}), views.back().element).value);
  }
  for (Value value : bits)
    values.push_back(vectorCode.wrap(value));
  storeTurned(vectorCode, values, addresses.back());
}

/// Element i of vector j becomes element i * columns + j.
static Value weave(const Code &code, ArrayRef<Value> vectors, int64_t lanes) {
  Value all = vectors.front();
  for (size_t j = 1; j < vectors.size(); ++j) {
    // Grows by one vector at a time; the padding lanes are never read.
    SmallVector<int64_t> grow;
    auto have = static_cast<int64_t>(j) * lanes;
    Value next = vectors[j];
    SmallVector<int64_t> widen;
    for (int64_t i = 0; i < have; ++i)
      widen.push_back(i < lanes ? i : 0);
    if (have > lanes)
      next = vector::ShuffleOp::create(code.builder, code.loc, next, next, widen);
    for (int64_t i = 0; i < have + lanes; ++i)
      grow.push_back(i);
    all = vector::ShuffleOp::create(code.builder, code.loc, all, next, grow);
  }
  auto count = static_cast<int64_t>(vectors.size());
  SmallVector<int64_t> order;
  for (int64_t i = 0; i < lanes; ++i)
    for (int64_t j = 0; j < count; ++j)
      order.push_back(j * lanes + i);
  return vector::ShuffleOp::create(code.builder, code.loc, all, all, order);
}

/// Transposes lanes x lanes in place: at step s, pairs of vectors 2^s apart swap
/// the off-diagonal runs of 2^s lanes.
static void turnSquare(const Code &code, MutableArrayRef<Value> vectors) {
  auto lanes = static_cast<int64_t>(vectors.size());
  for (int64_t run = 1; run < lanes; run *= 2) {
    SmallVector<int64_t> low, high;
    for (int64_t i = 0; i < lanes; ++i) {
      bool upper = (i / run) % 2;
      low.push_back(upper ? lanes + i - run : i);
      high.push_back(upper ? lanes + i : i + run);
    }
    for (int64_t i = 0; i < lanes; ++i) {
      if ((i / run) % 2)
        continue;
      Value a = vectors[i], b = vectors[i + run];
      vectors[i] = vector::ShuffleOp::create(code.builder, code.loc, a, b, low);
      vectors[i + run] = vector::ShuffleOp::create(code.builder, code.loc, a, b, high);
    }
  }
}

void Map::storeTurned(const Code &code, ArrayRef<Expr> values, Value address) const {
  const View &result = whole.mergedViews().back();
  SmallVector<Value> vectors;
  for (Expr value : values)
    vectors.push_back(value.value);
  int64_t bytes = storageBytes(result.element);
  if (columns != lanes)
    return storeBits(code, weave(code, vectors, lanes), address, bytes);
  turnSquare(code, vectors);
  for (auto [row, value] : llvm::enumerate(vectors)) {
    int64_t distance = static_cast<int64_t>(row) * result.strides[readAxis] * bytes;
    storeBits(code, value, code.offset(address, distance), bytes);
  }
}

Map mapOf(const Spec &spec) {
  SmallVector<View> views;
  for (const View &view : spec.views)
    views.push_back(broadcastTo(view, spec.result().shape));
  views.back() = spec.result();
  return Map(spec.result().shape, views);
}

void emitMap(const Code &code, const Spec &spec, const Arguments &arguments, Map::Compute compute) {
  mapOf(spec).emit(code, arguments.pointers, arguments.begin, arguments.end, compute);
}

} // namespace qcc::kernels
