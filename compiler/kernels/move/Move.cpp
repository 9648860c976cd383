//===- Move.cpp - Kernels that move values about ----------------------------===//
//
// Most of them are copies between two views of one shape: the operation only
// changes how the operand is looked at. Several copies in one kernel each do
// their share of every range of units.
//
//===----------------------------------------------------------------------===//
#include "compiler/kernels/move/Move.h"
#include "compiler/kernels/Map.h"
#include "compiler/kernels/RowUnits.h"
#include "compiler/kernels/move/Fill.h"
#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;

namespace qcc::kernels {

namespace {
/// One copy: views of one shape, and which of the kernel's pointers they lie behind.
struct Copy {
  View from, to;
  size_t source, target;
};
using Copies = FailureOr<SmallVector<Copy, 0>>;
} // namespace

//===----------------------------------------------------------------------===//
// Looking at an operand in other ways
//===----------------------------------------------------------------------===//

static Copy copyToResult(const Spec &spec, View from) {
  return {std::move(from), spec.result(), 0, spec.views.size() - 1};
}

static Copies transposeCopies(const Spec &spec) {
  SmallVector<int64_t> perm = spec.list("perm");
  if (perm.empty())
    for (size_t axis = spec.result().shape.size(); axis-- > 0;)
      perm.push_back(static_cast<int64_t>(axis));
  return SmallVector<Copy, 0>{copyToResult(spec, spec.views[0].permuted(perm))};
}

static Copies expandCopies(const Spec &spec) {
  return SmallVector<Copy, 0>{copyToResult(spec, broadcastTo(spec.views[0], spec.result().shape))};
}

/// The part [begin, begin + size) of an axis.
static View partOf(View view, int64_t axis, int64_t begin, int64_t size) {
  view.offset += begin * view.strides[axis];
  view.shape[axis] = size;
  return view;
}

static int64_t axisOf(const Spec &spec, int64_t missing, size_t rank) {
  int64_t axis = spec.integer("axis", missing);
  return axis < 0 ? axis + static_cast<int64_t>(rank) : axis;
}

static Copies concatCopies(const Spec &spec) {
  SmallVector<Copy, 0> copies;
  int64_t axis = axisOf(spec, 0, spec.result().shape.size()), begin = 0;
  for (size_t i = 0; i + 1 < spec.views.size(); ++i) {
    int64_t size = spec.views[i].shape[axis];
    copies.push_back({spec.views[i], partOf(spec.result(), axis, begin, size), i, spec.views.size() - 1});
    begin += size;
  }
  return copies;
}

static Copies splitCopies(const Spec &spec) {
  SmallVector<Copy, 0> copies;
  int64_t axis = axisOf(spec, 0, spec.views[0].shape.size()), begin = 0;
  for (size_t i = 1; i < spec.views.size(); ++i) {
    int64_t size = spec.views[i].shape[axis];
    copies.push_back({partOf(spec.views[0], axis, begin, size), spec.views[i], 0, i});
    begin += size;
  }
  return copies;
}

/// Starts are clamped as ONNX says; the result's shape says how many steps there are.
static Copies sliceCopies(const Spec &spec) {
  View from = spec.views[0];
  SmallVector<int64_t> starts = spec.list("starts"), axes = spec.list("axes"), steps = spec.list("steps");
  for (size_t i = 0; i < starts.size(); ++i) {
    int64_t axis = axes.empty() ? static_cast<int64_t>(i) : axes[i], step = steps.empty() ? 1 : steps[i];
    axis += axis < 0 ? static_cast<int64_t>(from.shape.size()) : 0;
    int64_t size = spec.views[0].shape[axis], start = starts[i] < 0 ? starts[i] + size : starts[i];
    start = step > 0 ? std::clamp<int64_t>(start, 0, size) : std::clamp<int64_t>(start, -1, size - 1);
    from.offset += start * from.strides[axis];
    from.strides[axis] *= step;
  }
  from.shape = spec.result().shape;
  return SmallVector<Copy, 0>{copyToResult(spec, from)};
}

/// An axis of r * d positions as two axes.
static void splitAxis(View &view, size_t axis, int64_t outer, int64_t inner) {
  view.shape[axis] = outer;
  view.shape.insert(view.shape.begin() + axis + 1, inner);
  int64_t stride = view.strides[axis];
  view.strides[axis] = stride * inner;
  view.strides.insert(view.strides.begin() + axis + 1, stride);
}

static Copies tileCopies(const Spec &spec) {
  View from = spec.views[0], to = spec.result();
  SmallVector<int64_t> repeats = spec.list("repeats");
  for (size_t axis = repeats.size(); axis-- > 0;) {
    int64_t size = spec.views[0].shape[axis];
    splitAxis(to, axis, repeats[axis], size);
    from.shape.insert(from.shape.begin() + axis, repeats[axis]);
    from.strides.insert(from.strides.begin() + axis, 0);
  }
  return SmallVector<Copy, 0>{{from, to, 0, 1}};
}

/// Channels first: depth is (b, b, C) or, in mode CRD, (C, b, b); the blocks go
/// behind the rows and columns.
static Copies depthToSpaceCopies(const Spec &spec) {
  int64_t b = spec.integer("blocksize", 1);
  bool nhwc = spec.string("layout", "nchw") == "nhwc", columnFirst = spec.string("mode", "DCR") == "CRD";
  View from = spec.views[0], to = spec.result();
  if (nhwc) {
    from = from.permuted({0, 3, 1, 2});
    to = to.permuted({0, 3, 1, 2});
  }
  int64_t channels = b == 0 ? 0 : from.shape[1] / (b * b);
  splitAxis(to, 3, from.shape[3], b);
  splitAxis(to, 2, from.shape[2], b); // N C H b W b
  if (columnFirst) {
    splitAxis(from, 1, channels * b, b);
    splitAxis(from, 1, channels, b); // N C b b H W
    from = from.permuted({0, 1, 4, 2, 5, 3});
  } else {
    splitAxis(from, 1, b * b, channels);
    splitAxis(from, 1, b, b); // N b b C H W
    from = from.permuted({0, 3, 4, 1, 5, 2});
  }
  if (nhwc) { // the result's own order again
    from = from.permuted({0, 2, 3, 4, 5, 1});
    to = to.permuted({0, 2, 3, 4, 5, 1});
  }
  return SmallVector<Copy, 0>{{from, to, 0, 1}};
}

/// Both shapes cut at each other's bounds, counted from the last element. Fails
/// where the bounds do not divide each other.
static Copies reshapeCopies(const Spec &spec) {
  View from = spec.views[0], to = spec.result();
  if (llvm::is_contained(to.shape, 0))
    return SmallVector<Copy, 0>{{to, to, 0, 1}};
  auto boundsOf = [](const View &view, SmallVectorImpl<int64_t> &bounds) {
    int64_t product = 1;
    for (int64_t size : llvm::reverse(view.shape))
      bounds.push_back(product *= size);
  };
  SmallVector<int64_t> bounds{1};
  boundsOf(from, bounds);
  boundsOf(to, bounds);
  llvm::sort(bounds);
  bounds.erase(llvm::unique(bounds), bounds.end());
  for (size_t i = 1; i < bounds.size(); ++i)
    if (bounds[i] % bounds[i - 1] != 0)
      return failure();
  auto refine = [&](const View &view) {
    View result{view.element, {}, {}, view.offset};
    size_t axis = view.shape.size();
    int64_t below = 1;
    SmallVector<int64_t> shape, strides; // innermost first
    for (size_t i = 1; i < bounds.size(); ++i) {
      while (below * view.shape[axis - 1] <= bounds[i - 1])
        below *= view.shape[--axis];
      shape.push_back(bounds[i] / bounds[i - 1]);
      strides.push_back(view.strides[axis - 1] * (bounds[i - 1] / below));
    }
    result.shape.assign(shape.rbegin(), shape.rend());
    result.strides.assign(strides.rbegin(), strides.rend());
    return result;
  };
  return SmallVector<Copy, 0>{{refine(from), refine(to), 0, 1}};
}

static Copies copiesOf(const Spec &spec) {
  using Maker = Copies (*)(const Spec &);
  static const std::pair<StringRef, Maker> makers[] = {{"transpose", transposeCopies},
                                                       {"expand", expandCopies},
                                                       {"concat", concatCopies},
                                                       {"split", splitCopies},
                                                       {"slice", sliceCopies},
                                                       {"tile", tileCopies},
                                                       {"depth_to_space", depthToSpaceCopies},
                                                       {"identity", expandCopies},
                                                       {"scast", expandCopies},
                                                       {"reshape", reshapeCopies},
                                                       {"flatten", reshapeCopies},
                                                       {"squeeze", reshapeCopies},
                                                       {"unsqueeze", reshapeCopies}};
  for (auto [kind, maker] : makers)
    if (kind == spec.kind)
      return maker(spec);
  return failure();
}

std::optional<SmallVector<View>> viewsWithinOperand(DictionaryAttr attr) {
  Spec spec(attr);
  Copies copies = copiesOf(spec);
  if (failed(copies) || copies->size() + 1 != spec.views.size())
    return std::nullopt;
  SmallVector<View> views;
  for (auto [i, copy] : llvm::enumerate(*copies)) {
    const View &result = spec.views[i + 1];
    if (copy.source != 0 || copy.target != i + 1 || copy.to.shape != result.shape ||
        copy.to.strides != result.strides || copy.from.shape != result.shape)
      return std::nullopt;
    views.push_back(copy.from);
  }
  return views;
}

static Map mapOf(const Copy &copy) { return Map(copy.to.shape, {copy.from, copy.to}); }

int64_t moveUnits(DictionaryAttr attr) {
  Spec spec(attr);
  Copies copies = copiesOf(spec);
  int64_t units = 0;
  if (failed(copies))
    return 1; // a reshape element by element
  for (const Copy &copy : *copies)
    units = std::max(units, mapOf(copy).units());
  return units;
}

static void emitCopies(const Code &code, ArrayRef<Copy> copies, const Arguments &arguments, Value limit) {
  int64_t units = 0;
  for (const Copy &copy : copies)
    units = std::max(units, mapOf(copy).units());
  for (const Copy &copy : copies) {
    Map map = mapOf(copy);
    if (map.units() == 0)
      continue;
    Value pointers[] = {arguments.pointers[copy.source], arguments.pointers[copy.target]};
    map.emit(
        code, pointers, shareOf(code, arguments.begin, map.units(), units),
        shareOf(code, arguments.end, map.units(), units), [](const Point &point) { return point.load(0); },
        limit);
  }
}

/// A reshape between views whose axes have nothing in common: by the index of
/// each element.
static void emitReshapeByIndex(const Code &code, const Spec &spec, const Arguments &arguments) {
  const View &from = spec.views[0], &to = spec.result();
  View still{from.element, to.shape, SmallVector<int64_t>(to.shape.size(), 0), from.offset};
  LoopNest nest(to.shape, {still, to}, to.shape.size());
  View index = View::rowMajor(from.element, to.shape);
  code.loop(arguments.begin, arguments.end, 1, [&](Value) {
    nest.emit(code, arguments.pointers, code.index(0), code.index(nest.units()), [&](const Point &point) {
      Value linear = code.index(0);
      for (auto [position, stride] : llvm::zip_equal(point.indices, index.strides))
        linear = code.addIndex(linear, code.mulIndex(position, stride));
      Value address = point.addresses[0];
      for (size_t axis = from.shape.size(); axis-- > 0;) {
        Value size = code.index(from.shape[axis]);
        Value digit = arith::RemUIOp::create(code.builder, code.loc, linear, size);
        linear = arith::DivUIOp::create(code.builder, code.loc, linear, size);
        address = code.offset(address, code.mulIndex(digit, from.strides[axis] * storageBytes(from.element)));
      }
      point.store(1, load(point.code, address, from.element));
    });
  });
}

LogicalResult emitMove(OpBuilder &builder, func::FuncOp function, DictionaryAttr attr,
                       const target::Variant &variant) {
  Spec spec(attr);
  for (View &view : spec.views)
    view.element = bitsType(builder.getContext(), view.element);
  Code code(builder, function.getLoc(), variant);
  Copies copies = copiesOf(spec);
  if (succeeded(copies))
    emitCopies(code, *copies, argumentsOf(function, spec), limitOf(function, attr));
  else
    emitReshapeByIndex(code, spec, argumentsOf(function, spec));
  return success();
}

} // namespace qcc::kernels
