//===- Fill.cpp - Constant bytes around and inside views --------------------===//
//
// fill_border writes one value to everything of an outer view that an inner view
// inside it does not cover: the padding ring of an NHWC buffer. The views share
// one pointer; `views` holds the outer one, `attrs.inner` the inner one and
// `attrs.value` the value as it is stored (integer or float). With two views the value is
// that of the run: the first is an image's scale and zero point, the latter a float, too.
//
//===----------------------------------------------------------------------===//
#include "compiler/kernels/move/Fill.h"
#include "compiler/kernels/gemm/GemmSpec.h"
#include "compiler/kernels/gemm/Pack.h"
#include "compiler/target/Target.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
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

Expr constantAt(const Point &point, double value) {
  return point.code.constant(computeType(point.views[0].element), value);
}

void emitFill(const Code &code, ArrayRef<LoopNest> nests, int64_t units, Value pointer, Value begin,
              Value end, FillValue value) {
  for (const LoopNest &nest : nests)
    emitShare(code, nest, units, pointer, begin, end,
              [&](const Point &point) { point.store(0, value(point)); });
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

namespace {
/// The ring, cut among threads as the kernels cut that read and write what it surrounds (GemmSpec.h): a
/// border that another core has filled costs its reader more than its filling. Images of NHWC are cut by
/// rows, or, where rows are few, by blocks of channels.
struct Border {
  View outer;
  SmallVector<int64_t> first, size; ///< of the inner view
  enum { Rows, Blocks, Other } cut = Other;

  int64_t units() const {
    return cut == Rows ? outer.shape[0] * outer.shape[1] : unitsOf(ringNests(outer, first, size));
  }
  void putBlocksFirst();
};
} // namespace

void Border::putBlocksFirst() {
  int64_t blocks = size[3] / blockChannels;
  outer.shape[3] = size[3] = blockChannels;
  outer.shape.insert(outer.shape.begin(), blocks);
  outer.strides.insert(outer.strides.begin(), blockChannels * outer.strides.back());
  first.insert(first.begin(), 0);
  size.insert(size.begin(), blocks);
}

static FailureOr<Border> borderOf(const Spec &spec) {
  auto attr = spec.attrs ? spec.attrs.getAs<DictionaryAttr>("inner") : DictionaryAttr();
  if (!attr)
    return failure();
  View inner = View::fromAttr(attr);
  FailureOr<SmallVector<int64_t>> first = startOf(spec.result(), inner);
  if (failed(first))
    return failure();
  Border border{spec.result(), *first, inner.shape};
  bool isImage = inner.shape.size() == 4 && inner.shape[0] == border.outer.shape[0] &&
                 inner.shape[3] == border.outer.shape[3];
  if (isImage && inner.shape[0] * inner.shape[1] >= enoughRows) {
    border.cut = Border::Rows;
  } else if (isImage && inner.shape[3] % blockChannels == 0) {
    border.cut = Border::Blocks;
    border.putBlocksFirst();
  }
  return border;
}

/// Whole rows above and below, the two ends of those between.
static void emitRows(const Code &code, const Border &border, Value pointer, Value begin, Value end,
                     FillValue value) {
  View row = border.outer;
  row.shape[0] = row.shape[1] = 1;
  SmallVector<int64_t> none(4, 0), first = border.first, size = border.size;
  first[0] = first[1] = 0;
  size[0] = size[1] = 1;
  auto whole = ringNests(row, none, none), ends = ringNests(row, first, size);
  auto fill = [&](ArrayRef<LoopNest> nests, Value start) {
    int64_t units = unitsOf(nests);
    emitFill(code, nests, units, start, code.index(0), code.index(units), value);
  };
  int64_t bytes = storageBytes(row.element), height = border.outer.shape[1];
  code.loop(begin, end, 1, [&](Value unit) {
    Value image = arith::DivUIOp::create(code.builder, code.loc, unit, code.index(height));
    Value line = arith::RemUIOp::create(code.builder, code.loc, unit, code.index(height));
    Value start = code.offset(pointer, code.addIndex(code.mulIndex(image, row.strides[0] * bytes),
                                                     code.mulIndex(line, row.strides[1] * bytes)));
    // Unsigned: rows above wrap around.
    Value inside =
        arith::CmpIOp::create(code.builder, code.loc, arith::CmpIPredicate::ult,
                              code.subIndex(line, code.index(border.first[1])), code.index(border.size[1]));
    code.branch(
        inside, {},
        [&] {
          fill(ends, start);
          return SmallVector<Value>();
        },
        [&] {
          fill(whole, start);
          return SmallVector<Value>();
        });
  });
}

int64_t fillBorderUnits(DictionaryAttr attr) {
  FailureOr<Border> border = borderOf(Spec(attr));
  return succeeded(border) ? border->units() : 0;
}

LogicalResult emitFillBorder(OpBuilder &builder, func::FuncOp function, DictionaryAttr attr,
                             const target::Variant &variant) {
  Spec spec(attr);
  Code code(builder, function.getLoc(), variant);
  FailureOr<Border> border = borderOf(spec);
  if (failed(border))
    return emitError(code.loc, "fill_border's inner view does not lie inside its outer one");
  Arguments arguments = argumentsOf(function, spec);
  Value pointer = arguments.pointers.back();
  double known = spec.real("value", static_cast<double>(spec.integer("value", 0)));
  Expr ofRun;
  if (spec.views.size() > 1) {
    Expr zero = load(code, code.offset(arguments.pointers[0], 4), builder.getF32Type());
    ofRun = resizeInteger(rintToI32(zero), builder.getI8Type(), /*isUnsigned=*/true);
  }
  auto value = [&](const Point &point) {
    return spec.views.size() > 1 ? point.code.splat(ofRun.value) : constantAt(point, known);
  };
  if (border->cut == Border::Rows && !variant.isGpu)
    emitRows(code, *border, pointer, arguments.begin, arguments.end, value);
  else
    emitFill(code, ringNests(border->outer, border->first, border->size), border->units(), pointer,
             arguments.begin, arguments.end, value);
  return success();
}

} // namespace qcc::kernels
