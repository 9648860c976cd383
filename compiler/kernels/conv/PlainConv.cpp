//===- PlainConv.cpp - Convolutions of two tensors of the run ---------------===//
//
// Plain loops, one output at a time: ConvInteger, whose zero points are known only
// when it runs, and float convolutions whose filter is (others are kernel "gemm",
// which packs it). Sums of integers wrap in 32 bits.
//
//===----------------------------------------------------------------------===//
#include "compiler/kernels/LoopNest.h"
#include "compiler/kernels/Spec.h"
#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;

namespace qcc::kernels {

/// The view of a tensor with channels last, channels first.
static View channelsFirst(View view, bool isLast) {
  if (!isLast)
    return view;
  for (auto *list : {&view.shape, &view.strides})
    std::rotate(list->begin() + 1, list->end() - 1, list->end());
  return view;
}

namespace {
struct Convolution {
  Spec spec;
  View input, filter; ///< the filter as (M, C/group, kernel...), of a transposed one (M/group, C, kernel...)
  View result;
  SmallVector<int64_t> strides, dilations, pads;
  int64_t group;
  bool transposed;
  std::optional<size_t> zeroX, zeroW;
  LoopNest nest;

  explicit Convolution(DictionaryAttr attr)
      : spec(attr), input(channelsFirst(spec.views[0], spec.string("layout", "nchw") == "nhwc")),
        filter(spec.views[1]), result(channelsFirst(spec.result(), spec.string("layout", "nchw") == "nhwc")),
        strides(spec.list("strides")), dilations(spec.list("dilations")), pads(spec.list("pads")),
        group(spec.integer("group", 1)), transposed(spec.kind == "conv_transpose"),
        nest(result.shape, result, result.shape.size(), /*scalar=*/true) {
    if (spec.kind == "conv_integer") {
      zeroX = spec.operand(2);
      zeroW = spec.operand(3);
    }
    if (transposed) {
      std::swap(filter.shape[0], filter.shape[1]);
      std::swap(filter.strides[0], filter.strides[1]);
    }
    strides.resize(spatial(), 1);
    dilations.resize(spatial(), 1);
    pads.resize(2 * spatial(), 0);
  }
  size_t spatial() const { return filter.shape.size() - 2; }
  /// Input and output channels of one group.
  int64_t channels() const { return input.shape[1] / std::max<int64_t>(group, 1); }
  int64_t filters() const { return result.shape[1] / std::max<int64_t>(group, 1); }
};

/// Writes one output.
class Output {
public:
  Output(const Convolution &conv, const Point &point, ValueRange pointers)
      : conv(conv), code(point.code), point(point), pointers(pointers) {}
  void write();

private:
  const Convolution &conv;
  const Code &code;
  const Point &point;
  ValueRange pointers;
  Expr zeroX, zeroW; ///< null where there is none

