//===- GridSample.cpp - The kernel of interpolation at given places ---------===//
//
// At each place of the result the elements to read and their weights are found once, for all channels, which
// run in vectors where they are neighbours. Every index is brought into range: no place leaves the input.
//
//===----------------------------------------------------------------------===//
#include "compiler/kernels/Fold.h"
#include "compiler/kernels/Spec.h"
#include "compiler/target/Target.h"

using namespace mlir;

namespace qcc::kernels {

namespace {
/// One element that a place reads along an axis.
struct Tap {
  Value distance; ///< in bytes, from the axis's first element
  Expr weight;
  Expr inside; ///< null value: always
};

struct GridSample {
  Spec spec;
  bool alignCorners, isChannelsLast;
  StringRef mode, padding;
  LoopNest nest;

  explicit GridSample(DictionaryAttr attr);

  const View &input() const { return spec.views[0]; }
  int64_t channelAxis() const { return isChannelsLast ? 3 : 1; }
  /// The view without its channels.
  View plane(const View &view) const;
  Expr reflect(Expr x, double low, double high) const;
  Expr coordinate(Expr place, int64_t size) const;
  SmallVector<Tap> taps(Expr place, int64_t axis) const;
};
} // namespace

GridSample::GridSample(DictionaryAttr attr)
    : spec(attr), alignCorners(spec.integer("align_corners", 0) != 0),
      isChannelsLast(spec.string("layout", "nchw") == "nhwc"), mode(spec.string("mode", "linear")),
      padding(spec.string("padding_mode", "zeros")), nest({}, {}) {
  View result = plane(spec.result()), from = plane(input()), grid = spec.views[1];
  from.shape = grid.shape = result.shape;
  from.strides[1] = from.strides[2] = 0;
  grid.strides.pop_back();
  nest = LoopNest(result.shape, {from, grid, result}, 0, /*scalar=*/true,
                  4 * std::max<int64_t>(input().shape[channelAxis()], 1));
}

View GridSample::plane(const View &view) const {
  return view.permuted(isChannelsLast ? ArrayRef<int64_t>{0, 1, 2} : ArrayRef<int64_t>{0, 2, 3});
}

static Expr number(Expr like, double value) { return like.code->constant(like.scalarType(), value); }

/// Mirrored at `low` and `high` until it lies between them.
Expr GridSample::reflect(Expr x, double low, double high) const {
  double range = high - low;
  if (range <= 0)
    return number(x, low);
  Expr distance = absolute(x - number(x, low)), turns = floor(distance / number(x, range));
  Expr rest = distance - turns * number(x, range), half = turns * number(x, 0.5);
  Expr isEven = compare(Order::Equal, floor(half), half);
  return select(isEven, number(x, low) + rest, number(x, high) - rest);
}

/// From -1 to 1 in the grid to elements of the axis.
Expr GridSample::coordinate(Expr place, int64_t size) const {
  Expr one = number(place, 1), half = number(place, 0.5), length = number(place, static_cast<double>(size));
  Expr x = alignCorners ? (place + one) * half * (length - one) : ((place + one) * length - one) * half;
  // Beyond this all is outside, or mirrored without a meaning; a NaN becomes the bound.
  double bound = padding == "zeros" ? static_cast<double>(size) + 8 : 1 << 22;
  x = maximum(minimum(x, number(x, bound)), number(x, -bound));
  if (mode == "nearest")
    x = rint(x);
  if (padding == "border")
    x = maximum(minimum(x, length - one), number(x, 0));
  double low = alignCorners ? 0 : -0.5;
  return padding == "reflection" ? reflect(x, low, static_cast<double>(size) - 1 - low) : x;
}

/// The weights of the cubic convolution with a = -0.75 at `t` behind the second of four elements.
static SmallVector<Expr> cubicWeights(Expr t) {
  const double a = -0.75;
  Expr one = number(t, 1), two = number(t, 2);
  auto near = [&](Expr d) { return (number(t, a + 2) * d - number(t, a + 3)) * d * d + one; };
  auto far = [&](Expr d) {
    return ((number(t, a) * d - number(t, 5 * a)) * d + number(t, 8 * a)) * d - number(t, 4 * a);
  };
  return {far(t + one), near(t), near(one - t), far(two - t)};
}

SmallVector<Tap> GridSample::taps(Expr place, int64_t axis) const {
  const Code &code = *place.code;
  Type i64 = code.builder.getI64Type();
  int64_t size = input().shape[axis], bytes = input().strides[axis] * storageBytes(input().element);
  Expr x = coordinate(place, size), first = floor(x), one = number(x, 1);
  SmallVector<Expr> weights{one};
  if (mode == "linear")
    weights = {first + one - x, x - first};
  if (mode == "cubic")
    weights = cubicWeights(x - first);
  SmallVector<Tap> result;
  for (auto [i, weight] : llvm::enumerate(weights)) {
    Expr at = first + number(x, static_cast<double>(i) - (mode == "cubic" ? 1 : 0));
    Expr last = code.constant(i64, size - 1), zero = code.constant(i64, int64_t(0)), inside;
    double low = alignCorners ? 0 : -0.5;
    if (padding == "reflection")
      at = reflect(at, low, static_cast<double>(size) - 1 - low);
    Expr index = truncateToInteger(at, i64, /*isUnsigned=*/false);
    if (padding == "zeros")
      inside = compare(Order::GreaterEqual, index, zero) & compare(Order::LessEqual, index, last);
    index = maximum(minimum(index, last), zero);
    result.push_back({code.mulIndex(index.value, bytes), weight, inside});
  }
  return result;
}

/// `values` weighted and added; what is outside counts as 0.
static Expr weightedSum(const Code &code, ArrayRef<Tap> taps, llvm::function_ref<Expr(const Tap &)> valueAt) {
  std::optional<Expr> sum;
  for (const Tap &tap : taps) {
    Expr value = valueAt(tap);
    if (tap.inside.value)
      value = select(code.splat(tap.inside.value), value, number(value, 0));
    Expr product = value * changeFloat(code.splat(tap.weight.value), value.scalarType());
    sum = sum ? *sum + product : product;
  }
  return *sum;
}

int64_t gridSampleUnits(DictionaryAttr attr) { return GridSample(attr).nest.units(); }

LogicalResult emitGridSample(OpBuilder &builder, func::FuncOp function, DictionaryAttr attr,
                             const target::Variant &variant) {
  GridSample sampling(attr);
  const View &input = sampling.input(), &grid = sampling.spec.views[1], &result = sampling.spec.result();
  int64_t axis = sampling.channelAxis(), bytes = storageBytes(input.element);
  Code code(builder, function.getLoc(), variant);
  if (sampling.spec.anyQuantized())
    return emitError(code.loc, "no kernel for 'grid_sample' on ") << sampling.spec.types.front();
  Type type = computeType(input.element);
  if (grid.element.isF64())
    type = builder.getF64Type();
  bool isContiguous = input.strides[axis] == 1 && result.strides[axis] == 1;
  int64_t lanes = isContiguous ? variant.vectorBytes / storageBytes(type) : 1;
  Arguments arguments = argumentsOf(function, sampling.spec);
  sampling.nest.emit(code, arguments.pointers, arguments.begin, arguments.end, [&](const Point &point) {
    const Code &here = point.code;
    Value second = here.offset(point.addresses[1], grid.strides[3] * storageBytes(grid.element));
    auto placeAt = [&](Value address) { return changeFloat(load(here, address, grid.element), type); };
    SmallVector<Tap> columns = sampling.taps(placeAt(point.addresses[1]), axis == 1 ? 3 : 2);
    SmallVector<Tap> rows = sampling.taps(placeAt(second), axis == 1 ? 2 : 1);
    forLine(here, input.shape[axis], std::max<int64_t>(lanes, 1), [&](const Code &inner, Value channel) {
      auto along = [&](Value address, const View &view) {
        return inner.offset(address, inner.mulIndex(channel, view.strides[axis] * bytes));
      };
      Value from = along(point.addresses[0], input);
      Expr sum = weightedSum(inner, rows, [&](const Tap &row) {
        Value line = inner.offset(from, row.distance);
        return weightedSum(inner, columns, [&](const Tap &column) {
          return changeFloat(load(inner, inner.offset(line, column.distance), input.element), type);
        });
      });
      store(changeFloat(sum, computeType(result.element)), along(point.addresses[2], result), result.element);
    });
  });
  return success();
}

} // namespace qcc::kernels
