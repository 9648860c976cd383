//===- Pointwise.cpp - Kernels of the unary operators -----------------------===//
#include "compiler/kernels/Map.h"
#include "compiler/kernels/Rounding.h"
#include "compiler/kernels/Steps.h"
#include "compiler/kernels/elementwise/ChannelScale.h"
#include <limits>

using namespace mlir;

namespace qcc::kernels {

int64_t mapUnits(DictionaryAttr attr) {
  Spec spec(attr);
  std::optional<ChannelScale> channels = ChannelScale::of(spec);
  return channels ? channels->units() : mapOf(spec).units();
}

/// Relu and clip that keep the scale clamp the stored integers (q8).
static LogicalResult emitIntegerClamp(const Code &code, const Spec &spec, const Arguments &arguments) {
  auto q = perTensor(spec.types.front());
  if (!q || spec.types.front() != spec.types.back() || (spec.kind != "relu" && spec.kind != "clip"))
    return emitError(code.loc, "no kernel for '") << spec.kind << "' from " << spec.types.front() << " to "
                                                  << spec.types.back() << "; it needs a table";
  double infinity = std::numeric_limits<double>::infinity();
  double low = spec.kind == "relu" ? 0 : spec.real("min", -infinity);
  double high = spec.kind == "relu" ? infinity : spec.real("max", infinity);
  int64_t least = quantizeConstant(low, *q), most = quantizeConstant(high, *q);
  bool isUnsignedType = isUnsigned(spec.result().element);
  emitMap(code, spec, arguments, [&](const Point &point) {
    Expr x = point.load(0);
    x = maximum(x, point.code.constant(x.scalarType(), least), isUnsignedType);
    return minimum(x, point.code.constant(x.scalarType(), most), isUnsignedType);
  });
  return success();
}

LogicalResult emitUnary(OpBuilder &builder, func::FuncOp function, DictionaryAttr attr,
                        const target::Variant &variant) {
  Spec spec(attr);
  Code code(builder, function.getLoc(), variant);
  Arguments arguments = argumentsOf(function, spec);
  if (spec.anyQuantized())
    return emitIntegerClamp(code, spec, arguments);
  bool supported = true;
  emitMap(code, spec, arguments, [&](const Point &point) {
    Expr x = point.load(0);
    FailureOr<Expr> result = applyStep(spec.kind, spec.attrs, x, isUnsigned(spec.views[0].element));
    supported &= succeeded(result);
    return succeeded(result) ? *result : x;
  });
  if (!supported)
    return emitError(code.loc, "no kernel for '") << spec.kind << "' on " << spec.types.front();
  return success();
}

} // namespace qcc::kernels
