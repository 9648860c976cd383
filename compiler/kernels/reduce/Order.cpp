//===- Order.cpp - Kernels on lines along one axis --------------------------===//
#include "compiler/kernels/Fold.h"
#include "compiler/kernels/Spec.h"
#include "compiler/target/Target.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "llvm/Support/MathExtras.h"
#include <limits>

using namespace mlir;

namespace qcc::kernels {

namespace {
/// The lines of an operation's views along its axis: a nest over all other axes.
struct Lines {
  Spec spec;
  int64_t axis, size;
  LoopNest nest;

  Lines(DictionaryAttr attr, bool scalar)
      : spec(attr), axis(spec.integer("axis", 0)), size(spec.views[0].shape[axis]), nest({}, {}) {
    SmallVector<View> views;
    for (const View &view : spec.views)
      views.push_back(dropFolded(view, {axis}, spec.views[0].shape.size()));
    nest = LoopNest(views.front().shape, views, 0, scalar, std::max<int64_t>(size, 1));
  }

  /// Of view `i`, from the first element of a line, `index` steps along it.
  Value at(const Code &code, size_t i, Value first, Value index) const {
    const View &view = spec.views[i];
    return code.offset(first, code.mulIndex(index, view.strides[axis] * storageBytes(view.element)));
  }
};
} // namespace

//===----------------------------------------------------------------------===//
// ArgMax, ArgMin: the extreme, then the first or last place that has it
//===----------------------------------------------------------------------===//

int64_t argReduceUnits(DictionaryAttr attr) { return Lines(attr, false).nest.units(); }

/// The number of each element: `index`, or index, index + 1, ... where lanes run along the line.
static Expr placeOf(const Code &code, Value index, bool alongLine) {
  Type i32 = code.builder.getI32Type();
  Expr scalar = resizeInteger(code.withLanes(1).wrap(index), i32, false);
  Expr first = code.splat(scalar.value);
  if (!alongLine || code.lanes == 1)
    return first;
  auto numbers = llvm::to_vector(llvm::seq<int32_t>(0, static_cast<int32_t>(code.lanes)));
  auto attr = DenseElementsAttr::get(cast<ShapedType>(code.shaped(i32)), ArrayRef<int32_t>(numbers));
  return first + code.wrap(arith::ConstantOp::create(code.builder, code.loc, cast<TypedAttr>(attr)));
}

/// The largest or smallest element of a line; a NaN if there is one.
static Expr extremeOf(const Code &code, const Lines &lines, Value line, int64_t lanes, bool largest) {
  Type element = lines.spec.views[0].element;
  bool isUnsignedType = isUnsigned(element);
  auto join = [&](Expr x, Expr best) {
    if (x.isFloat())
      return largest ? maximumOrNan(x, best) : minimumOrNan(x, best);
    return largest ? maximum(x, best, isUnsignedType) : minimum(x, best, isUnsignedType);
  };
  auto start = [&](const Code &inner) {
    Type type = computeType(element);
    double infinity = std::numeric_limits<double>::infinity();
    if (isa<FloatType>(type))
      return inner.constant(type, largest ? -infinity : infinity);
    int64_t low, high;
    storageLimits(element, low, high);
    return inner.constant(type, largest ? low : high);
  };
  auto step = [&](const Code &inner, Value index, Expr best) {
    return join(load(inner, lines.at(inner, 0, line, index), element), best);
  };
  return foldLine(code, lines.size, lanes, Fold{start, step, join});
}

LogicalResult emitArgReduce(OpBuilder &builder, func::FuncOp function, DictionaryAttr attr,
                            const target::Variant &variant) {
  Lines lines(attr, false);
  const View &input = lines.spec.views[0];
  bool largest = lines.spec.kind == "arg_max", last = lines.spec.integer("select_last_index", 0) != 0;
  Code code(builder, function.getLoc(), variant);
  if (lines.spec.anyQuantized())
    return emitError(code.loc, "no kernel for '") << lines.spec.kind << "' on " << lines.spec.types.front();
  int64_t lanes = input.strides[lines.axis] == 1
                      ? variant.vectorBytes / std::max<int64_t>(storageBytes(input.element), 4)
                      : 1;
  Type i32 = builder.getI32Type();
  Arguments arguments = argumentsOf(function, lines.spec);
  Value pointers[] = {arguments.pointers[0], arguments.pointers[1]};
  lines.nest.emit(code, pointers, arguments.begin, arguments.end, [&](const Point &point) {
    const Code &here = point.code;
    Value line = point.addresses[0];
    Expr best = extremeOf(here, lines, line, lanes, largest);
    auto none = [&](const Code &inner) { return inner.constant(i32, int64_t(last ? -1 : INT32_MAX)); };
    auto join = [&](Expr a, Expr b) { return last ? maximum(a, b) : minimum(a, b); };
    auto step = [&](const Code &inner, Value index, Expr found) {
      bool alongLine = inner.lanes != here.lanes;
      Expr x = load(inner, lines.at(inner, 0, line, index), input.element);
      Expr wanted = alongLine ? inner.splat(best.value) : best;
      Expr matches = compare(Order::Equal, x, wanted);
      if (x.isFloat())
        matches = matches | isNan(x);
      return join(found, select(matches, placeOf(inner, index, alongLine), none(inner)));
    };
    Expr place = foldLine(here, lines.size, lanes, Fold{none, step, join});
    point.store(1, resizeInteger(here.wrap(place.value), builder.getI64Type(), false));
  });
  return success();
}

//===----------------------------------------------------------------------===//
// CumSum
//===----------------------------------------------------------------------===//

int64_t cumSumUnits(DictionaryAttr attr) { return Lines(attr, false).nest.units(); }

LogicalResult emitCumSum(OpBuilder &builder, func::FuncOp function, DictionaryAttr attr,
                         const target::Variant &variant) {
  Lines lines(attr, false);
  Code code(builder, function.getLoc(), variant);
  Type element = lines.spec.result().element;
  bool exclusive = lines.spec.integer("exclusive", 0) != 0, reverse = lines.spec.integer("reverse", 0) != 0;
  Arguments arguments = argumentsOf(function, lines.spec);
  lines.nest.emit(code, arguments.pointers, arguments.begin, arguments.end, [&](const Point &point) {
    const Code &here = point.code;
    Expr zero = here.constant(computeType(element), int64_t(0));
    auto step = [&](Value i, ValueRange carried) {
      Value index = reverse ? here.subIndex(here.index(lines.size - 1), i) : i;
      Expr before = here.wrap(carried[0]);
      Expr sum = before + load(here, lines.at(here, 0, point.addresses[0], index), element);
      store(exclusive ? before : sum, lines.at(here, 1, point.addresses[1], index), element);
      return SmallVector<Value>{sum.value};
    };
    here.loop(here.index(0), here.index(lines.size), 1, ValueRange(zero.value), step);
  });
  return success();
}

//===----------------------------------------------------------------------===//
// TopK: the best so far stand in the results, in order
//===----------------------------------------------------------------------===//

int64_t topKUnits(DictionaryAttr attr) { return Lines(attr, true).nest.units(); }

namespace {
/// One line's list of the best.
struct Best {
  const Lines &lines;
  const Code &code;
  Value values, indices; ///< addresses of the results' first elements
  bool largest;
  int64_t k;

