//===- Quantize.cpp - Kernels between real numbers and stored integers ------===//
#include "compiler/kernels/Map.h"
#include "compiler/kernels/Rounding.h"
#include "compiler/kernels/Table.h"

using namespace mlir;

namespace qcc::kernels {

namespace {
/// The scales and zero points of a type that is quantised along one axis, as two
/// more views on constants.
struct PerAxis {
  quant::UniformQuantizedPerAxisType type;
  View scales, zeroPoints;

  PerAxis(quant::UniformQuantizedPerAxisType type, const View &tensor, MLIRContext *context) : type(type) {
    for (auto [view, element] : {std::pair<View *, Type>(&scales, Float32Type::get(context)),
                                 std::pair<View *, Type>(&zeroPoints, IntegerType::get(context, 64))}) {
      *view = View{element, tensor.shape, SmallVector<int64_t>(tensor.shape.size(), 0), 0};
      view->strides[type.getQuantizedDimension()] = 1;
    }
  }
  Value scaleTable(const Code &code) const {
    SmallVector<float> values;
    for (double scale : type.getScales())
      values.push_back(static_cast<float>(scale));
    return constantTable(code, ArrayRef<float>(values));
  }
  Value zeroPointTable(const Code &code) const { return constantTable(code, type.getZeroPoints()); }
};
} // namespace

/// The operand's type or the result's: whichever is quantised.
static Type quantizedType(const Spec &spec) {
  return spec.isQuantized(0) ? spec.types.front() : spec.types.back();
}

static SmallVector<View> viewsOf(const Spec &spec) {
  SmallVector<View> views{spec.views[0]};
  if (auto type = dyn_cast<quant::UniformQuantizedPerAxisType>(quantizedType(spec))) {
    PerAxis axis(type, spec.views[0], type.getContext());
    views.append({axis.scales, axis.zeroPoints});
  }
  views.push_back(spec.result());
  return views;
}

static Map quantizationMap(const Spec &spec) { return Map(spec.result().shape, viewsOf(spec)); }

int64_t quantizeUnits(DictionaryAttr attr) { return quantizationMap(Spec(attr)).units(); }

static SmallVector<Value> pointersOf(const Code &code, const Spec &spec, const Arguments &arguments) {
  SmallVector<Value> pointers{arguments.pointers.front()};
  if (auto type = dyn_cast<quant::UniformQuantizedPerAxisType>(quantizedType(spec))) {
    PerAxis axis(type, spec.views[0], type.getContext());
    pointers.append({axis.scaleTable(code), axis.zeroPointTable(code)});
  }
  pointers.push_back(arguments.pointers.back());
  return pointers;
}

static LogicalResult checkScales(const Code &code, const Spec &spec) {
  if (isa<quant::UniformQuantizedType, quant::UniformQuantizedPerAxisType>(quantizedType(spec)))
    return success();
  return emitError(code.loc, "no kernel for '") << spec.kind << "' with type " << quantizedType(spec);
}

static Expr asFloat32(Expr x) { return changeFloat(x, x.code->builder.getF32Type()); }

LogicalResult emitQuantize(OpBuilder &builder, func::FuncOp function, DictionaryAttr attr,
                           const target::Variant &variant) {
  Spec spec(attr);
  Code code(builder, function.getLoc(), variant);
  if (failed(checkScales(code, spec)))
    return failure();
  Arguments arguments = argumentsOf(function, spec);
  auto single = perTensor(spec.types.back());
  Type storage = spec.result().element;
  quantizationMap(spec).emit(code, pointersOf(code, spec, arguments), arguments.begin, arguments.end,
                             [&](const Point &point) {
                               Expr x = asFloat32(point.load(0));
                               if (single)
                                 return quantize(x, *single, storage);
                               return roundAndSaturate(x / point.load(1), point.load(2), storage);
                             });
  return success();
}

LogicalResult emitDequantize(OpBuilder &builder, func::FuncOp function, DictionaryAttr attr,
                             const target::Variant &variant) {
  Spec spec(attr);
  Code code(builder, function.getLoc(), variant);
  if (failed(checkScales(code, spec)))
    return failure();
  Arguments arguments = argumentsOf(function, spec);
  auto single = perTensor(spec.types.front());
  Type storage = spec.views[0].element;
  quantizationMap(spec).emit(
      code, pointersOf(code, spec, arguments), arguments.begin, arguments.end, [&](const Point &point) {
        Expr q = point.load(0);
        Expr value =
            single ? dequantize(q, *single, storage)
                   : toFloat(resizeInteger(q, builder.getI64Type(), isUnsigned(storage)) - point.load(2),
                             builder.getF32Type(), false) *
                         point.load(1);
        return changeFloat(value, computeType(spec.result().element));
      });
  return success();
}

} // namespace qcc::kernels
