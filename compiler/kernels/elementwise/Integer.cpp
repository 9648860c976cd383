//===- Integer.cpp - Kernels on quantised tensors ---------------------------===//
//
// Rules q7 and q8 and the table look-up; see dialects/reference/Integer.h.
//
//===----------------------------------------------------------------------===//
#include "compiler/kernels/Lookup.h"
#include "compiler/kernels/Map.h"
#include "compiler/kernels/Rounding.h"
#include "compiler/kernels/Steps.h"
#include "compiler/kernels/elementwise/ChannelScale.h"
#include "compiler/target/Target.h"

using namespace mlir;

namespace qcc::kernels {

/// q7 and q8 before rounding; `a` and `b` as stored.
static Expr combine(const Spec &spec, Expr a, Expr b, const Quantization &qa, const Quantization &qb,
                    const Quantization &to) {
  const Code &code = *a.code;
  Expr left = centred(a, qa.zeroPoint, spec.views[0].element);
  Expr right = centred(b, qb.zeroPoint, spec.views[1].element);
  if (spec.kind == "mul") // the product of two bytes is exact in float32
    return toFloat(left) * toFloat(right) * code.f32((qa.scale * qb.scale) / to.scale);
  Expr scaledLeft = toFloat(left) * code.f32(qa.scale / to.scale);
  Expr scaledRight = toFloat(right) * code.f32(qb.scale / to.scale);
  return spec.kind == "sub" ? scaledLeft - scaledRight : scaledLeft + scaledRight;
}

/// A chain of relu and clip bounds the stored integer.
LogicalResult emitQuantizedBinary(const Code &code, const Spec &spec, const Arguments &arguments) {
  auto qa = perTensor(spec.types[0]), qb = perTensor(spec.types[1]), to = perTensor(spec.types.back());
  bool known = spec.kind == "add" || spec.kind == "sub" || spec.kind == "mul";
  bool narrow = llvm::all_of(spec.views, [](const View &view) { return storageBytes(view.element) == 1; });
  if (!known || !qa || !qb || !to || !narrow)
    return emitError(code.loc, "no kernel for '") << spec.kind << "' on " << spec.types[0] << " and "
                                                  << spec.types[1] << " to " << spec.types.back();
  auto chain = spec.attrs ? spec.attrs.getAs<ArrayAttr>("chain") : ArrayAttr();
  Quantization bounds = *to;
  if (failed(boundByChain(code.loc, chain, bounds)))
    return failure();
  // A little more than the exact limit, for the roundings on the way.
  float sum = byteRange * (qa->scale / to->scale) + byteRange * (qb->scale / to->scale);
  float product = byteRange * byteRange * ((qa->scale * qb->scale) / to->scale);
  float bound = 1.01f * (spec.kind == "mul" ? product : sum);
  std::optional<ChannelScale> channels = ChannelScale::of(spec);
  if (channels && !code.variant.isGpu) {
    channels->emit(code, arguments, bounds);
    return success();
  }
  emitMap(code, spec, arguments, [&](const Point &point) {
    Expr value = combine(spec, point.load(0), point.load(1), *qa, *qb, *to);
    return roundAndSaturate(value, bounds, spec.result().element, bound);
  });
  return success();
}

/// One table of bytes is read by vectors; tables of floats, and those along axes, one element at a time.
static bool isPlainTable(const Spec &spec) {
  return storageBytes(spec.result().element) == 1 && spec.views[1].shape.size() == 1;
}

/// Over input, table entries (as seen by each element) and result.
static LoopNest lookupNest(const Spec &spec, bool byVectors) {
  const View &table = spec.views[1], &result = spec.result();
  View rows{table.element, SmallVector<int64_t>(ArrayRef<int64_t>(table.shape).drop_back()),
            SmallVector<int64_t>(ArrayRef<int64_t>(table.strides).drop_back()), table.offset};
  View views[] = {spec.views.front(), broadcastTo(rows, result.shape), result};
  return LoopNest(result.shape, views, 0, /*scalar=*/!byVectors);
}

int64_t lookupUnits(DictionaryAttr attr) {
  Spec spec(attr);
  return lookupNest(spec, isPlainTable(spec)).units();
}

LogicalResult emitLookup(OpBuilder &builder, func::FuncOp function, DictionaryAttr attr,
                         const target::Variant &variant) {
  Spec spec(attr);
  Code code(builder, function.getLoc(), variant);
  Type element = spec.result().element;
  if (storageBytes(spec.views.front().element) != 1)
    return emitError(code.loc, "lookup needs 8-bit elements, not ") << spec.views.front().element;
  Arguments arguments = argumentsOf(function, spec);
  if (isPlainTable(spec)) {
    LookupTable table(code, code.offset(arguments.pointers[1], spec.views[1].offset));
    lookupNest(spec, table.isVector())
        .emit(code, arguments.pointers, arguments.begin, arguments.end,
              [&](const Point &point) { point.store(2, table.apply(point.load(0))); });
    return success();
  }
  lookupNest(spec, false)
      .emit(code, arguments.pointers, arguments.begin, arguments.end, [&](const Point &point) {
        Value byte = resizeInteger(point.load(0), builder.getI64Type(), /*isUnsigned=*/true).value;
        Value entry = code.offset(point.addresses[1], code.mulIndex(byte, storageBytes(element)));
        point.store(2, load(point.code, entry, element));
      });
  return success();
}

} // namespace qcc::kernels
