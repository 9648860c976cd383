//===- Gather.cpp - Kernels that read by indices of the run -----------------===//
//
// ONNX wants indices in [-size, size). Others read the nearest element in range:
// a wrong index never leaves the operand.
//
//===----------------------------------------------------------------------===//
#include "compiler/kernels/LoopNest.h"
#include "compiler/kernels/Spec.h"

using namespace mlir;

namespace qcc::kernels {

namespace {
struct Gather {
  Spec spec;
  int64_t axis;
  LoopNest nest;

  explicit Gather(DictionaryAttr attr) : spec(attr), axis(spec.integer("axis", 0)), nest(makeNest()) {}

private:
  LoopNest makeNest();
};
} // namespace

/// The result's axes are the input's before `axis`, the indices', the input's after.
LoopNest Gather::makeNest() {
  const View &input = spec.views[0], &indices = spec.views[1];
  ArrayRef<int64_t> shape = spec.result().shape;
  axis += axis < 0 ? static_cast<int64_t>(input.shape.size()) : 0;
  auto rank = static_cast<int64_t>(indices.shape.size());
  View from{input.element, SmallVector<int64_t>(shape), SmallVector<int64_t>(shape.size(), 0), input.offset};
  View index{indices.element, from.shape, from.strides, indices.offset};
  for (int64_t i = 0; i < static_cast<int64_t>(shape.size()); ++i) {
    if (i < axis)
      from.strides[i] = input.strides[i];
    else if (i < axis + rank)
      index.strides[i] = indices.strides[i - axis];
    else
      from.strides[i] = input.strides[i - rank + 1];
  }
  // Lanes would need one index each; where the indices change along them, none.
  bool scalar = shape.empty() || index.strides.back() != 0;
  return LoopNest(shape, {from, index, spec.result()}, 0, scalar);
}

int64_t gatherUnits(DictionaryAttr attr) { return Gather(attr).nest.units(); }

LogicalResult emitGather(OpBuilder &builder, func::FuncOp function, DictionaryAttr attr,
                         const target::Variant &variant) {
  Gather gather(attr);
  Code code(builder, function.getLoc(), variant);
  const View &input = gather.spec.views[0];
  int64_t size = input.shape[gather.axis], bytes = input.strides[gather.axis] * storageBytes(input.element);
  Type indexType = gather.spec.views[1].element, i64 = builder.getI64Type();
  Type bits = bitsType(builder.getContext(), input.element);
  if (size == 0 && gather.nest.units() != 0)
    return emitError(code.loc, "gather from an axis of size 0");
  Arguments arguments = argumentsOf(function, gather.spec);
  gather.nest.emit(code, arguments.pointers, arguments.begin, arguments.end, [&](const Point &point) {
    Code scalar = point.code.withLanes(1);
    Expr index = resizeInteger(load(scalar, point.addresses[1], indexType), i64, isUnsigned(indexType));
    Expr zero = scalar.constant(i64, int64_t(0));
    Expr fromEnd = index + scalar.constant(i64, size);
    index = select(compare(Order::Less, index, zero), fromEnd, index);
    index = maximum(zero, minimum(scalar.constant(i64, size - 1), index));
    Value address = code.offset(point.addresses[0], code.mulIndex(index.value, bytes));
    store(load(point.code, address, bits), point.addresses[2], bits);
  });
  return success();
}

} // namespace qcc::kernels
