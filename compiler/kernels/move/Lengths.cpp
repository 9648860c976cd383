//===- Lengths.cpp - Between a caller's buffer and the longest run's --------===//
//
// A caller's tensor of bounded shape is dense for the shape of the run; inside,
// tensors lie as in the longest run. `lengthen` spreads an input, `shorten` collects
// an output. The views are the tensor that is read, the shape of the run (one i64
// for each axis), and the tensor that is written, both in the longest run's shape.
// `last` is the last axis that is bounded, behind which both are dense: a unit is
// one position of it and of the axes before, with all that lies behind. What counts
// of neighbouring ones is copied in one go. Behind it an input has zeros if they are
// integers, which may be indices; floats stay what they were. On a GPU a thread has
// one element.
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
  SmallVector<int64_t> before; ///< axes before the last bounded one
  int64_t size = 1, inner = 1; ///< of that one, and elements behind it
  const View &longest;         ///< the tensor in the longest run's shape

  explicit Change(DictionaryAttr attr)
      : spec(attr), lengthens(spec.kind == "lengthen"), longest(lengthens ? spec.result() : spec.views[0]) {
    auto last = static_cast<size_t>(spec.integer("last", 0));
    ArrayRef<int64_t> shape = longest.shape;
    before.append(shape.begin(), shape.begin() + last);
    size = shape[last];
    inner = ShapedType::getNumElements(shape.drop_front(last + 1));
  }
  int64_t units() const { return ShapedType::getNumElements(before) * size; }
};
} // namespace

/// Copies `count` elements, or writes zeros where there is nothing to copy.
static void fillRun(const Code &code, Value from, Value to, Value count, Type bits) {
  int64_t bytes = storageBytes(bits), lanes = std::max<int64_t>(code.variant.vectorBytes / bytes, 1);
  Value lanesValue = code.index(lanes);
  Value whole = arith::MulIOp::create(
      code.builder, code.loc, arith::DivUIOp::create(code.builder, code.loc, count, lanesValue), lanesValue);
  auto range = [&](const Code &inner, Value first, Value last, int64_t step) {
    code.loop(first, last, step, [&](Value i) {
      Value at = code.mulIndex(i, bytes);
      Expr value = from ? load(inner, code.offset(from, at), bits) : inner.constant(bits, int64_t(0));
      store(value, code.offset(to, at), bits);
    });
  };
  range(code.withLanes(lanes), code.index(0), whole, lanes);
  range(code, whole, count, 1);
}

int64_t lengthUnits(DictionaryAttr attr) { return Change(attr).units(); }

namespace {
/// One index of the axes before the last bounded one.
struct Group {
  Value inRun;     ///< its number among those of the run
  Value inLongest; ///< bytes from the first one of the longest run
  Value count;     ///< of the positions along the last bounded axis that are there
};

class Copier {
public:
  Copier(const Change &change, const Code &code, const Arguments &arguments)
      : change(change), code(code), shape(arguments.pointers[1]),
        bits(bitsType(code.builder.getContext(), change.longest.element)), bytes(storageBytes(bits)) {
    own = arguments.pointers[change.lengthens ? 0 : 2];
    longest = code.offset(arguments.pointers[change.lengthens ? 2 : 0], change.longest.offset * bytes);
  }
  void copyGroup(Value group, Value begin, Value end) const;
  void copyElement(Value point) const;

private:
  Value countOf(size_t axis) const {
    return load(code, code.offset(shape, int64_t(axis) * 8), code.builder.getI64Type()).value;
  }
  Group find(Value number) const;
  /// Where a group begins among the caller's numbers and among those of the longest run.
  std::pair<Value, Value> placesOf(const Group &group) const;
  Value multiply(Value a, Value b) const { return arith::MulIOp::create(code.builder, code.loc, a, b); }
  Value divide(Value a, Value b) const { return arith::DivUIOp::create(code.builder, code.loc, a, b); }
  Value rest(Value a, Value b) const { return arith::RemUIOp::create(code.builder, code.loc, a, b); }

  const Change &change;
  const Code &code;
  Value shape, own, longest;
  Type bits;
  int64_t bytes;
};
} // namespace

