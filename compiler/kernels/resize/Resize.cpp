//===- Resize.cpp - Kernels of interpolation --------------------------------===//
//
// Coordinates and weights are constants: the reference computes them, axis by
// axis, when the kernel is written. Nearest is a Take; linear and cubic, with or
// without antialiasing, sum weighted neighbours, the first axis innermost as the
// reference does. Integers are summed in float64, so that they come out equal.
//
//===----------------------------------------------------------------------===//
#include "dialects/reference/Resize.h"
#include "compiler/kernels/Fold.h"
#include "compiler/kernels/Table.h"
#include "compiler/kernels/move/Take.h"
#include "llvm/ADT/StringSwitch.h"
#include <cmath>

using namespace mlir;
using qcc::reference::ResizeParams;

namespace qcc::kernels {

static void readWords(const Spec &spec, ResizeParams &params) {
  using namespace qcc::reference;
  params.interpolation = llvm::StringSwitch<Interpolation>(spec.string("mode", "nearest"))
                             .Case("linear", Interpolation::Linear)
                             .Case("cubic", Interpolation::Cubic)
                             .Default(Interpolation::Nearest);
  params.coordinates =
      llvm::StringSwitch<Coordinates>(spec.string("coordinate_transformation_mode", "half_pixel"))
          .Case("half_pixel_symmetric", Coordinates::HalfPixelSymmetric)
          .Case("pytorch_half_pixel", Coordinates::PytorchHalfPixel)
          .Case("align_corners", Coordinates::AlignCorners)
          .Case("asymmetric", Coordinates::Asymmetric)
          .Case("tf_crop_and_resize", Coordinates::CropAndResize)
          .Default(Coordinates::HalfPixel);
  params.nearest = llvm::StringSwitch<NearestMode>(spec.string("nearest_mode", "round_prefer_floor"))
                       .Case("round_prefer_ceil", NearestMode::RoundPreferCeil)
                       .Case("floor", NearestMode::Floor)
                       .Case("ceil", NearestMode::Ceil)
                       .Default(NearestMode::RoundPreferFloor);
  params.antialias = spec.integer("antialias", 0);
  params.excludeOutside = spec.integer("exclude_outside", 0);
  params.cubicA = spec.real("cubic_coeff_a", -0.75);
  params.extrapolation = spec.real("extrapolation_value", 0);
}

/// The parameters of one axis alone.
static ResizeParams axisParams(const Spec &spec, size_t axis) {
  ResizeParams params;
  readWords(spec, params);
  int64_t dim = spec.views[0].shape[axis], size = spec.result().shape[axis];
  double ratio = dim ? static_cast<double>(size) / static_cast<double>(dim) : 1;
  SmallVector<double> scales = spec.reals("scales"), roi = spec.reals("roi");
  size_t rank = spec.views[0].shape.size();
  // A scale that is the rounded ratio of the sizes means the ratio itself.
  bool given = axis < scales.size() && static_cast<float>(ratio) != static_cast<float>(scales[axis]);
  params.sizes = {size};
  params.scales = {given ? scales[axis] : ratio};
  params.roiStart = {roi.size() == 2 * rank ? roi[axis] : 0};
  params.roiEnd = {roi.size() == 2 * rank ? roi[rank + axis] : 1};
  return params;
}

static bool isUnchanged(const Spec &spec, size_t axis) {
  ResizeParams params = axisParams(spec, axis);
  return params.sizes[0] == spec.views[0].shape[axis] && params.scales[0] == 1 &&
         params.coordinates != reference::Coordinates::CropAndResize;
}

//===----------------------------------------------------------------------===//
// Nearest
//===----------------------------------------------------------------------===//

static Take nearestTake(const Spec &spec) {
  std::vector<std::vector<int64_t>> maps(spec.views[0].shape.size());
  for (size_t axis = 0; axis < maps.size(); ++axis) {
    if (isUnchanged(spec, axis))
      continue;
    reference::Tensor line(reference::DType::I64, {spec.views[0].shape[axis]});
    for (int64_t i = 0; i < line.size(); ++i)
      line.setInt(i, i);
    ResizeParams params = axisParams(spec, axis);
    params.extrapolation = -1;
    reference::Tensor picked = reference::resize(line, params);
    maps[axis].assign(picked.data<int64_t>(), picked.data<int64_t>() + picked.size());
  }
  return Take(spec.views[0], spec.result(), std::move(maps), spec.real("extrapolation_value", 0));
}

//===----------------------------------------------------------------------===//
// Linear and cubic
//===----------------------------------------------------------------------===//

namespace {
/// One axis that is interpolated: for each position of the result `count`
/// elements of the input, with weights, and what is added to their sum.
struct WeightedAxis {
  unsigned axis;
  int64_t count = 0;
  SmallVector<int64_t> distances; ///< in bytes
  SmallVector<double> weights, added;
  Value distanceTable, weightTable, addedTable;

  WeightedAxis(const Spec &spec, unsigned axis);
  void makeTables(const Code &code);
};

struct Interpolation {
  Spec spec;
  SmallVector<WeightedAxis> axes;
  LoopNest nest;

