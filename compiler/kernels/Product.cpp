//===- Product.cpp - Kernels of MatMulInteger and ConvInteger ---------------===//
//
// Plain loops: these operators come with zero points of the run, which the
// packed kernels cannot fold. Sums wrap in 32 bits.
//
//===----------------------------------------------------------------------===//
#include "compiler/kernels/LoopNest.h"
#include "compiler/kernels/Spec.h"
#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;

namespace qcc::kernels {

/// An element minus its zero point, in 32 bits; `zero` may be null.
static Expr centredLoad(const Code &code, Value address, Type element, bool broadcast, Expr zero) {
  Expr x = load(code, address, element, broadcast);
  x = resizeInteger(x, code.builder.getI32Type(), isUnsigned(element));
  return zero.value ? x - zero : x;
}

//===----------------------------------------------------------------------===//
// MatMulInteger
//===----------------------------------------------------------------------===//

namespace {
/// Everything in the frame of the result (batch..., m, n); missing axes of vectors
/// are put back.
struct Product {
  Spec spec;
  View a, b, result;
  std::optional<size_t> zeroA, zeroB;
  int64_t depth = 0, bytesA = 0, bytesB = 0; ///< along the summed axis
  SmallVector<View> views;                   ///< a, b, zero points that are there, result
  LoopNest nest;

  explicit Product(DictionaryAttr attr) : spec(attr), nest({}, {}) {
    zeroA = spec.operand(2);
    zeroB = spec.operand(3);
    arrange();
  }

private:
  void arrange();
};
} // namespace

static void insertAxis(View &view, size_t axis) {
  view.shape.insert(view.shape.begin() + axis, 1);
  view.strides.insert(view.strides.begin() + axis, 0);
}

void Product::arrange() {
  a = spec.views[0];
  b = spec.views[1];
  result = spec.result();
  bool vectorA = a.shape.size() == 1, vectorB = b.shape.size() == 1;
  if (vectorA)
    insertAxis(a, 0);
  if (vectorB)
    insertAxis(b, 1);
  if (vectorB)
    insertAxis(result, result.shape.size());
  if (vectorA)
    insertAxis(result, result.shape.size() - 1);
  size_t rank = result.shape.size();
  depth = a.shape.back();
  bytesA = a.strides.back() * storageBytes(a.element);
  bytesB = b.strides[b.strides.size() - 2] * storageBytes(b.element);
  a.shape.back() = 1;
  b.shape[b.shape.size() - 2] = 1;
  views = {broadcastTo(a, result.shape), broadcastTo(b, result.shape)};
  // Zero points: one, or one for each row of a or column of b; or with all axes.
  auto add = [&](std::optional<size_t> at, size_t axis) {
    if (!at)
      return;
    View zero = spec.views[*at];
    if (zero.shape.size() == 1 && axis + 1 != rank)
      insertAxis(zero, 1);
    views.push_back(broadcastTo(zero, result.shape));
  };
  add(zeroA, rank - 2);
  add(zeroB, rank - 1);
  views.push_back(result);
  nest = LoopNest(result.shape, views, 0, false, std::max<int64_t>(depth, 1));
}

int64_t matMulIntegerUnits(DictionaryAttr attr) { return Product(attr).nest.units(); }

LogicalResult emitMatMulInteger(OpBuilder &builder, func::FuncOp function, DictionaryAttr attr,
                                const target::Variant &variant) {
  Product product(attr);
  Code code(builder, function.getLoc(), variant);
  Arguments arguments = argumentsOf(function, product.spec);
  product.nest.emit(code, arguments.pointers, arguments.begin, arguments.end, [&](const Point &point) {
    const Code &here = point.code;
    Type i32 = builder.getI32Type();
    auto zeroPoint = [&](std::optional<size_t> at, Type element) {
      return at ? resizeInteger(point.load(*at), i32, isUnsigned(element)) : Expr();
    };
    Expr zeroA = zeroPoint(product.zeroA, product.a.element),
         zeroB = zeroPoint(product.zeroB, product.b.element);
    auto body = [&](Value k, ValueRange carried) {
      Value atA = code.offset(point.addresses[0], code.mulIndex(k, product.bytesA));
      Value atB = code.offset(point.addresses[1], code.mulIndex(k, product.bytesB));
      Expr x = centredLoad(here, atA, product.a.element, point.constantAlongLanes[0], zeroA);
      Expr y = centredLoad(here, atB, product.b.element, point.constantAlongLanes[1], zeroB);
      return SmallVector<Value>{(here.wrap(carried[0]) + x * y).value};
    };
    Expr zero = here.constant(i32, int64_t(0));
    Value sum = code.loop(code.index(0), code.index(product.depth), 1, zero.value, body)[0];
    point.store(point.views.size() - 1, here.wrap(sum));
  });
  return success();
}

//===----------------------------------------------------------------------===//
// ConvInteger
//===----------------------------------------------------------------------===//

namespace {
struct Convolution {
  Spec spec;
  View input, filter;
  SmallVector<int64_t> strides, dilations, pads;
  int64_t group;
  std::optional<size_t> zeroX, zeroW;
  LoopNest nest;

