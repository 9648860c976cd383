//===- Dynamic.cpp - Quantising rows by what is in them (q11) ---------------===//
#include "compiler/kernels/quantize/Dynamic.h"
#include "compiler/kernels/RowUnits.h"
#include "compiler/kernels/Spec.h"
#include "compiler/kernels/Steps.h"
#include "dialects/reference/Dynamic.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include <limits>

using namespace mlir;

namespace qcc::kernels {

/// As in the reference: narrower ranges would overflow the factor.
static constexpr float narrowest = 1e-30f;

RowParams rowParams(Expr low, Expr high, std::optional<int64_t> zero) {
  const Code &code = *low.code;
  Expr none = code.f32(0), width = high - low, steps = code.f32(zero ? 1 : 255);
  if (zero) {
    Expr below = *zero > 0 ? negate(low) / code.f32(static_cast<float>(*zero)) : none;
    Expr above = *zero < 255 ? high / code.f32(static_cast<float>(255 - *zero)) : none;
    width = maximum(above, below);
  }
  Expr usable = compare(Order::GreaterEqual, width, code.f32(narrowest)) &
                compare(Order::NotEqual, width, code.f32(std::numeric_limits<float>::infinity()));
  Expr one = code.f32(1);
  RowParams params{select(usable, width / steps, one), select(usable, steps / width, one),
                   code.i32(zero.value_or(0))};
  if (!zero) {
    Expr exact = select(usable, negate(low) * params.factor, none);
    params.zero = rintToI32(exact);
  }
  return params;
}

RowParams paramsOfRun(Expr low, Expr high) {
  const Code &code = *low.code;
  Expr none = code.f32(0), one = code.f32(1);
  Expr scale = select(compare(Order::Equal, low, high), one, high - low) / code.f32(255);
  Expr zero = minimum(maximum(none - low / scale, none), code.f32(255));
  return {scale, one, rintToI32(zero)};
}

Expr quantizeByScale(Expr x, const RowParams &params) {
  const Code &code = *x.code;
  Expr none = code.f32(0);
  x = select(compare(Order::Equal, x, x), x, none); // NaN
  Expr t = rint(x / code.splat(params.scale.value)) + code.splat(toFloat(params.zero).value);
  return rintToI32(minimum(maximum(t, none), code.f32(255)));
}

Expr quantizeInRow(Expr x, const RowParams &params) {
  const Code &code = *x.code;
  Expr t = rint(x * code.splat(params.factor.value)) + code.splat(toFloat(params.zero).value);
  t = maximum(t, code.f32(0));
  return rintToI32(minimum(t, code.f32(255)));
}

View repeatInRows(View view, ArrayRef<int64_t> shape) {
  view.shape.assign(shape.begin(), shape.end());
  view.strides.resize(shape.size(), 0);
  return view;
}

Ends rangeOf(const Rows &rows, const Code &code, ArrayRef<Value> addresses,
             llvm::function_ref<Ends(const Rows::Element &)> ends) {
  auto widen = [&](const Rows::Element &element, ArrayRef<Expr> range) {
    Ends here = ends(element);
    return SmallVector<Expr>{minimum(here.low, range[0]), maximum(here.high, range[1])};
  };
  auto merge = [](size_t which, Expr a, Expr b) { return which ? maximum(a, b) : minimum(a, b); };
  SmallVector<Expr> range =
      rows.fold(code, addresses, code.builder.getF32Type(), Rows::Fold{{0, 0}, widen, merge});
  return {range[0], range[1]};
}

/// The range of what one view holds.
static Ends rangeOf(const Rows &rows, const Code &code, ArrayRef<Value> addresses, size_t view) {
  return rangeOf(rows, code, addresses, [&](const Rows::Element &element) {
    Expr x = element.load(view);
    return Ends{x, x};
  });
}

static void quantizeElements(const Rows &rows, const Code &code, ArrayRef<Value> addresses, size_t values,
                             const RowParams &params) {
  rows.forEach(code, addresses, [&](const Rows::Element &element) {
    Expr byte = quantizeInRow(element.load(values), params);
    element.store(values + 1, resizeInteger(byte, code.builder.getI8Type(), /*isUnsigned=*/true));
  });
}

void quantizeRow(const Rows &rows, const Code &code, ArrayRef<Value> addresses, size_t values,
                 const RowParams &params) {
  store(params.scale, addresses[values + 2], code.builder.getF32Type());
  store(params.zero, addresses[values + 3], code.builder.getI32Type());
  quantizeElements(rows, code, addresses, values, params);
}

static Rows rowsOf(const Spec &spec) {
  auto axis = static_cast<unsigned>(spec.integer("axis", 0));
  ArrayRef<int64_t> shape = spec.views[0].shape;
  return Rows(
      shape,
      {spec.views[0], spec.views[1], repeatInRows(spec.views[2], shape), repeatInRows(spec.views[3], shape)},
      axis);
}

/// The steps of a chain, null for none, on the row in the first view.
static LogicalResult applyInPlace(const Rows &rows, const Code &code, ArrayRef<Value> addresses,
                                  ArrayAttr chain) {
  bool isKnown = true;
  if (chain)
    rows.forEach(code, addresses, [&](const Rows::Element &element) {
      FailureOr<Expr> x = element.load(0);
      for (auto step : chain.getAsRange<DictionaryAttr>())
        if (succeeded(x))
          x = applyStep(step.getAs<StringAttr>("op").getValue(), step, *x);
      isKnown &= succeeded(x);
      if (succeeded(x))
        element.store(0, *x);
    });
  return success(isKnown);
}

int64_t dynamicQuantizeUnits(DictionaryAttr attr) { return rowsOf(Spec(attr)).units(); }

LogicalResult emitDynamicQuantize(OpBuilder &builder, func::FuncOp function, DictionaryAttr attr,
                                  const target::Variant &variant) {
  Spec spec(attr);
  Rows rows = rowsOf(spec);
  Code code(builder, function.getLoc(), variant);
  std::optional<int64_t> zero;
  if (spec.has("zero_point"))
    zero = spec.integer("zero_point", 0);
  Arguments arguments = argumentsOf(function, spec);
  bool isKnown = true;
  rows.emit(
      code, arguments.pointers, arguments.begin, arguments.end,
      [&](const Code &here, ArrayRef<Value> addresses) {
        isKnown &= succeeded(applyInPlace(rows, here, addresses, spec.attrs.getAs<ArrayAttr>("chain")));
        Ends range = rangeOf(rows, here, addresses, 0);
        quantizeRow(rows, here, addresses, 0, rowParams(range.low, range.high, zero));
      },
      limitOf(function, attr));
  return isKnown ? success() : emitError(code.loc, "no kernel for a step in front of 'dynamic_quantize'");
}

//===----------------------------------------------------------------------===//
// Images
//===----------------------------------------------------------------------===//

/// The rows of an image that units are: x (image, part, ...) and what else `views` names, each repeated along
/// the axes that it lacks.
static Rows partsOf(ArrayRef<int64_t> shape, ArrayRef<View> views) {
  SmallVector<View> all;
  for (const View &view : views)
    all.push_back(repeatInRows(view, shape));
  return Rows(shape, all, /*axis=*/2);
}

/// Of ranges (image, 2, part): the lower or upper ends of each image's parts, or the first one's.
static View endsOf(const View &ranges, int64_t end, bool first) {
  View view = ranges;
  view.offset += end * ranges.strides[1];
  view.strides = {ranges.strides[0], first ? 0 : ranges.strides[2]};
  return view;
}

static Rows measuredParts(const Spec &spec) {
  const View &x = spec.views[0], &ranges = spec.views[1];
  return partsOf(x.shape, {x, endsOf(ranges, 0, false), endsOf(ranges, 1, false)});
}

int64_t measureImageUnits(DictionaryAttr attr) { return measuredParts(Spec(attr)).units(); }

/// Kind "measure_image": x (image, part, ...) to ranges (image, 2, part).
LogicalResult emitMeasureImage(OpBuilder &builder, func::FuncOp function, DictionaryAttr attr,
                               const target::Variant &variant) {
  Spec spec(attr);
  Rows rows = measuredParts(spec);
  Code code(builder, function.getLoc(), variant);
  Arguments arguments = argumentsOf(function, spec);
  Value pointers[] = {arguments.pointers[0], arguments.pointers[1], arguments.pointers[1]};
  rows.emit(code, pointers, arguments.begin, arguments.end, [&](const Code &here, ArrayRef<Value> addresses) {
    Ends range = rangeOf(rows, here, addresses, 0);
    store(range.low, addresses[1], builder.getF32Type());
    store(range.high, addresses[2], builder.getF32Type());
  });
  return success();
}

enum { X, Bytes, Lows, Highs, OwnLow, Scale }; ///< views of quantizedParts
static Rows quantizedParts(const Spec &spec) {
  const View &x = spec.views[0], &ranges = spec.views[1];
  View perImage = spec.views[3];
  perImage.shape.resize(1);
  perImage.strides.resize(1);
  return partsOf(x.shape, {x, spec.views[2], endsOf(ranges, 0, true), endsOf(ranges, 1, true),
                           endsOf(ranges, 0, false), perImage});
}

int64_t quantizeImageUnits(DictionaryAttr attr) { return quantizedParts(Spec(attr)).units(); }

/// Kind "quantize_image": x (image, part, ...) and its ranges to bytes of the same shape and the scale of
/// each image; with a zero point of the run, that and the zero point, both f32.
LogicalResult emitQuantizeImage(OpBuilder &builder, func::FuncOp function, DictionaryAttr attr,
                                const target::Variant &variant) {
  Spec spec(attr);
  Rows rows = quantizedParts(spec);
  int64_t parts = spec.views[0].shape[1];
  View part = View::rowMajor(spec.views[1].element, parts);
  Rows all(parts, {part, part}, /*axis=*/0);
  Code code(builder, function.getLoc(), variant);
  Arguments arguments = argumentsOf(function, spec);
  Value range = arguments.pointers[1];
  int64_t zero = spec.integer("zero_point", 0);
  bool ofRun = zero == reference::zeroOfRun;
  Value pointers[] = {arguments.pointers[0], arguments.pointers[2], range, range, range,
                      arguments.pointers[3]};
  rows.emit(code, pointers, arguments.begin, arguments.end, [&](const Code &here, ArrayRef<Value> addresses) {
    Ends range = rangeOf(all, here, addresses.slice(Lows, 2),
                         [](const Rows::Element &element) { return Ends{element.load(0), element.load(1)}; });
    RowParams params = ofRun ? paramsOfRun(range.low, range.high) : rowParams(range.low, range.high, zero);
    Value isFirst =
        LLVM::ICmpOp::create(builder, here.loc, LLVM::ICmpPredicate::eq, addresses[Lows], addresses[OwnLow]);
    here.when(isFirst, [&] {
      store(params.scale, addresses[Scale], builder.getF32Type());
      if (ofRun)
        store(toFloat(params.zero), here.offset(addresses[Scale], 4), builder.getF32Type());
    });
    if (!ofRun)
      return quantizeElements(rows, here, addresses, X, params);
    rows.forEach(here, addresses, [&](const Rows::Element &element) {
      Expr byte = quantizeByScale(element.load(X), params);
      element.store(Bytes, resizeInteger(byte, builder.getI8Type(), /*isUnsigned=*/true));
    });
  });
  return success();
}

} // namespace qcc::kernels
