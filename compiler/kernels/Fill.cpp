//===- Fill.cpp - Constant bytes around and inside views --------------------===//
//
// fill_border writes one value to everything of an outer view that an inner view
// inside it does not cover: the padding ring of an NHWC buffer. The views share
// one pointer; `views` holds the outer one, `attrs.inner` the inner one and
// `attrs.value` the value as it is stored (integer or float).
//
//===----------------------------------------------------------------------===//
#include "compiler/kernels/Fill.h"
#include <numeric>

using namespace mlir;

namespace qcc::kernels {

SmallVector<LoopNest, 0> ringNests(const View &outer, ArrayRef<int64_t> first, ArrayRef<int64_t> size) {
  SmallVector<LoopNest, 0> nests;
  View rest = outer; // shrinks to what is left after each axis
  auto add = [&](size_t axis, int64_t from, int64_t count) {
    if (count <= 0)
      return;
    View strip = rest;
    strip.offset += from * strip.strides[axis];
    strip.shape[axis] = count;
    nests.emplace_back(strip.shape, ArrayRef<View>(strip));
  };
  for (size_t axis = 0; axis < outer.shape.size(); ++axis) {
    int64_t begin = std::clamp<int64_t>(first[axis], 0, outer.shape[axis]);
    int64_t end = std::clamp<int64_t>(first[axis] + size[axis], begin, outer.shape[axis]);
    add(axis, 0, begin);
    add(axis, end, outer.shape[axis] - end);
    rest.offset += begin * rest.strides[axis];
    rest.shape[axis] = end - begin;
  }
  return nests;
}

int64_t unitsOf(ArrayRef<LoopNest> nests) {
  int64_t units = 0;
  for (const LoopNest &nest : nests)
    units = std::max(units, nest.units());
  return units;
}

void emitFill(const Code &code, ArrayRef<LoopNest> nests, int64_t units, Value pointer, Value begin,
              Value end, double value) {
  for (const LoopNest &nest : nests)
    emitShare(code, nest, units, pointer, begin, end, [&](const Point &point) {
      point.store(0, point.code.constant(computeType(point.views[0].element), value));
    });
}

/// Where the inner view starts inside the outer one.
static FailureOr<SmallVector<int64_t>> startOf(const View &outer, const View &inner) {
  if (inner.shape.size() != outer.shape.size())
    return failure();
  SmallVector<int64_t> first;
  int64_t distance = inner.offset - outer.offset;
  for (size_t axis = 0; axis < outer.shape.size(); ++axis) {
    // Strides fall from axis to axis, so the distance reads like digits.
    int64_t stride = outer.strides[axis];
    bool isOne = outer.shape[axis] == 1 || stride == 0;
    first.push_back(isOne ? 0 : distance / stride);
    distance -= first.back() * stride;
  }
  if (distance != 0)
    return failure();
  return first;
}

static FailureOr<SmallVector<LoopNest, 0>> borderNests(const Spec &spec) {
  auto attr = spec.attrs ? spec.attrs.getAs<DictionaryAttr>("inner") : DictionaryAttr();
  if (!attr)
    return failure();
  View inner = View::fromAttr(attr);
  FailureOr<SmallVector<int64_t>> first = startOf(spec.result(), inner);
  if (failed(first))
    return failure();
  return ringNests(spec.result(), *first, inner.shape);
}

int64_t fillBorderUnits(DictionaryAttr attr) {
  FailureOr<SmallVector<LoopNest, 0>> nests = borderNests(Spec(attr));
  return succeeded(nests) ? unitsOf(*nests) : 0;
}

LogicalResult emitFillBorder(OpBuilder &builder, func::FuncOp function, DictionaryAttr attr,
                             const target::Variant &variant) {
  Spec spec(attr);
  Code code(builder, function.getLoc(), variant);
  FailureOr<SmallVector<LoopNest, 0>> nests = borderNests(spec);
  if (failed(nests))
    return emitError(code.loc, "fill_border's inner view does not lie inside its outer one");
  Arguments arguments = argumentsOf(function, spec);
  double value = spec.real("value", static_cast<double>(spec.integer("value", 0)));
  emitFill(code, *nests, unitsOf(*nests), arguments.pointers.back(), arguments.begin, arguments.end, value);
  return success();
}

} // namespace qcc::kernels
