//===- LayerNorm.cpp - The kernel of layer normalisation --------------------===//
//
// Three walks over each row, which stays in the cache: the mean, the variance
// around it, the result.
//
//===----------------------------------------------------------------------===//
#include "compiler/kernels/Rows.h"
#include "compiler/kernels/Spec.h"

using namespace mlir;

namespace qcc::kernels {

/// The input, the parameters as if they had the input's shape, the result.
static Rows rowsOf(const Spec &spec) {
  SmallVector<View> views;
  for (const View &view : spec.views)
    views.push_back(broadcastTo(view, spec.result().shape));
  views.front() = spec.views.front();
  views.back() = spec.result();
  return Rows(spec.result().shape, views, static_cast<unsigned>(spec.integer("axis", 0)));
}

int64_t layerNormalizationUnits(DictionaryAttr attr) { return rowsOf(Spec(attr)).units(); }

LogicalResult emitLayerNormalization(OpBuilder &builder, func::FuncOp function, DictionaryAttr attr,
                                     const target::Variant &variant) {
  Spec spec(attr);
  Rows rows = rowsOf(spec);
  Code code(builder, function.getLoc(), variant);
  if (spec.anyQuantized())
    return emitError(code.loc, "no kernel for 'layer_normalization' on ") << spec.types.front();
  Type type = computeType(spec.result().element);
  bool hasBias = spec.views.size() > 3;
  Arguments arguments = argumentsOf(function, spec);
  rows.emit(code, arguments.pointers, arguments.begin, arguments.end,
            [&](const Code &here, ArrayRef<Value> addresses) {
              Expr count = here.constant(type, static_cast<double>(rows.count()));
              auto total = [&](llvm::function_ref<Expr(Expr)> lift) {
                auto step = [&](const Rows::Element &element, ArrayRef<Expr> sums) {
                  return SmallVector<Expr>{sums[0] + lift(changeFloat(element.load(0), type))};
                };
                auto merge = [](size_t, Expr a, Expr b) { return a + b; };
                return rows.fold(here, addresses, type, Rows::Fold{{0}, step, merge})[0];
              };
              Expr mean = total([](Expr x) { return x; }) / count;
              auto square = [&](Expr x) {
                Expr centred = x - x.code->splat(mean.value);
                return centred * centred;
              };
              Expr variance = total(square) / count;
              Expr epsilon = here.constant(type, spec.real("epsilon", 1e-5));
              Expr factor = here.constant(type, 1.0) / squareRoot(variance + epsilon);
              rows.forEach(here, addresses, [&](const Rows::Element &element) {
                const Code &inner = element.code;
                Expr value = changeFloat(element.load(0), type) - inner.splat(mean.value);
                value = value * inner.splat(factor.value) * changeFloat(element.load(1), type);
                element.store(spec.views.size() - 1,
                              hasBias ? value + changeFloat(element.load(2), type) : value);
              });
            });
  return success();
}

} // namespace qcc::kernels
