//===- Pool.cpp - Kernels of pooling over windows ---------------------------===//
//
// Windows are clipped to the operand, so that no padding is read; where a window
// lies inside as a whole its taps are unrolled. Channels-last operands run in
// vectors along the channels.
//
//===----------------------------------------------------------------------===//
#include "compiler/kernels/LoopNest.h"
#include "compiler/kernels/Rounding.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include <limits>

using namespace mlir;

namespace qcc::kernels {

namespace {
/// Windows with more taps are loops everywhere.
constexpr int64_t mostUnrolledTaps = 25;

/// One spatial axis.
struct Axis {
  int64_t input, kernel, stride, dilation, padBegin, padEnd;
  int64_t bytes; ///< from one element of the input to the next
};

/// What is known at run time about one window along one axis.
struct Range {
  Value first;      ///< the input's index of tap 0; may be negative
  Value begin, end; ///< taps inside the operand
  Value counted;    ///< taps inside the operand or its pads
};

struct Pool {
  Spec spec;
  bool isMax, nhwc, countPads;
  SmallVector<Axis> axes;
  LoopNest nest;

  explicit Pool(DictionaryAttr attr);
  Type element() const { return spec.views[0].element; }
  bool isQuantizedAverage() const { return !isMax && spec.anyQuantized(); }
  int64_t taps() const;
  void emitPoint(const Point &point) const;

private:
  LoopNest makeNest() const;
  Range rangeAt(const Code &code, const Axis &axis, Value output) const;
  Value isInside(const Code &code, ArrayRef<Range> ranges) const;
  bool alwaysInside() const;

