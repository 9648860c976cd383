//===- LayerNorm.cpp - The kernel of layer normalisation --------------------===//
//
// Three walks over each row, which stays in the cache: the mean, the variance
// around it, the result. Where the result is quantised by row (attribute
// `measured`), the third one finds its range, and a fourth one writes the bytes.
//
//===----------------------------------------------------------------------===//
#include "compiler/kernels/RowUnits.h"
#include "compiler/kernels/Spec.h"
#include "compiler/kernels/quantize/Dynamic.h"

using namespace mlir;

namespace qcc::kernels {

namespace {
/// Its views: the input, a factor and perhaps a bias that are broadcast to it, the result; of a measured one
/// the bytes, scales and zero points (see quantizeRow).
struct Layer {
  Spec spec;
  bool measured;
  size_t result;
  explicit Layer(DictionaryAttr attr)
      : spec(attr), measured(spec.has("measured")), result(spec.views.size() - (measured ? 4 : 1)) {}
  bool hasBias() const { return result > 2; }
  unsigned axis() const { return static_cast<unsigned>(spec.integer("axis", 0)); }

  Rows rows() const {
    ArrayRef<int64_t> shape = spec.views[result].shape;
    SmallVector<View> views(spec.views);
    for (size_t i = 1; i < result; ++i)
      views[i] = broadcastTo(views[i], shape);
    for (size_t i = result + 2; i < views.size(); ++i)
      views[i] = repeatInRows(views[i], shape);
    return Rows(shape, views, axis());
  }
};

/// One row.
class Normalizer {
public:
  Normalizer(const Layer &layer, const Rows &rows, const Code &code, ArrayRef<Value> addresses)
      : layer(layer), rows(rows), code(code), addresses(addresses),
        type(computeType(layer.spec.views[layer.result].element)) {}
  void write() const;

private:
  const Layer &layer;
  const Rows &rows;
  const Code &code;
  ArrayRef<Value> addresses;
  Type type; ///< that it is computed in

  Expr load(const Rows::Element &element, size_t view) const { return changeFloat(element.load(view), type); }
  Expr total(llvm::function_ref<Expr(Expr)> lift) const;
};
} // namespace

Expr Normalizer::total(llvm::function_ref<Expr(Expr)> lift) const {
  auto step = [&](const Rows::Element &element, ArrayRef<Expr> sums) {
    return SmallVector<Expr>{sums[0] + lift(load(element, 0))};
  };
  auto merge = [](size_t, Expr a, Expr b) { return a + b; };
  return rows.fold(code, addresses, type, Rows::Fold{{0}, step, merge})[0];
}

void Normalizer::write() const {
  Expr count = code.constant(type, static_cast<double>(rows.count()));
  Expr mean = total([](Expr x) { return x; }) / count;
  auto square = [&](Expr x) {
    Expr centred = x - x.code->splat(mean.value);
    return centred * centred;
  };
  Expr variance = total(square) / count;
  Expr epsilon = code.constant(type, layer.spec.real("epsilon", 1e-5));
  Expr factor = code.constant(type, 1.0) / squareRoot(variance + epsilon);
  auto normal = [&](const Rows::Element &element) {
    Expr centred = load(element, 0) - element.code.splat(mean.value);
    Expr scaled = centred * element.code.splat(factor.value) * load(element, 1);
    Expr value = layer.hasBias() ? scaled + load(element, 2) : scaled;
    element.store(layer.result, value);
    return Ends{value, value};
  };
  if (!layer.measured)
    return rows.forEach(code, addresses, [&](const Rows::Element &element) { normal(element); });
  Ends range = rangeOf(rows, code, addresses, normal);
  quantizeRow(rows, code, addresses, layer.result, rowParams(range.low, range.high));
}

int64_t layerNormalizationUnits(DictionaryAttr attr) { return Layer(attr).rows().units(); }

LogicalResult emitLayerNormalization(OpBuilder &builder, func::FuncOp function, DictionaryAttr attr,
                                     const target::Variant &variant) {
  Layer layer(attr);
  Code code(builder, function.getLoc(), variant);
  if (layer.spec.anyQuantized())
    return emitError(code.loc, "no kernel for 'layer_normalization' on ") << layer.spec.types.front();
  Rows rows = layer.rows();
  Arguments arguments = argumentsOf(function, layer.spec);
  rows.emit(
      code, arguments.pointers, arguments.begin, arguments.end,
      [&](const Code &here, ArrayRef<Value> addresses) { Normalizer(layer, rows, here, addresses).write(); },
      limitOf(function, attr));
  return success();
}

} // namespace qcc::kernels