  explicit Convolution(DictionaryAttr attr)
      : spec(attr), input(spec.views[0]), filter(spec.views[1]), strides(spec.list("strides")),
        dilations(spec.list("dilations")), pads(spec.list("pads")), group(spec.integer("group", 1)),
        zeroX(spec.operand(2)), zeroW(spec.operand(3)),
        nest(spec.result().shape, spec.result(), spec.result().shape.size(), /*scalar=*/true) {
    strides.resize(spatial(), 1);
    dilations.resize(spatial(), 1);
    pads.resize(2 * spatial(), 0);
  }
  size_t spatial() const { return filter.shape.size() - 2; }
};
} // namespace

int64_t convIntegerUnits(DictionaryAttr attr) { return Convolution(attr).nest.units(); }

static Value elementAt(const Code &code, Value address, const View &view, size_t axis, Value index) {
  return code.offset(address, code.mulIndex(index, view.strides[axis] * storageBytes(view.element)));
}

/// The taps of one output along `axis` and the axes after it; those in the padding
/// add nothing, since the padding is the zero point.
static Expr foldTaps(const Code &code, const Convolution &conv, const Point &point, size_t axis, Value x,
                     Value w, Expr zeroX, Expr zeroW, Expr sum) {
  if (axis == conv.spatial()) {
    Expr product = centredLoad(code, x, conv.input.element, false, zeroX) *
                   centredLoad(code, w, conv.filter.element, false, zeroW);
    return sum + product;
  }
  Value first =
      code.subIndex(code.mulIndex(point.indices[2 + axis], conv.strides[axis]), code.index(conv.pads[axis]));
  auto body = [&](Value tap, ValueRange carried) {
    Value at = code.addIndex(first, code.mulIndex(tap, conv.dilations[axis]));
    Value inside = arith::CmpIOp::create(code.builder, code.loc, arith::CmpIPredicate::ult, at,
                                         code.index(conv.input.shape[2 + axis]));
    auto yes = [&] {
      Value nextX = elementAt(code, x, conv.input, 2 + axis, at);
      Value nextW = elementAt(code, w, conv.filter, 2 + axis, tap);
      Expr total = foldTaps(code, conv, point, axis + 1, nextX, nextW, zeroX, zeroW, code.wrap(carried[0]));
      return SmallVector<Value>{total.value};
    };
    auto no = [&] { return SmallVector<Value>{carried[0]}; };
    return code.branch(inside, sum.value.getType(), yes, no);
  };
  int64_t taps = conv.filter.shape[2 + axis];
  return code.wrap(code.loop(code.index(0), code.index(taps), 1, sum.value, body)[0]);
}

LogicalResult emitConvInteger(OpBuilder &builder, func::FuncOp function, DictionaryAttr attr,
                              const target::Variant &variant) {
  Convolution conv(attr);
  Code code(builder, function.getLoc(), variant);
  Arguments arguments = argumentsOf(function, conv.spec);
  Type i32 = builder.getI32Type();
  auto base = [&](size_t i) {
    const View &view = conv.spec.views[i];
    return code.offset(arguments.pointers[i], view.offset * storageBytes(view.element));
  };
  auto zeroPoint = [&](std::optional<size_t> at, Value address) {
    if (!at)
      return Expr();
    Type element = conv.spec.views[*at].element;
    return resizeInteger(load(code, address, element), i32, isUnsigned(element));
  };
  int64_t channels = conv.filter.shape[1], filters = conv.filter.shape[0] / std::max<int64_t>(conv.group, 1);
  conv.nest.emit(code, arguments.pointers.back(), arguments.begin, arguments.end, [&](const Point &point) {
    Value m = point.indices[1];
    Value inGroup =
        arith::DivUIOp::create(code.builder, code.loc, m, code.index(std::max<int64_t>(filters, 1)));
    Value x = elementAt(code, elementAt(code, base(0), conv.input, 0, point.indices[0]), conv.input, 1,
                        code.mulIndex(inGroup, channels));
    Value w = elementAt(code, base(1), conv.filter, 0, m);
    Expr zeroX = zeroPoint(conv.zeroX, conv.zeroX ? base(*conv.zeroX) : Value()), zeroW;
    if (conv.zeroW) {
      const View &zeros = conv.spec.views[*conv.zeroW];
      bool perFilter = zeros.shape.size() == 1 && zeros.shape[0] != 1;
      Value at = base(*conv.zeroW);
      zeroW = zeroPoint(conv.zeroW, perFilter ? elementAt(code, at, zeros, 0, m) : at);
    }
    auto body = [&](Value c, ValueRange carried) {
      Expr sum = foldTaps(point.code, conv, point, 0, elementAt(code, x, conv.input, 1, c),
                          elementAt(code, w, conv.filter, 1, c), zeroX, zeroW, point.code.wrap(carried[0]));
      return SmallVector<Value>{sum.value};
    };
    Value sum = code.loop(code.index(0), code.index(channels), 1, code.i32(0).value, body)[0];
    point.store(0, point.code.wrap(sum));
  });
  return success();
}

} // namespace qcc::kernels
