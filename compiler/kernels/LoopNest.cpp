//===- LoopNest.cpp - Walks over tensors ------------------------------------===//
#include "compiler/kernels/LoopNest.h"
#include "compiler/kernels/gpu/Gpu.h"
#include "compiler/target/Target.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace qcc::kernels {

/// Enough pieces for a dozen threads to share evenly.
static constexpr int64_t wantedUnits = 32;
/// A piece of a flat loop, and a whole kernel that is not worth splitting, in elements.
static constexpr int64_t smallestChunk = 1024;

Expr Point::load(size_t i) const {
  return kernels::load(code, addresses[i], views[i].element, constantAlongLanes[i]);
}
void Point::store(size_t i, Expr value) const { kernels::store(value, addresses[i], views[i].element); }

View broadcastTo(const View &view, ArrayRef<int64_t> shape) {
  View result{view.element, SmallVector<int64_t>(shape), {}, view.offset};
  size_t missing = shape.size() - view.shape.size();
  for (size_t i = 0; i < shape.size(); ++i)
    result.strides.push_back(i < missing || view.shape[i - missing] == 1 ? 0 : view.strides[i - missing]);
  return result;
}

LoopNest::LoopNest(ArrayRef<int64_t> fullShape, ArrayRef<View> views, unsigned keep, bool scalar,
                   int64_t work)
    : keep(keep), views(views) {
  merge(fullShape);
  for (const View &view : this->views)
    constantInner.push_back(!shape.empty() && view.strides.back() == 0);
  vectorInner = !scalar && shape.size() > keep && llvm::all_of(this->views, [](const View &view) {
    return view.strides.back() == 0 || view.strides.back() == 1;
  });
  chooseUnits(work);
}

void LoopNest::merge(ArrayRef<int64_t> fullShape) {
  SmallVector<SmallVector<int64_t>> strides(views.size());
  for (unsigned axis = 0; axis < fullShape.size(); ++axis) {
    if (axis >= keep && fullShape[axis] == 1)
      continue;
    bool joins = shape.size() > keep;
    for (size_t v = 0; joins && v < views.size(); ++v)
      joins = strides[v].back() == views[v].strides[axis] * fullShape[axis];
    if (joins) {
      shape.back() *= fullShape[axis];
    } else {
      shape.push_back(fullShape[axis]);
    }
    for (size_t v = 0; v < views.size(); ++v) {
      if (joins)
        strides[v].pop_back();
      strides[v].push_back(views[v].strides[axis]);
    }
  }
  for (size_t v = 0; v < views.size(); ++v) {
    views[v].shape = shape;
    views[v].strides = strides[v];
  }
}

void LoopNest::chooseUnits(int64_t work) {
  int64_t total = 1;
  for (int64_t size : shape)
    total *= size;
  if (total == 0) {
    unitCount = 0;
    return;
  }
  chunkSize = innerSize();
  if (total * work < 2 * smallestChunk)
    return;
  while (prefix + 1 < shape.size() && unitCount < wantedUnits)
    unitCount *= shape[prefix++];
  // The innermost axis is cut only where no other axis is left to split.
  if (unitCount >= wantedUnits || prefix + 1 != shape.size() || shape.size() <= keep)
    return;
  int64_t wanted = llvm::divideCeil(innerSize() * unitCount, wantedUnits);
  // Vectors of bytes have up to 64 lanes; a chunk that is no multiple would leave tails. A variant without
  // vectors has the same units.
  chunkSize = llvm::alignTo(std::max(wanted, smallestChunk / work), vectorInner || work == 1 ? 64 : 1);
  chunks = llvm::divideCeil(innerSize(), chunkSize);
  unitCount *= chunks;
}

int64_t LoopNest::lanesFor(const target::Variant &variant) const {
  if (!vectorInner || variant.isGpu)
    return 1;
  int64_t smallest = 8, largest = 4;
  for (const View &view : views) {
    smallest = std::min(smallest, storageBytes(view.element));
    largest = std::max(largest, storageBytes(view.element));
  }
  // A value takes at most four registers, counted in the widest type.
  int64_t lanes = std::min<int64_t>(variant.vectorBytes / smallest, 4 * variant.vectorBytes / largest);
  return std::max<int64_t>(lanes, 1);
}

struct LoopNest::Walk {
  const Code &code;
  Body body;
  int64_t lanes;
  SmallVector<Value> indices;
  Value chunk; ///< null where the innermost axis is whole
};

SmallVector<Value> advance(const Code &code, ArrayRef<View> views, ArrayRef<Value> addresses, size_t axis,
                           Value index) {
  SmallVector<Value> result(addresses);
  for (size_t v = 0; v < views.size(); ++v)
    if (int64_t bytes = views[v].strides[axis] * storageBytes(views[v].element))
      result[v] = code.offset(addresses[v], code.mulIndex(index, bytes));
  return result;
}

