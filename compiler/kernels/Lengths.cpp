//===- Lengths.cpp - Between a caller's buffer and the longest run's --------===//
//
// A caller's tensor of bounded shape is dense for the shape of the run; inside,
// tensors lie as in the longest run. `lengthen` spreads an input, with zeros where
// it has nothing, `shorten` collects an output. The views are the tensor that is
// read, the shape of the run (one i64 for each axis), and the tensor that is
// written, both in the longest run's shape. `last` is the last axis that is bounded:
// a unit is one position of it and of the axes before, with all that lies behind. On a
// GPU a thread has one element.
//
//===----------------------------------------------------------------------===//
#include "compiler/kernels/Expr.h"
#include "compiler/kernels/Spec.h"
#include "compiler/kernels/gpu/Gpu.h"
#include "compiler/target/Target.h"
#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;

namespace qcc::kernels {

namespace {
struct Change {
  Spec spec;
  bool lengthens;
  SmallVector<int64_t> outer; ///< axes up to the last bounded one
  int64_t inner = 1, units = 1;

  explicit Change(DictionaryAttr attr) : spec(attr), lengthens(spec.kind == "lengthen") {
    ArrayRef<int64_t> shape = spec.views[0].shape;
    auto count = static_cast<size_t>(spec.integer("last", 0)) + 1;
    outer.append(shape.begin(), shape.begin() + count);
    for (int64_t size : shape.drop_front(count))
      inner *= size;
    for (int64_t size : outer)
      units *= size;
  }
};
} // namespace

/// Copies `count` elements, or writes zeros where there is nothing to copy.
static void fillRun(const Code &code, Value from, Value to, int64_t count, Type bits) {
  int64_t bytes = storageBytes(bits), lanes = std::max<int64_t>(code.variant.vectorBytes / bytes, 1);
  int64_t whole = count / lanes * lanes;
  auto range = [&](const Code &inner, int64_t first, int64_t last, int64_t step) {
    if (first < last)
      code.loop(code.index(first), code.index(last), step, [&](Value i) {
        Value at = code.mulIndex(i, bytes);
        Expr value = from ? load(inner, code.offset(from, at), bits) : inner.constant(bits, int64_t(0));
        store(value, code.offset(to, at), bits);
      });
  };
  range(code.withLanes(lanes), 0, whole, lanes);
  range(code, whole, count, 1);
}

int64_t lengthUnits(DictionaryAttr attr) { return Change(attr).units; }

/// The number of a position among those of this run, and whether it is one of them.
static std::pair<Value, Value> findUnit(const Code &code, const Change &change, Value runShape, Value unit) {
  using arith::CmpIOp, arith::CmpIPredicate;
  OpBuilder &builder = code.builder;
  Value rest = unit, own = code.index(0), isThere, stride = code.index(1);
  for (size_t axis = change.outer.size(); axis-- > 0;) {
    Value size = code.index(change.outer[axis]);
    Value position = arith::RemUIOp::create(builder, code.loc, rest, size);
    rest = arith::DivUIOp::create(builder, code.loc, rest, size);
    Value count = load(code, code.offset(runShape, int64_t(axis) * 8), builder.getI64Type()).value;
    Value inside = CmpIOp::create(builder, code.loc, CmpIPredicate::slt, position, count);
    isThere = isThere ? arith::AndIOp::create(builder, code.loc, isThere, inside) : inside;
    own = code.addIndex(own, arith::MulIOp::create(builder, code.loc, position, stride));
    stride = arith::MulIOp::create(builder, code.loc, stride, count);
  }
  return {own, isThere};
}

LogicalResult emitLength(OpBuilder &builder, func::FuncOp function, DictionaryAttr attr,
                         const target::Variant &variant) {
  Change change(attr);
  Code code(builder, function.getLoc(), variant);
  Arguments arguments = argumentsOf(function, change.spec);
  Type bits = bitsType(builder.getContext(), change.spec.views[0].element);
  int64_t elementBytes = storageBytes(bits), bytes = change.inner * elementBytes;
  const View &from = change.spec.views[0], &to = change.spec.result();
  Value source = code.offset(arguments.pointers[0], from.offset * elementBytes);
  Value target = code.offset(arguments.pointers[2], to.offset * elementBytes);
  /// `count` elements of a unit, from byte `first` on.
  auto copy = [&](Value unit, Value first, int64_t count) {
    auto [own, isThere] = findUnit(code, change, arguments.pointers[1], unit);
    Value longest = code.addIndex(code.mulIndex(unit, bytes), first);
    own = code.addIndex(code.mulIndex(own, bytes), first);
    Value read = code.offset(source, change.lengthens ? own : longest);
    Value written = code.offset(target, change.lengthens ? longest : own);
    code.branch(
        isThere, {}, [&] { return fillRun(code, read, written, count, bits), SmallVector<Value>(); },
        [&] {
          if (change.lengthens)
            fillRun(code, Value(), written, count, bits);
          return SmallVector<Value>();
        });
  };
  if (!variant.byPoints()) {
    code.loop(arguments.begin, arguments.end, 1,
              [&](Value unit) { copy(unit, code.index(0), change.inner); });
    return success();
  }
  gpu::eachPoint(code, change.units * change.inner, arguments.begin, arguments.end, [&](Value point) {
    Value inner = code.index(change.inner);
    Value first = arith::RemUIOp::create(builder, code.loc, point, inner);
    copy(arith::DivUIOp::create(builder, code.loc, point, inner), code.mulIndex(first, elementBytes), 1);
  });
  return success();
}

} // namespace qcc::kernels