Group Copier::find(Value number) const {
  using arith::CmpIOp, arith::CmpIPredicate;
  Value left = number, isThere, stride = code.index(1);
  Group group{code.index(0), code.index(0), countOf(change.before.size())};
  for (size_t axis = change.before.size(); axis-- > 0;) {
    Value extent = code.index(change.before[axis]), count = countOf(axis), position = rest(left, extent);
    left = divide(left, extent);
    Value inside = CmpIOp::create(code.builder, code.loc, CmpIPredicate::slt, position, count);
    isThere = isThere ? arith::AndIOp::create(code.builder, code.loc, isThere, inside) : inside;
    group.inRun = code.addIndex(group.inRun, multiply(position, stride));
    group.inLongest =
        code.addIndex(group.inLongest, code.mulIndex(position, change.longest.strides[axis] * bytes));
    stride = multiply(stride, count);
  }
  group.inRun = multiply(group.inRun, group.count);
  if (isThere)
    group.count = arith::SelectOp::create(code.builder, code.loc, isThere, group.count, code.index(0));
  return group;
}

std::pair<Value, Value> Copier::placesOf(const Group &group) const {
  return {code.offset(own, code.mulIndex(group.inRun, change.inner * bytes)),
          code.offset(longest, group.inLongest)};
}

/// Positions [begin, end) of the last bounded axis.
void Copier::copyGroup(Value number, Value begin, Value end) const {
  Group group = find(number);
  auto [ownGroup, longestGroup] = placesOf(group);
  Value stop = code.minIndex(end, code.maxIndex(begin, group.count));
  auto elements = [&](Value from, Value to) {
    return code.mulIndex(arith::SubIOp::create(code.builder, code.loc, to, from), change.inner);
  };
  auto at = [&](Value base, Value position) {
    return code.offset(base, code.mulIndex(position, change.inner * bytes));
  };
  Value from = at(change.lengthens ? ownGroup : longestGroup, begin),
        to = at(change.lengthens ? longestGroup : ownGroup, begin);
  fillRun(code, from, to, elements(begin, stop), bits);
  if (change.lengthens && isa<IntegerType>(change.longest.element))
    fillRun(code, Value(), at(longestGroup, stop), elements(stop, end), bits);
}

void Copier::copyElement(Value point) const {
  Value line = code.index(change.size * change.inner), within = rest(point, line);
  Group group = find(divide(point, line));
  auto [ownGroup, longestGroup] = placesOf(group);
  Value ownAt = code.offset(ownGroup, code.mulIndex(within, bytes)),
        longestAt = code.offset(longestGroup, code.mulIndex(within, bytes));
  Value isThere = arith::CmpIOp::create(code.builder, code.loc, arith::CmpIPredicate::slt, within,
                                        code.mulIndex(group.count, change.inner));
  auto write = [&](Expr value) {
    store(value, change.lengthens ? longestAt : ownAt, bits);
    return SmallVector<Value>();
  };
  code.branch(
      isThere, {}, [&] { return write(load(code, change.lengthens ? ownAt : longestAt, bits)); },
      [&] { return change.lengthens ? write(code.constant(bits, int64_t(0))) : SmallVector<Value>(); });
}

LogicalResult emitLength(OpBuilder &builder, func::FuncOp function, DictionaryAttr attr,
                         const target::Variant &variant) {
  Change change(attr);
  Code code(builder, function.getLoc(), variant);
  Arguments arguments = argumentsOf(function, change.spec);
  Copier copier(change, code, arguments);
  if (variant.byPoints()) {
    gpu::eachPoint(code, change.units() * change.inner, arguments.begin, arguments.end,
                   [&](Value point) { copier.copyElement(point); });
    return success();
  }
  Value size = code.index(change.size);
  Value first = arith::DivUIOp::create(builder, code.loc, arguments.begin, size),
        last = arith::CeilDivUIOp::create(builder, code.loc, arguments.end, size);
  code.loop(first, last, 1, [&](Value group) {
    Value start = arith::MulIOp::create(builder, code.loc, group, size);
    auto within = [&](Value unit) {
      Value position = arith::SubIOp::create(builder, code.loc, unit, start);
      return code.minIndex(code.maxIndex(position, code.index(0)), size);
    };
    copier.copyGroup(group, within(arguments.begin), within(arguments.end));
  });
  return success();
}

} // namespace qcc::kernels