  Type element() const { return lines.spec.views[0].element; }
  Expr valueAt(Value index) const { return load(code, lines.at(code, 1, values, index), element()); }
  Expr isBetter(Expr a, Expr b) const;
  Value placeFor(Expr x, Value filled) const;
  void moveBack(Value from, Value filled) const;
  void insert(Expr x, Value index, Value filled) const;
};
} // namespace

/// A NaN is larger than every number.
Expr Best::isBetter(Expr a, Expr b) const {
  if (!largest)
    std::swap(a, b);
  Expr isLarger = compare(Order::Greater, a, b, isUnsigned(element()));
  if (!a.isFloat())
    return isLarger;
  Expr isNumber = compare(Order::Equal, b, b);
  return isLarger | (isNan(a) & isNumber);
}

/// Behind all that are as good or better, by bisection.
Value Best::placeFor(Expr x, Value filled) const {
  auto halve = [&](Value, ValueRange bounds) {
    Expr low = code.wrap(bounds[0]), high = code.wrap(bounds[1]);
    Expr middle = shiftRightLogical(low + high, 1), isOpen = compare(Order::Less, low, high);
    Value inside = code.minIndex(middle.value, code.index(k - 1));
    Expr isBefore = isBetter(x, valueAt(inside));
    Expr next = middle + code.wrap(code.index(1));
    return SmallVector<Value>{select(isOpen, select(isBefore, low, next), low).value,
                              select(isOpen, select(isBefore, middle, high), high).value};
  };
  int64_t steps = llvm::Log2_64_Ceil(k + 1) + 1;
  return code.loop(code.index(0), code.index(steps), 1, ValueRange{code.index(0), filled}, halve)[0];
}

/// Frees the place `from`; of a full list the last element falls out.
void Best::moveBack(Value from, Value filled) const {
  Value last = code.minIndex(filled, code.index(k - 1));
  Type bits = bitsType(code.builder.getContext(), element()), i64 = code.builder.getI64Type();
  code.loop(code.index(0), code.subIndex(last, from), 1, [&](Value step) {
    Value to = code.subIndex(last, step), place = code.subIndex(to, code.index(1));
    store(load(code, lines.at(code, 1, values, place), bits), lines.at(code, 1, values, to), bits);
    store(load(code, lines.at(code, 2, indices, place), i64), lines.at(code, 2, indices, to), i64);
  });
}

void Best::insert(Expr x, Value index, Value filled) const {
  Value place = placeFor(x, filled);
  moveBack(place, filled);
  store(x, lines.at(code, 1, values, place), element());
  store(code.wrap(index), lines.at(code, 2, indices, place), code.builder.getI64Type());
}

LogicalResult emitTopK(OpBuilder &builder, func::FuncOp function, DictionaryAttr attr,
                       const target::Variant &variant) {
  Lines lines(attr, true);
  Code code(builder, function.getLoc(), variant);
  int64_t k = lines.spec.result().shape[lines.axis];
  if (k == 0)
    return success();
  if (lines.spec.anyQuantized())
    return emitError(code.loc, "no kernel for 'top_k' on ") << lines.spec.types.front();
  Arguments arguments = argumentsOf(function, lines.spec);
  bool largest = lines.spec.integer("largest", 1) != 0;
  lines.nest.emit(code, arguments.pointers, arguments.begin, arguments.end, [&](const Point &point) {
    const Code &here = point.code;
    Best best{lines, here, point.addresses[1], point.addresses[2], largest, k};
    auto step = [&](Value index, ValueRange carried) {
      Value filled = carried[0];
      Expr x = load(here, lines.at(here, 0, point.addresses[0], index), best.element());
      Expr hasRoom = compare(Order::Less, here.wrap(filled), here.wrap(here.index(k)));
      Expr enters = hasRoom | best.isBetter(x, best.valueAt(here.index(k - 1)));
      here.when(enters.value, [&] { best.insert(x, index, filled); });
      return SmallVector<Value>{here.minIndex(here.addIndex(filled, here.index(1)), here.index(k))};
    };
    here.loop(here.index(0), here.index(lines.size), 1, ValueRange(here.index(0)), step);
  });
  return success();
}

} // namespace qcc::kernels
