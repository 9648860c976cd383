//===- Take.cpp - Elements picked axis by axis ------------------------------===//
//
// Pad in all its modes and nearest Resize. Which element a position reads is
// asked of the reference, axis by axis, on a line of indices.
//
//===----------------------------------------------------------------------===//
#include "compiler/kernels/move/Take.h"
#include "compiler/kernels/Map.h"
#include "compiler/kernels/Table.h"
#include "compiler/kernels/move/Fill.h"
#include "dialects/reference/Integer.h"
#include "dialects/reference/Shape.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "llvm/ADT/StringSwitch.h"

using namespace mlir;

namespace qcc::kernels {

Take::Take(const View &input, const View &result, std::vector<std::vector<int64_t>> maps, double fill)
    : input(input), result(result), maps(std::move(maps)), fill(fill), nest(makeNest()) {
  for (const std::vector<int64_t> &map : this->maps)
    mayFill |= llvm::is_contained(map, -1);
}

/// The input stands still along mapped axes.
LoopNest Take::makeNest() const {
  View still = input;
  unsigned keep = 0;
  for (unsigned axis = 0; axis < maps.size(); ++axis) {
    if (maps[axis].empty())
      continue;
    still.strides[axis] = 0;
    keep = axis + 1;
  }
  return LoopNest(result.shape, {still, result}, keep);
}

void Take::emit(const Code &code, const Arguments &arguments) const {
  constexpr int64_t none = INT64_MIN;
  SmallVector<Value> tables(maps.size());
  for (size_t axis = 0; axis < maps.size(); ++axis) {
    SmallVector<int64_t> distances;
    for (int64_t index : maps[axis])
      distances.push_back(index < 0 ? none : index * input.strides[axis] * storageBytes(input.element));
    if (!distances.empty())
      tables[axis] = constantTable(code, ArrayRef<int64_t>(distances));
  }
  Type i64 = code.builder.getI64Type();
  Value pointers[] = {arguments.pointers.front(), arguments.pointers.back()};
  nest.emit(code, pointers, arguments.begin, arguments.end, [&](const Point &point) {
    Code scalar = point.code.withLanes(1);
    Value address = point.addresses[0], outside;
    for (size_t axis = 0; axis < maps.size(); ++axis) {
      if (!tables[axis])
        continue;
      Expr distance = load(scalar, code.offset(tables[axis], code.mulIndex(point.indices[axis], 8)), i64);
      address = code.offset(address, distance.value);
      if (!llvm::is_contained(maps[axis], -1))
        continue;
      Expr here = compare(Order::Equal, distance, scalar.constant(i64, none));
      outside = outside ? (scalar.wrap(outside) | here).value : here.value;
    }
    Type element = input.element;
    auto read = [&] { return SmallVector<Value>{load(point.code, address, element).value}; };
    auto constant = [&] { return SmallVector<Value>{point.code.constant(computeType(element), fill).value}; };
    Value value = mayFill ? code.branch(outside, point.code.shaped(computeType(element)), constant, read)[0]
                          : read()[0];
    point.store(1, point.code.wrap(value));
  });
}

//===----------------------------------------------------------------------===//
// Pad
//===----------------------------------------------------------------------===//

static SmallVector<int64_t> padsOf(const Spec &spec) {
  SmallVector<int64_t> pads = spec.list("pads"), axes = spec.list("axes");
  size_t rank = spec.views[0].shape.size();
  if (axes.empty())
    return pads;
  SmallVector<int64_t> all(2 * rank, 0);
  for (size_t i = 0; i < axes.size(); ++i) {
    size_t axis = axes[i] < 0 ? axes[i] + rank : axes[i];
    all[axis] = pads[i];
    all[rank + axis] = pads[axes.size() + i];
  }
  return all;
}

static reference::PadMode padMode(const Spec &spec) {
  return llvm::StringSwitch<reference::PadMode>(spec.string("mode", "constant"))
      .Case("reflect", reference::PadMode::Reflect)
      .Case("edge", reference::PadMode::Edge)
      .Case("wrap", reference::PadMode::Wrap)
      .Default(reference::PadMode::Constant);
}

/// The number to pad with, as it is stored: of a quantised operand its integer (q1).
static double storedValue(const Spec &spec) {
  double value = spec.real("value", 0);
  std::optional<Quantization> type = perTensor(spec.types[0]);
  if (!type)
    return value;
  auto stored = reference::quantize(static_cast<float>(value),
                                    {type->scale, type->zeroPoint, type->minimum, type->maximum});
  return static_cast<double>(stored);
}

static Take takeOfPad(const Spec &spec) {
  SmallVector<int64_t> pads = padsOf(spec);
  size_t rank = spec.views[0].shape.size();
  std::vector<std::vector<int64_t>> maps(rank);
  for (size_t axis = 0; axis < rank; ++axis) {
    if (pads[axis] == 0 && pads[rank + axis] == 0)
      continue;
    reference::Tensor line(reference::DType::I64, {spec.views[0].shape[axis]});
    for (int64_t i = 0; i < line.size(); ++i)
      line.setInt(i, i);
    reference::Tensor padded = reference::pad(line, {pads[axis], pads[rank + axis]}, padMode(spec), -1);
    maps[axis].assign(padded.data<int64_t>(), padded.data<int64_t>() + padded.size());
  }
  return Take(spec.views[0], spec.result(), std::move(maps), storedValue(spec));
}

namespace {
/// Padding with a constant: the rest of the operand is copied, the ring around it filled.
struct ConstantPad {
  View from, to;
  SmallVector<LoopNest, 0> ring;
  int64_t units;

