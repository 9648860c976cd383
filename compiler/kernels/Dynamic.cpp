//===- Dynamic.cpp - Quantising rows by what is in them (q11) ---------------===//
#include "compiler/kernels/Dynamic.h"
#include "compiler/kernels/Rows.h"
#include "compiler/kernels/Spec.h"
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

Expr quantizeInRow(Expr x, const RowParams &params) {
  const Code &code = *x.code;
  Expr t = rint(x * code.splat(params.factor.value)) + code.splat(toFloat(params.zero).value);
  t = maximum(t, code.f32(0));
  return rintToI32(minimum(t, code.f32(255)));
}

static Rows rowsOf(const Spec &spec) {
  // The row's own results repeat along it.
  auto axis = static_cast<unsigned>(spec.integer("axis", 0));
  ArrayRef<int64_t> shape = spec.views[0].shape;
  SmallVector<View> views(spec.views);
  for (size_t i : {size_t(2), size_t(3)}) {
    views[i].shape.assign(shape.begin(), shape.end());
    views[i].strides.resize(shape.size(), 0);
  }
  return Rows(shape, views, axis);
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
  rows.emit(code, arguments.pointers, arguments.begin, arguments.end,
            [&](const Code &here, ArrayRef<Value> addresses) {
              auto widen = [](const Rows::Element &element, ArrayRef<Expr> range) {
                Expr x = element.load(0);
                return SmallVector<Expr>{minimum(x, range[0]), maximum(x, range[1])};
              };
              auto merge = [](size_t which, Expr a, Expr b) { return which ? maximum(a, b) : minimum(a, b); };
              SmallVector<Expr> range =
                  rows.fold(here, addresses, builder.getF32Type(), Rows::Fold{{0, 0}, widen, merge});
              RowParams params = rowParams(range[0], range[1], zero);
              store(params.scale, addresses[2], builder.getF32Type());
              store(params.zero, addresses[3], builder.getI32Type());
              rows.forEach(here, addresses, [&](const Rows::Element &element) {
                Expr byte = quantizeInRow(element.load(0), params);
                element.store(1, resizeInteger(byte, builder.getI8Type(), /*isUnsigned=*/true));
              });
            });
  return success();
}

} // namespace qcc::kernels