  explicit Interpolation(DictionaryAttr attr) : spec(attr), nest({}, {}) {
    View still = spec.views[0];
    still.shape = spec.result().shape;
    unsigned keep = 0;
    for (unsigned axis = 0; axis < still.shape.size(); ++axis) {
      if (isUnchanged(spec, axis))
        continue;
      axes.emplace_back(spec, axis);
      still.strides[axis] = 0;
      keep = axis + 1;
    }
    nest = LoopNest(spec.result().shape, {still, spec.result()}, keep);
  }
  Type element() const { return spec.views[0].element; }
  Expr sum(const Point &point, Value address, size_t level) const;
};
} // namespace

WeightedAxis::WeightedAxis(const Spec &spec, unsigned axis) : axis(axis) {
  ResizeParams params = axisParams(spec, axis);
  const View &input = spec.views[0];
  int64_t dim = input.shape[axis], bytes = input.strides[axis] * storageBytes(input.element);
  std::vector<std::vector<reference::ResizeTap>> lines;
  for (int64_t i = 0; i < params.sizes[0]; ++i) {
    lines.push_back(reference::resizeTaps(params, 0, dim, i));
    count = std::max(count, static_cast<int64_t>(lines.back().size()));
  }
  for (const auto &line : lines) {
    added.push_back(line.empty() ? params.extrapolation : 0);
    for (int64_t tap = 0; tap < count; ++tap) {
      bool isThere = tap < static_cast<int64_t>(line.size());
      distances.push_back(isThere ? line[tap].index * bytes : 0);
      weights.push_back(isThere ? line[tap].weight : 0);
    }
  }
}

void WeightedAxis::makeTables(const Code &code) {
  distanceTable = constantTable(code, ArrayRef<int64_t>(distances));
  weightTable = constantTable(code, ArrayRef<double>(weights));
  if (llvm::any_of(added, [](double value) { return value != 0; }))
    addedTable = constantTable(code, ArrayRef<double>(added));
}

/// The interpolated value along the first `level` axes, in float32 for floats of up
/// to that width, else in float64.
Expr Interpolation::sum(const Point &point, Value address, size_t level) const {
  const Code &code = point.code;
  Code scalar = code.withLanes(1);
  Type f64 = code.builder.getF64Type();
  Type type = isa<FloatType>(computeType(element())) ? computeType(element()) : f64;
  if (level == 0) {
    Expr x = load(code, address, element());
    return x.isFloat() ? x : toFloat(x, f64, isUnsigned(element()));
  }
  const WeightedAxis &axis = axes[level - 1];
  auto constantAt = [&](Value table, Value index) {
    Expr value = load(scalar, code.offset(table, code.mulIndex(index, 8)), f64);
    return code.splat(changeFloat(value, type).value);
  };
  Value position = point.indices[axis.axis], first = code.mulIndex(position, axis.count);
  Expr start = axis.addedTable ? constantAt(axis.addedTable, position) : code.constant(type, int64_t(0));
  auto step = [&](Value index, Expr total) {
    Expr distance =
        load(scalar, code.offset(axis.distanceTable, code.mulIndex(index, 8)), code.builder.getI64Type());
    Expr value = sum(point, code.offset(address, distance.value), level - 1);
    return total + constantAt(axis.weightTable, index) * value;
  };
  if (axis.count <= 2) {
    for (int64_t tap = 0; tap < axis.count; ++tap)
      start = step(code.addIndex(first, code.index(tap)), start);
    return start;
  }
  auto body = [&](Value tap, ValueRange carried) {
    return SmallVector<Value>{step(code.addIndex(first, tap), code.wrap(carried[0])).value};
  };
  return code.wrap(code.loop(code.index(0), code.index(axis.count), 1, start.value, body)[0]);
}

/// Back to the element type; integers are truncated.
static Expr finish(Expr value, Type element) {
  if (isa<FloatType>(element))
    return value;
  Expr wide = truncateToInteger(value, value.code->builder.getI64Type(), /*isUnsigned=*/false);
  return resizeInteger(wide, computeType(element), false);
}

static bool isNearest(const Spec &spec) { return spec.string("mode", "nearest") == "nearest"; }

int64_t resizeUnits(DictionaryAttr attr) {
  Spec spec(attr);
  return isNearest(spec) ? nearestTake(spec).units() : Interpolation(attr).nest.units();
}

LogicalResult emitResize(OpBuilder &builder, func::FuncOp function, DictionaryAttr attr,
                         const target::Variant &variant) {
  Spec spec(attr);
  Code code(builder, function.getLoc(), variant);
  Arguments arguments = argumentsOf(function, spec);
  if (isNearest(spec)) {
    nearestTake(spec).emit(code, arguments);
    return success();
  }
  Interpolation resize(attr);
  for (WeightedAxis &axis : resize.axes)
    axis.makeTables(code);
  Value pointers[] = {arguments.pointers.front(), arguments.pointers.back()};
  resize.nest.emit(code, pointers, arguments.begin, arguments.end, [&](const Point &point) {
    Expr value = resize.sum(point, point.addresses[0], resize.axes.size());
    point.store(1, finish(value, resize.element()));
  });
  return success();
}

} // namespace qcc::kernels
