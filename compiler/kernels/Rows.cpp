//===- Rows.cpp - Rows of tensors, each walked several times ----------------===//
#include "compiler/kernels/Rows.h"
#include "compiler/kernels/Distance.h"
#include "compiler/kernels/Fold.h"
#include "compiler/target/Target.h"
#include "llvm/ADT/SmallVectorExtras.h"

using namespace mlir;

namespace qcc::kernels {

static View axesOf(const View &view, size_t first, size_t count) {
  return {view.element, SmallVector<int64_t>(ArrayRef(view.shape).slice(first, count)),
          SmallVector<int64_t>(ArrayRef(view.strides).slice(first, count)), view.offset};
}

Rows::Rows(ArrayRef<int64_t> shape, ArrayRef<View> all, unsigned axis)
    : row(shape.drop_front(axis)), nest({}, {}) {
  SmallVector<View> outer;
  for (const View &view : all) {
    outer.push_back(axesOf(view, 0, axis));
    views.push_back(axesOf(view, axis, row.size()));
    vectors &= !row.empty() && view.strides.back() >= 0 && view.strides.back() <= 1;
  }
  int64_t bytes = storageBytes(all.front().element);
  firstByte = all.front().offset * bytes;
  for (size_t i = axis; i-- > 0;)
    if (shape[i] != 1)
      leadingBytes = all.front().strides[i] * bytes;
  mergeAxes();
  for (int64_t size : row)
    elements *= size;
  nest = LoopNest(shape.take_front(axis), outer, 0, /*scalar=*/true, std::max<int64_t>(elements, 1));
}

/// Neighbours that are one run of memory in every tensor.
void Rows::mergeAxes() {
  for (size_t axis = row.size(); axis-- > 1;) {
    auto isRun = [&](const View &view) { return view.strides[axis - 1] == row[axis] * view.strides[axis]; };
    if (!llvm::all_of(views, isRun))
      continue;
    row[axis - 1] *= row[axis];
    row.erase(row.begin() + axis);
    for (View &view : views) {
      view.shape[axis - 1] *= view.shape[axis];
      view.shape.erase(view.shape.begin() + axis);
      view.strides.erase(view.strides.begin() + axis - 1);
    }
  }
}

void Rows::emit(const Code &code, ValueRange pointers, Value begin, Value end, RowBody body,
                Value limit) const {
  nest.emit(code, pointers, begin, end, [&](const Point &point) {
    auto visit = [&] { body(point.code, point.addresses); };
    if (!limit)
      return visit();
    Value first = code.offset(pointers[0], firstByte);
    code.when(isLess(code, distance(code, first, point.addresses[0], leadingBytes), limit), visit);
  });
}

/// As many as one register holds of the widest element, at least of 32 bits.
int64_t Rows::lanesFor(const Code &code) const {
  int64_t widest = 4;
  for (const View &view : views)
    widest = std::max(widest, storageBytes(computeType(view.element)));
  return lanesOfLine(code, vectors, row.back(), widest);
}

Expr Rows::Element::load(size_t view) const {
  bool repeats = rows.views[view].strides.empty() || rows.views[view].strides.back() == 0;
  return kernels::load(code, addresses[view], rows.views[view].element, repeats);
}
void Rows::Element::store(size_t view, Expr value) const {
  kernels::store(value, addresses[view], rows.views[view].element);
}

void Rows::forEach(const Code &code, ArrayRef<Value> addresses,
                   llvm::function_ref<void(const Element &)> visit) const {
  if (row.empty())
    return visit({code, addresses, *this});
  forAxis(code, addresses, 0, visit);
}

void Rows::forAxis(const Code &code, ArrayRef<Value> addresses, size_t axis,
                   llvm::function_ref<void(const Element &)> visit) const {
  if (axis + 1 < row.size()) {
    code.loop(code.index(0), code.index(row[axis]), 1,
              [&](Value i) { forAxis(code, advance(code, views, addresses, axis, i), axis + 1, visit); });
    return;
  }
  int64_t lanes = lanesFor(code), whole = row[axis] / lanes * lanes;
  auto range = [&](const Code &inner, int64_t from, int64_t to, int64_t step) {
    if (from < to)
      inner.loop(inner.index(from), inner.index(to), step,
                 [&](Value i) { visit({inner, advance(inner, views, addresses, axis, i), *this}); });
  };
  Code wide = code.withLanes(lanes);
  range(wide, 0, whole, lanes);
  if (!wide.isWarp())
    return range(code, whole, row[axis], 1);
  if (whole < row[axis])
    code.when(isLaneBelow(code, row[axis] - whole),
              [&] { visit({wide, advance(wide, views, addresses, axis, wide.index(whole)), *this}); });
}

static SmallVector<Expr> wrapAll(const Code &code, ValueRange values) {
  return llvm::map_to_vector(values, [&](Value value) { return code.wrap(value); });
}
static SmallVector<Value> valuesOf(ArrayRef<Expr> exprs) {
  return llvm::map_to_vector(exprs, [](const Expr &expr) { return expr.value; });
}

SmallVector<Expr> Rows::fold(const Code &code, ArrayRef<Value> addresses, Type type, const Fold &fold) const {
  SmallVector<Value> values;
  for (double start : fold.starts)
    values.push_back(code.constant(type, start).value);
  if (row.empty())
    return fold.step({code, addresses, *this}, wrapAll(code, values));
  return wrapAll(code, foldAxis(code, addresses, type, 0, fold, values));
}

SmallVector<Value> Rows::foldAxis(const Code &code, ArrayRef<Value> addresses, Type type, size_t axis,
                                  const Fold &fold, ValueRange values) const {
  if (axis + 1 < row.size())
    return code.loop(code.index(0), code.index(row[axis]), 1, values, [&](Value i, ValueRange carried) {
      return foldAxis(code, advance(code, views, addresses, axis, i), type, axis + 1, fold, carried);
    });
  int64_t lanes = lanesFor(code), whole = row[axis] / lanes * lanes;
  auto range = [&](const Code &inner, int64_t from, int64_t to, int64_t step, ValueRange initial) {
    return inner.loop(inner.index(from), inner.index(to), step, initial, [&](Value i, ValueRange carried) {
      SmallVector<Value> here = advance(inner, views, addresses, axis, i);
      return valuesOf(fold.step({inner, here, *this}, wrapAll(inner, carried)));
    });
  };
  SmallVector<Value> result(values);
  if (lanes > 1 && whole > 0) {
    Code wide = code.withLanes(lanes);
    SmallVector<Value> starts;
    for (double start : fold.starts)
      starts.push_back(wide.constant(type, start).value);
    SmallVector<Value> partial = range(wide, 0, whole, lanes, starts);
    if (wide.isWarp() && whole < row[axis]) {
      auto step = [&] {
        SmallVector<Value> here = advance(wide, views, addresses, axis, wide.index(whole));
        return valuesOf(fold.step({wide, here, *this}, wrapAll(wide, partial)));
      };
      partial = code.branch(isLaneBelow(code, row[axis] - whole), ValueRange(partial).getTypes(), step,
                            [&] { return partial; });
      whole = row[axis];
    }
    for (auto [i, sums] : llvm::enumerate(partial)) {
      auto merge = [&](Expr a, Expr b) { return fold.merge(i, a, b); };
      Value joined = reduceLanes(wide.wrap(sums), merge);
      result[i] = fold.merge(i, code.wrap(result[i]), code.wrap(joined)).value;
    }
  } else {
    whole = 0;
  }
  return whole < row[axis] ? range(code, whole, row[axis], 1, result) : result;
}

} // namespace qcc::kernels