  Type sumType() const;
  Expr start(const Code &code) const;
  Expr combine(Expr sum, Value address) const;
  Expr foldUnrolled(const Code &code, Value address, size_t axis, ArrayRef<Range> ranges, Expr sum) const;
  Expr foldLoops(const Code &code, Value address, size_t axis, ArrayRef<Range> ranges, Expr sum) const;
  Expr finish(Expr sum, Value inside, Value counted) const;
  Expr insideResult(const Code &code, Value address, ArrayRef<Range> ranges) const;
  Expr borderResult(const Code &code, Value address, ArrayRef<Range> ranges) const;
};
} // namespace

Pool::Pool(DictionaryAttr attr)
    : spec(attr), isMax(spec.kind == "max_pool"), nhwc(spec.string("layout", "nchw") == "nhwc"),
      countPads(spec.integer("count_include_pad", 0)), nest({}, {}) {
  SmallVector<int64_t> kernel = spec.list("kernel_shape"), strides = spec.list("strides");
  SmallVector<int64_t> dilations = spec.list("dilations"), pads = spec.list("pads");
  size_t first = nhwc ? 1 : 2, count = kernel.size();
  for (size_t i = 0; i < count; ++i)
    axes.push_back({spec.views[0].shape[first + i], kernel[i], strides.empty() ? 1 : strides[i],
                    dilations.empty() ? 1 : dilations[i], pads.empty() ? 0 : pads[i],
                    pads.empty() ? 0 : pads[count + i],
                    spec.views[0].strides[first + i] * storageBytes(element())});
  nest = makeNest();
}

/// The input stands still along the spatial axes: the body steps by itself.
LoopNest Pool::makeNest() const {
  View input = spec.views[0];
  input.shape = spec.result().shape;
  size_t first = nhwc ? 1 : 2;
  for (size_t i = 0; i < axes.size(); ++i)
    input.strides[first + i] = 0;
  return LoopNest(spec.result().shape, {input, spec.result()}, first + axes.size());
}

int64_t Pool::taps() const {
  int64_t count = 1;
  for (const Axis &axis : axes)
    count *= axis.kernel;
  return count;
}

//===----------------------------------------------------------------------===//
// Windows
//===----------------------------------------------------------------------===//

/// How many taps of a dilated window lie below `limit`, from 0 to the kernel's size.
static Value tapsBelow(const Code &code, const Axis &axis, Value distance) {
  Value zero = code.index(0);
  Value positive = code.maxIndex(distance, zero);
  Value taps = code.addIndex(positive, code.index(axis.dilation - 1));
  if (axis.dilation != 1)
    taps = arith::DivUIOp::create(code.builder, code.loc, taps, code.index(axis.dilation));
  return code.minIndex(taps, code.index(axis.kernel));
}

Range Pool::rangeAt(const Code &code, const Axis &axis, Value output) const {
  Range range;
  range.first = code.subIndex(code.mulIndex(output, axis.stride), code.index(axis.padBegin));
  range.begin = tapsBelow(code, axis, code.subIndex(code.index(0), range.first));
  range.end = tapsBelow(code, axis, code.subIndex(code.index(axis.input), range.first));
  range.counted =
      countPads ? tapsBelow(code, axis, code.subIndex(code.index(axis.input + axis.padEnd), range.first))
                : code.maxIndex(code.subIndex(range.end, range.begin), code.index(0));
  return range;
}

Value Pool::isInside(const Code &code, ArrayRef<Range> ranges) const {
  Value taps;
  for (const Range &range : ranges) {
    Value count = code.subIndex(range.end, range.begin);
    taps = taps ? arith::MulIOp::create(code.builder, code.loc, taps, count).getResult() : count;
  }
  return arith::CmpIOp::create(code.builder, code.loc, arith::CmpIPredicate::eq, taps,
                               code.index(this->taps()));
}

bool Pool::alwaysInside() const {
  size_t first = nhwc ? 1 : 2;
  for (size_t i = 0; i < axes.size(); ++i) {
    const Axis &axis = axes[i];
    int64_t last = (spec.result().shape[first + i] - 1) * axis.stride - axis.padBegin;
    if (axis.padBegin > 0 || last + (axis.kernel - 1) * axis.dilation >= axis.input)
      return false;
  }
  return true;
}

//===----------------------------------------------------------------------===//
// Sums and maxima
//===----------------------------------------------------------------------===//

Type Pool::sumType() const {
  Type type = computeType(element());
  return isMax || isa<FloatType>(type) ? type : IntegerType::get(type.getContext(), 32);
}

Expr Pool::start(const Code &code) const {
  Type type = sumType();
  if (!isMax)
    return code.constant(type, int64_t(0));
  if (isa<FloatType>(type))
    return code.constant(type, -std::numeric_limits<double>::infinity());
  int64_t low, high;
  storageLimits(element(), low, high);
  return code.constant(type, low);
}

Expr Pool::combine(Expr sum, Value address) const {
  Expr x = load(*sum.code, address, element());
  if (isMax)
    return x.isFloat() ? maximumOrNan(x, sum) : maximum(x, sum, isUnsigned(element()));
  return sum + (x.isFloat() ? x : resizeInteger(x, sumType(), isUnsigned(element())));
}

Expr Pool::foldUnrolled(const Code &code, Value address, size_t axis, ArrayRef<Range> ranges,
                        Expr sum) const {
  if (axis == axes.size())
    return combine(sum, address);
  Value line = code.offset(address, code.mulIndex(ranges[axis].first, axes[axis].bytes));
  for (int64_t tap = 0; tap < axes[axis].kernel; ++tap)
    sum = foldUnrolled(code, code.offset(line, tap * axes[axis].dilation * axes[axis].bytes), axis + 1,
                       ranges, sum);
  return sum;
}

Expr Pool::foldLoops(const Code &code, Value address, size_t axis, ArrayRef<Range> ranges, Expr sum) const {
  if (axis == axes.size())
    return combine(sum, address);
  auto body = [&](Value tap, ValueRange carried) {
    Value index = code.addIndex(ranges[axis].first, code.mulIndex(tap, axes[axis].dilation));
    Value next = code.offset(address, code.mulIndex(index, axes[axis].bytes));
    return SmallVector<Value>{foldLoops(code, next, axis + 1, ranges, code.wrap(carried[0])).value};
  };
  return code.wrap(code.loop(ranges[axis].begin, ranges[axis].end, 1, ValueRange(sum.value), body)[0]);
}

/// `inside` and `counted` are numbers of taps, as scalars of 64 bits.
Expr Pool::finish(Expr sum, Value inside, Value counted) const {
  const Code &code = *sum.code;
  Code scalar = code.withLanes(1);
  Type f32 = code.builder.getF32Type(), i32 = code.builder.getI32Type();
  if (isMax) {
    Value none =
        arith::CmpIOp::create(code.builder, code.loc, arith::CmpIPredicate::sle, inside, code.index(0));
    return select(code.splat(none), code.constant(sum.scalarType(), int64_t(0)), sum);
  }
  Expr atLeastOne = scalar.wrap(code.maxIndex(counted, code.index(1)));
  if (!isQuantizedAverage())
    return sum / code.splat(toFloat(atLeastOne, sum.scalarType(), false).value);
  Quantization from = *perTensor(spec.types.front());
  std::optional<Quantization> to = perTensor(spec.types.back());
  Expr zeros = resizeInteger(scalar.wrap(code.mulIndex(inside, from.zeroPoint)), i32, false);
  Expr divisor = toFloat(atLeastOne, f32, false);
  Expr factor = scalar.f32(from.scale) / (to ? scalar.f32(to->scale) * divisor : divisor);
  Expr product = toFloat(sum - code.splat(zeros.value)) * code.splat(factor.value);
  if (!to)
    return product;
  return roundAndSaturate(product, *to, spec.result().element, 1.01f * byteRange * from.scale / to->scale);
}

Expr Pool::insideResult(const Code &code, Value address, ArrayRef<Range> ranges) const {
  Value all = code.index(taps());
  Expr sum = taps() <= mostUnrolledTaps ? foldUnrolled(code, address, 0, ranges, start(code))
                                        : foldLoops(code, address, 0, ranges, start(code));
  return finish(sum, all, all);
}

Expr Pool::borderResult(const Code &code, Value address, ArrayRef<Range> ranges) const {
  Value inside = code.index(1), counted = code.index(1);
  for (const Range &range : ranges) {
    Value count = code.maxIndex(code.subIndex(range.end, range.begin), code.index(0));
    inside = arith::MulIOp::create(code.builder, code.loc, inside, count);
    counted = arith::MulIOp::create(code.builder, code.loc, counted, range.counted);
  }
  return finish(foldLoops(code, address, 0, ranges, start(code)), inside, counted);
}

void Pool::emitPoint(const Point &point) const {
  const Code &code = point.code;
  SmallVector<Range> ranges;
  for (size_t i = 0; i < axes.size(); ++i)
    ranges.push_back(rangeAt(code, axes[i], point.indices[(nhwc ? 1 : 2) + i]));
  Value address = point.addresses[0];
  if (alwaysInside())
    return point.store(1, insideResult(code, address, ranges));
  if (taps() > mostUnrolledTaps)
    return point.store(1, borderResult(code, address, ranges));
  Type type = code.shaped(computeType(spec.result().element));
  auto yes = [&] { return SmallVector<Value>{insideResult(code, address, ranges).value}; };
  auto no = [&] { return SmallVector<Value>{borderResult(code, address, ranges).value}; };
  point.store(1, code.wrap(code.branch(isInside(code, ranges), type, yes, no)[0]));
}

int64_t poolUnits(DictionaryAttr attr) { return Pool(attr).nest.units(); }

LogicalResult emitPool(OpBuilder &builder, func::FuncOp function, DictionaryAttr attr,
                       const target::Variant &variant) {
  Pool pool(attr);
  Code code(builder, function.getLoc(), variant);
  const Spec &spec = pool.spec;
  bool isFloat = isa<FloatType>(computeType(pool.element()));
  bool toKnown = perTensor(spec.types.back()) || spec.types.back().isF32();
  bool average = pool.isQuantizedAverage()
                     ? perTensor(spec.types.front()) && toKnown && storageBytes(pool.element()) == 1
                     : isFloat;
  if (!pool.isMax && !average)
    return emitError(code.loc, "no kernel for '")
           << spec.kind << "' from " << spec.types.front() << " to " << spec.types.back();
  Arguments arguments = argumentsOf(function, spec);
  pool.nest.emit(code, arguments.pointers, arguments.begin, arguments.end,
                 [&](const Point &point) { pool.emitPoint(point); });
  return success();
}

} // namespace qcc::kernels