void LoopNest::emit(const Code &code, ValueRange pointers, Value begin, Value end, Body body) const {
  if (unitCount == 0)
    return;
  SmallVector<Value> start;
  for (auto [pointer, view] : llvm::zip_equal(pointers, views))
    start.push_back(code.offset(pointer, view.offset * storageBytes(view.element)));
  if (code.variant.byPoints())
    return emitThread(code, start, begin, end, body);
  code.loop(begin, end, 1, [&](Value unit) {
    Walk walk{code, body, lanesFor(code.variant), SmallVector<Value>(keep), Value()};
    SmallVector<Value> addresses = start;
    auto digit = [&](int64_t size, bool last) {
      if (last)
        return unit;
      Value result = arith::RemUIOp::create(code.builder, code.loc, unit, code.index(size));
      unit = arith::DivUIOp::create(code.builder, code.loc, unit, code.index(size));
      return result;
    };
    if (chunks > 1)
      walk.chunk = digit(chunks, prefix == 0);
    for (unsigned axis = prefix; axis-- > 0;) {
      Value index = digit(shape[axis], axis == 0);
      if (axis < keep)
        walk.indices[axis] = index;
      addresses = advance(code, views, addresses, axis, index);
    }
    emitAxis(walk, prefix, addresses);
  });
}

void LoopNest::emitThread(const Code &code, ArrayRef<Value> start, Value thread, Value threads,
                          Body body) const {
  int64_t points = 1;
  for (int64_t size : shape)
    points *= size;
  gpu::eachPoint(code, points, thread, threads, [&](Value point) {
    // 32-bit division is much faster on a GPU.
    Type type = llvm::isInt<32>(points) ? code.builder.getI32Type() : code.builder.getI64Type();
    Expr rest = resizeInteger(code.wrap(point), type, /*isUnsigned=*/true);
    Walk walk{code, body, 1, SmallVector<Value>(keep), Value()};
    SmallVector<Value> addresses(start);
    for (unsigned axis = shape.size(); axis-- > 0;) {
      Value size = code.constant(type, shape[axis]).value;
      Value digit = axis == 0 ? rest.value
                              : arith::RemUIOp::create(code.builder, code.loc, rest.value, size).getResult();
      rest = code.wrap(arith::DivUIOp::create(code.builder, code.loc, rest.value, size));
      Value index = resizeInteger(code.wrap(digit), code.builder.getI64Type(), /*isUnsigned=*/true).value;
      if (axis < keep)
        walk.indices[axis] = index;
      addresses = advance(code, views, addresses, axis, index);
    }
    visit(walk, addresses, Value(), 1);
  });
}

void LoopNest::emitAxis(Walk &walk, unsigned axis, SmallVector<Value> addresses) const {
  bool isKept = axis < keep;
  if (axis >= shape.size() || (!isKept && axis + 1 == shape.size()))
    return emitInner(walk, addresses);
  const Code &code = walk.code;
  code.loop(code.index(0), code.index(shape[axis]), 1, [&](Value index) {
    if (isKept)
      walk.indices[axis] = index;
    emitAxis(walk, axis + 1, advance(code, views, addresses, axis, index));
  });
}

void LoopNest::visit(Walk &walk, ArrayRef<Value> addresses, Value position, int64_t lanes) const {
  SmallVector<Value> here(addresses);
  if (position)
    here = advance(walk.code, views, addresses, shape.size() - 1, position);
  Point point{walk.code.withLanes(lanes), here, views, constantInner, walk.indices};
  walk.body(point);
}

void LoopNest::emitInner(Walk &walk, ArrayRef<Value> addresses) const {
  if (shape.size() <= keep)
    return visit(walk, addresses, Value(), 1);
  const Code &code = walk.code;
  Value lower = code.index(0), upper = code.index(innerSize()), reachesEnd;
  if (walk.chunk) {
    lower = code.mulIndex(walk.chunk, chunkSize);
    Value limit = code.addIndex(lower, code.index(chunkSize));
    reachesEnd = arith::CmpIOp::create(code.builder, code.loc, arith::CmpIPredicate::sge, limit, upper);
    upper = code.minIndex(limit, upper);
  }
  emitVectors(walk, addresses, lower, upper, reachesEnd);
}

/// Whole vectors first; then, at the end of the axis, one vector of each smaller
/// power of two that fits, and single elements.
void LoopNest::emitVectors(Walk &walk, ArrayRef<Value> addresses, Value lower, Value upper,
                           Value reachesEnd) const {
  const Code &code = walk.code;
  int64_t lanes = walk.lanes, size = innerSize(), done = size / lanes * lanes;
  if (done > 0) {
    Value limit = walk.chunk ? code.minIndex(upper, code.index(done)) : code.index(done);
    code.loop(lower, limit, lanes, [&](Value i) { visit(walk, addresses, i, lanes); });
  }
  if (done == size)
    return;
  auto tail = [&] {
    int64_t position = done;
    for (int64_t width = lanes / 2; width >= 4; width /= 2)
      if (size - position >= width) {
        visit(walk, addresses, code.index(position), width);
        position += width;
      }
    if (position < size)
      code.loop(code.index(position), code.index(size), 1, [&](Value i) { visit(walk, addresses, i, 1); });
  };
  if (reachesEnd)
    code.when(reachesEnd, tail);
  else
    tail();
}

Value shareOf(const Code &code, Value unit, int64_t part, int64_t units) {
  if (part == units || code.variant.byPoints())
    return unit;
  return arith::DivUIOp::create(code.builder, code.loc, code.mulIndex(unit, part), code.index(units));
}

void emitShare(const Code &code, const LoopNest &nest, int64_t units, ValueRange pointers, Value begin,
               Value end, LoopNest::Body body) {
  if (nest.units() != 0)
    nest.emit(code, pointers, shareOf(code, begin, nest.units(), units),
              shareOf(code, end, nest.units(), units), body);
}

} // namespace qcc::kernels