  Value base(size_t i) const {
    const View &view = conv.spec.views[i];
    return code.offset(pointers[i], view.offset * storageBytes(view.element));
  }
  Value elementAt(Value address, const View &view, size_t axis, Value index) const {
    return code.offset(address, code.mulIndex(index, view.strides[axis] * storageBytes(view.element)));
  }
  Value divided(Value value, int64_t divisor) const {
    return arith::DivUIOp::create(code.builder, code.loc, value, code.index(std::max<int64_t>(divisor, 1)));
  }
  Value compared(arith::CmpIPredicate predicate, Value value, int64_t bound) const {
    return arith::CmpIOp::create(code.builder, code.loc, predicate, value, code.index(bound));
  }
  Expr zeroPoint(std::optional<size_t> at, Value index) const;
  Expr element(Value address, const View &view, Expr zero) const;
  std::pair<Value, Value> inputIndex(size_t axis, Value tap) const;
  Expr foldTaps(size_t axis, Value x, Value w, Expr sum) const;
};
} // namespace

/// One for the tensor, or one for each index (of the filter).
Expr Output::zeroPoint(std::optional<size_t> at, Value index) const {
  if (!at)
    return Expr();
  const View &view = conv.spec.views[*at];
  bool many = view.shape.size() == 1 && view.shape[0] != 1;
  Value address = many ? elementAt(base(*at), view, 0, index) : base(*at);
  return resizeInteger(load(code, address, view.element), code.builder.getI32Type(),
                       isUnsigned(view.element));
}

/// An integer less its zero point, in 32 bits; a float as it is computed with.
Expr Output::element(Value address, const View &view, Expr zero) const {
  Expr x = load(code, address, view.element);
  if (x.isFloat())
    return x;
  x = resizeInteger(x, code.builder.getI32Type(), isUnsigned(view.element));
  return zero.value ? x - zero : x;
}

/// Where on `axis` a tap reads the input, and whether it reads any of it. A transposed convolution reads
/// at (o + pad - tap * dilation) / stride, where that is whole.
std::pair<Value, Value> Output::inputIndex(size_t axis, Value tap) const {
  int64_t stride = conv.strides[axis], size = conv.input.shape[2 + axis];
  Value output = point.indices[2 + axis], pad = code.index(conv.pads[axis]);
  Value distance = code.mulIndex(tap, conv.dilations[axis]);
  if (!conv.transposed) {
    Value at = code.subIndex(code.addIndex(code.mulIndex(output, stride), distance), pad);
    return {at, compared(arith::CmpIPredicate::ult, at, size)};
  }
  Value scaled = code.subIndex(code.addIndex(output, pad), distance);
  // A negative one is a large unsigned number: beyond the end.
  Value inside = compared(arith::CmpIPredicate::ult, scaled, size * stride);
  Value rest = arith::RemUIOp::create(code.builder, code.loc, scaled, code.index(stride));
  Value whole = compared(arith::CmpIPredicate::eq, rest, 0);
  return {divided(scaled, stride), arith::AndIOp::create(code.builder, code.loc, inside, whole)};
}

/// The taps of one output along `axis` and the axes after it; those in the padding add nothing, since
/// the padding is the zero point.
Expr Output::foldTaps(size_t axis, Value x, Value w, Expr sum) const {
  if (axis == conv.spatial()) {
    Expr left = element(x, conv.input, zeroX), right = element(w, conv.filter, zeroW);
    return left.isFloat() ? mulAdd(left, right, sum) : sum + left * right;
  }
  auto body = [&](Value tap, ValueRange carried) {
    auto [at, inside] = inputIndex(axis, tap);
    auto yes = [&, at = at] {
      Value nextX = elementAt(x, conv.input, 2 + axis, at), nextW = elementAt(w, conv.filter, 2 + axis, tap);
      return SmallVector<Value>{foldTaps(axis + 1, nextX, nextW, code.wrap(carried[0])).value};
    };
    auto no = [&] { return SmallVector<Value>{carried[0]}; };
    return code.branch(inside, sum.value.getType(), yes, no);
  };
  int64_t taps = conv.filter.shape[2 + axis];
  return code.wrap(code.loop(code.index(0), code.index(taps), 1, sum.value, body)[0]);
}

void Output::write() {
  Value m = point.indices[1], group = divided(m, conv.filters());
  Value x = elementAt(elementAt(base(0), conv.input, 0, point.indices[0]), conv.input, 1,
                      code.mulIndex(group, conv.channels()));
  Value w = base(1);
  if (conv.transposed) { // its rows of filters are counted within the group, its channels throughout
    w = elementAt(w, conv.filter, 0, code.subIndex(m, code.mulIndex(group, conv.filters())));
    w = elementAt(w, conv.filter, 1, code.mulIndex(group, conv.channels()));
  } else {
    w = elementAt(w, conv.filter, 0, m);
  }
  zeroX = zeroPoint(conv.zeroX, Value());
  zeroW = zeroPoint(conv.zeroW, m);
  auto body = [&](Value c, ValueRange carried) {
    Expr sum =
        foldTaps(0, elementAt(x, conv.input, 1, c), elementAt(w, conv.filter, 1, c), code.wrap(carried[0]));
    return SmallVector<Value>{sum.value};
  };
  Expr zero = code.constant(computeType(conv.spec.result().element), int64_t(0));
  Value sum = code.loop(code.index(0), code.index(conv.channels()), 1, zero.value, body)[0];
  point.store(0, code.wrap(sum));
}

int64_t plainConvUnits(DictionaryAttr attr) { return Convolution(attr).nest.units(); }

LogicalResult emitPlainConv(OpBuilder &builder, func::FuncOp function, DictionaryAttr attr,
                            const target::Variant &variant) {
  Convolution conv(attr);
  Code code(builder, function.getLoc(), variant);
  bool extra = conv.spec.views.size() > 3 && conv.spec.kind != "conv_integer";
  if (conv.spec.anyQuantized() || extra || conv.spec.has("chain"))
    return emitError(code.loc,
                     "a filter that is no constant has a kernel in float alone, without fused steps");
  Arguments arguments = argumentsOf(function, conv.spec);
  conv.nest.emit(code, arguments.pointers.back(), arguments.begin, arguments.end,
                 [&](const Point &point) { Output(conv, point, arguments.pointers).write(); });
  return success();
}

} // namespace qcc::kernels