  explicit ConstantPad(const Spec &spec) : from(spec.views[0]), to(spec.result()) {
    SmallVector<int64_t> pads = padsOf(spec), first, size;
    size_t rank = from.shape.size();
    for (size_t axis = 0; axis < rank; ++axis) {
      int64_t begin = pads[axis], crop = std::max<int64_t>(-begin, 0);
      first.push_back(std::max<int64_t>(begin, 0));
      int64_t kept = from.shape[axis] - crop - std::max<int64_t>(-pads[rank + axis], 0);
      size.push_back(std::max<int64_t>(kept, 0));
      from.offset += crop * from.strides[axis];
      to.offset += first.back() * to.strides[axis];
    }
    ring = ringNests(spec.result(), first, size);
    from.shape = to.shape = size;
    units = std::max(unitsOf(ring), Map(to.shape, {from, to}).units());
  }
};
} // namespace

int64_t padUnits(DictionaryAttr attr) {
  Spec spec(attr);
  return padMode(spec) == reference::PadMode::Constant ? ConstantPad(spec).units : takeOfPad(spec).units();
}

LogicalResult emitPad(OpBuilder &builder, func::FuncOp function, DictionaryAttr attr,
                      const target::Variant &variant) {
  Spec spec(attr);
  Code code(builder, function.getLoc(), variant);
  Arguments arguments = argumentsOf(function, spec);
  if (padMode(spec) != reference::PadMode::Constant) {
    for (View &view : spec.views)
      view.element = bitsType(builder.getContext(), view.element);
    takeOfPad(spec).emit(code, arguments);
    return success();
  }
  ConstantPad pad(spec);
  emitFill(code, pad.ring, pad.units, arguments.pointers.back(), arguments.begin, arguments.end,
           [&](const Point &point) { return constantAt(point, storedValue(spec)); });
  Map copy(pad.to.shape, {pad.from, pad.to});
  if (copy.units() != 0)
    copy.emit(code, arguments.pointers, shareOf(code, arguments.begin, copy.units(), pad.units),
              shareOf(code, arguments.end, copy.units(), pad.units),
              [](const Point &point) { return point.load(0); });
  return success();
}

} // namespace qcc::kernels
