//===- Gather.cpp - Kernels that read by indices of the run -----------------===//
//
// ONNX wants indices in [-size, size). Others read the nearest element in range:
// a wrong index never leaves the operand.
//
//===----------------------------------------------------------------------===//
#include "compiler/kernels/move/Gather.h"
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

bool changesInRows(const View &index) {
  for (auto [size, stride] : llvm::reverse(llvm::zip_equal(index.shape, index.strides)))
    if (size != 1)
      return stride != 0;
  return true;
}

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
  return LoopNest(shape, {from, index, spec.result()}, 0, changesInRows(index));
}

Value nearestIndex(const Code &code, Expr index, int64_t size) {
  Type i64 = code.builder.getI64Type();
  index = resizeInteger(index, i64, /*isUnsigned=*/false);
  Expr zero = code.constant(i64, int64_t(0)), fromEnd = index + code.constant(i64, size);
  index = select(compare(Order::Less, index, zero), fromEnd, index);
  return maximum(zero, minimum(code.constant(i64, size - 1), index)).value;
}

int64_t gatherUnits(DictionaryAttr attr) { return Gather(attr).nest.units(); }

LogicalResult emitGather(OpBuilder &builder, func::FuncOp function, DictionaryAttr attr,
                         const target::Variant &variant) {
  Gather gather(attr);
  Code code(builder, function.getLoc(), variant);
  const View &input = gather.spec.views[0];
  int64_t size = input.shape[gather.axis], bytes = input.strides[gather.axis] * storageBytes(input.element);
  Type indexType = gather.spec.views[1].element;
  Type bits = bitsType(builder.getContext(), input.element);
  if (size == 0 && gather.nest.units() != 0)
    return emitError(code.loc, "gather from an axis of size 0");
  Arguments arguments = argumentsOf(function, gather.spec);
  gather.nest.emit(code, arguments.pointers, arguments.begin, arguments.end, [&](const Point &point) {
    Code scalar = point.code.withLanes(1);
    Value index = nearestIndex(scalar, load(scalar, point.addresses[1], indexType), size);
    Value address = code.offset(point.addresses[0], code.mulIndex(index, bytes));
    store(load(point.code, address, bits), point.addresses[2], bits);
  });
  return success();
}

namespace {
/// The result's axes are those of the tuples, then the input's behind what they index.
struct GatherND {
  Spec spec;
  int64_t batch, tuple;
  LoopNest nest;

  explicit GatherND(DictionaryAttr attr)
      : spec(attr), batch(spec.integer("batch_dims", 0)), tuple(spec.views[1].shape.back()),
        nest(makeNest()) {}

private:
  LoopNest makeNest() const;
};
} // namespace

LoopNest GatherND::makeNest() const {
  const View &input = spec.views[0], &indices = spec.views[1];
  ArrayRef<int64_t> shape = spec.result().shape;
  auto rank = static_cast<int64_t>(indices.shape.size()) - 1;
  View from{input.element, SmallVector<int64_t>(shape), SmallVector<int64_t>(shape.size(), 0), input.offset};
  View index{indices.element, from.shape, from.strides, indices.offset};
  for (int64_t i = 0; i < static_cast<int64_t>(shape.size()); ++i) {
    if (i < batch)
      from.strides[i] = input.strides[i];
    if (i < rank)
      index.strides[i] = indices.strides[i];
    else
      from.strides[i] = input.strides[batch + tuple + i - rank];
  }
  return LoopNest(shape, {from, index, spec.result()}, 0, changesInRows(index));
}

int64_t gatherNDUnits(DictionaryAttr attr) { return GatherND(attr).nest.units(); }

LogicalResult emitGatherND(OpBuilder &builder, func::FuncOp function, DictionaryAttr attr,
                           const target::Variant &variant) {
  GatherND gather(attr);
  Code code(builder, function.getLoc(), variant);
  const View &input = gather.spec.views[0], &indices = gather.spec.views[1];
  Type bits = bitsType(builder.getContext(), input.element);
  Arguments arguments = argumentsOf(function, gather.spec);
  gather.nest.emit(code, arguments.pointers, arguments.begin, arguments.end, [&](const Point &point) {
    Code scalar = point.code.withLanes(1);
    Value address = point.addresses[0];
    for (int64_t i = 0; i < gather.tuple; ++i) {
      int64_t axis = gather.batch + i, size = input.shape[axis];
      Value at = code.offset(point.addresses[1], i * indices.strides.back() * storageBytes(indices.element));
      Value index = nearestIndex(scalar, load(scalar, at, indices.element), size);
      address = code.offset(address, code.mulIndex(index, input.strides[axis] * storageBytes(input.element)));
    }
    store(load(point.code, address, bits), point.addresses[2], bits);
  });
  return success();
}

/// The result has the indices' shape; an element reads its own line of the input.
static LoopNest elementsNest(const Spec &spec) {
  View from = spec.views[0];
  from.shape = spec.result().shape;
  from.strides[spec.integer("axis", 0)] = 0;
  return LoopNest(spec.result().shape, {from, spec.views[1], spec.result()}, 0, /*scalar=*/true);
}

int64_t gatherElementsUnits(DictionaryAttr attr) { return elementsNest(Spec(attr)).units(); }

LogicalResult emitGatherElements(OpBuilder &builder, func::FuncOp function, DictionaryAttr attr,
                                 const target::Variant &variant) {
  Spec spec(attr);
  Code code(builder, function.getLoc(), variant);
  const View &input = spec.views[0];
  int64_t axis = spec.integer("axis", 0), bytes = input.strides[axis] * storageBytes(input.element);
  Type bits = bitsType(builder.getContext(), input.element);
  Arguments arguments = argumentsOf(function, spec);
  elementsNest(spec).emit(code, arguments.pointers, arguments.begin, arguments.end, [&](const Point &point) {
    Value index = nearestIndex(point.code, point.load(1), input.shape[axis]);
    Value address = point.code.offset(point.addresses[0], point.code.mulIndex(index, bytes));
    store(load(point.code, address, bits), point.addresses[2], bits);
  });
  return success();
}

} // namespace qcc::kernels
