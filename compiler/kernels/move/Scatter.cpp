//===- Scatter.cpp - Kernels that write by indices of the run ---------------===//
//
// The input is copied, then the updates are applied one after the other: one unit, since two of them may have
// the same place. A wrong index writes the nearest element in range (see Gather.cpp).
//
//===----------------------------------------------------------------------===//
#include "compiler/kernels/Map.h"
#include "compiler/kernels/move/Gather.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

using namespace mlir;

namespace qcc::kernels {

/// What the place has after the update.
static Expr updated(StringRef reduction, Expr here, Expr next, bool isUnsignedType) {
  if (reduction == "add")
    return here + next;
  if (reduction == "mul")
    return here * next;
  bool isMax = reduction == "max";
  if (here.isFloat())
    return isMax ? maximumOrNan(here, next) : minimumOrNan(here, next);
  return isMax ? maximum(here, next, isUnsignedType) : minimum(here, next, isUnsignedType);
}

/// `nest` walks over the indices, the updates and the result; `locate` finds the place in the last one.
static LogicalResult emitScatter(const Code &code, const Spec &spec, const Arguments &arguments,
                                 const LoopNest &nest,
                                 llvm::function_ref<Value(const Point &, Value address)> locate) {
  StringRef reduction = spec.string("reduction", "none");
  Type element = spec.result().element, bits = bitsType(code.builder.getContext(), element);
  bool isPlain = reduction == "none";
  code.loop(arguments.begin, arguments.end, 1, [&](Value) {
    View from = spec.views[0], to = spec.result();
    from.element = to.element = bits;
    Map copy(to.shape, {from, to});
    Value ends[] = {arguments.pointers[0], arguments.pointers[3]};
    copy.emit(code, ends, code.index(0), code.index(copy.units()), [](const Point &p) { return p.load(0); });
    Value pointers[] = {arguments.pointers[1], arguments.pointers[2], arguments.pointers[3]};
    nest.emit(code, pointers, code.index(0), code.index(nest.units()), [&](const Point &point) {
      Value place = locate(point, point.addresses[2]);
      Expr next = load(point.code, point.addresses[1], isPlain ? bits : element);
      if (!isPlain)
        next = updated(reduction, load(point.code, place, element), next, isUnsigned(element));
      store(next, place, isPlain ? bits : element);
    });
  });
  return success();
}

LogicalResult emitScatterElements(OpBuilder &builder, func::FuncOp function, DictionaryAttr attr,
                                  const target::Variant &variant) {
  Spec spec(attr);
  Code code(builder, function.getLoc(), variant);
  const View &indices = spec.views[1], &result = spec.result();
  int64_t axis = spec.integer("axis", 0), bytes = result.strides[axis] * storageBytes(result.element);
  View to = result;
  to.shape = indices.shape;
  to.strides[axis] = 0;
  LoopNest nest(indices.shape, {indices, spec.views[2], to}, 0, /*scalar=*/true);
  return emitScatter(code, spec, argumentsOf(function, spec), nest, [&](const Point &point, Value address) {
    Value index = nearestIndex(point.code, point.load(0), result.shape[axis]);
    return point.code.offset(address, point.code.mulIndex(index, bytes));
  });
}

/// The updates' axes are those of the tuples, then the result's behind what they index.
LogicalResult emitScatterND(OpBuilder &builder, func::FuncOp function, DictionaryAttr attr,
                            const target::Variant &variant) {
  Spec spec(attr);
  Code code(builder, function.getLoc(), variant);
  const View &indices = spec.views[1], &updates = spec.views[2], &result = spec.result();
  int64_t tuple = indices.shape.back(), tuples = static_cast<int64_t>(indices.shape.size()) - 1;
  auto rank = static_cast<int64_t>(updates.shape.size());
  View to{result.element, updates.shape, SmallVector<int64_t>(rank, 0), result.offset};
  View index{indices.element, updates.shape, to.strides, indices.offset};
  for (int64_t i = 0; i < rank; ++i)
    (i < tuples ? index.strides[i] = indices.strides[i] : to.strides[i] = result.strides[tuple + i - tuples]);
  LoopNest nest(updates.shape, {index, updates, to}, 0, changesInRows(index));
  return emitScatter(code, spec, argumentsOf(function, spec), nest, [&](const Point &point, Value address) {
    Code scalar = point.code.withLanes(1);
    for (int64_t i = 0; i < tuple; ++i) {
      Value at = code.offset(point.addresses[0], i * indices.strides.back() * storageBytes(indices.element));
      Value place = nearestIndex(scalar, load(scalar, at, indices.element), result.shape[i]);
      address = code.offset(address, code.mulIndex(place, result.strides[i] * storageBytes(result.element)));
    }
    return address;
  });
}

/// Where result and input are one place, as those of a cache, nothing is copied. A start beyond the axis
/// becomes the nearest at which all updates lie within.
LogicalResult emitTensorScatter(OpBuilder &builder, func::FuncOp function, DictionaryAttr attr,
                                const target::Variant &variant) {
  using arith::AddIOp, arith::RemUIOp;
  Spec spec(attr);
  Code code(builder, function.getLoc(), variant);
  Arguments arguments = argumentsOf(function, spec);
  Type bits = bitsType(builder.getContext(), spec.result().element);
  View from = spec.views[0], to = spec.result(), updates = spec.views[1];
  from.element = to.element = updates.element = bits;
  auto axis = static_cast<size_t>(spec.integer("axis", 0));
  int64_t size = to.shape[axis], bytes = to.strides[axis] * storageBytes(bits);
  bool isCircular = spec.string("mode", "linear") == "circular";
  int64_t lastStart = isCircular ? size - 1 : size - updates.shape[axis];
  std::optional<size_t> at = spec.operand(2);
  View start{at ? spec.views[*at].element : Type(builder.getI64Type()), updates.shape,
             SmallVector<int64_t>(updates.shape.size(), 0), at ? spec.views[*at].offset : 0};
  start.strides[0] = at ? spec.views[*at].strides[0] : 0;
  View row = to;
  row.shape = updates.shape;
  row.strides[axis] = 0;
  unsigned keep = axis + 1;
  LoopNest nest(updates.shape, {start, updates, row}, keep, /*scalar=*/keep == updates.shape.size());
  Map copy(to.shape, {from, to});
  Value input = arguments.pointers.front(), output = arguments.pointers.back();
  code.loop(arguments.begin, arguments.end, 1, [&](Value) {
    auto apart = LLVM::ICmpOp::create(builder, code.loc, LLVM::ICmpPredicate::ne, input, output);
    code.when(apart, [&] {
      copy.emit(code, {input, output}, code.index(0), code.index(copy.units()),
                [](const Point &p) { return p.load(0); });
    });
    Value pointers[] = {at ? arguments.pointers[*at] : input, arguments.pointers[1], output};
    nest.emit(code, pointers, code.index(0), code.index(nest.units()), [&](const Point &point) {
      Code scalar = point.code.withLanes(1);
      Value place = point.indices[axis];
      if (at) {
        Expr first = resizeInteger(load(scalar, point.addresses[0], start.element), builder.getI64Type(),
                                   /*isUnsigned=*/false);
        Value within =
            scalar.minIndex(scalar.maxIndex(first.value, scalar.index(0)), scalar.index(lastStart));
        place = AddIOp::create(builder, code.loc, place, within);
      }
      if (at && isCircular)
        place = RemUIOp::create(builder, code.loc, place, code.index(size));
      Value address = code.offset(point.addresses[2], code.mulIndex(place, bytes));
      store(load(point.code, point.addresses[1], bits), address, bits);
    });
  });
  return success();
}

} // namespace qcc::kernels
