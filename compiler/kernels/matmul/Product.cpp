//===- Product.cpp - Integer products of two tensors of the run -------------===//
//
// Plain loops, for what the packed kernels cannot fold: MatMulInteger, with zero
// points of the run and sums that wrap in 32 bits, and the product of two
// quantised activations, whose sums are proven to fit.
//
//===----------------------------------------------------------------------===//
#include "compiler/kernels/LoopNest.h"
#include "compiler/kernels/Rounding.h"
#include "compiler/kernels/Spec.h"

using namespace mlir;

namespace qcc::kernels {

/// An element minus its zero point, in 32 bits; `zero` may be null.
static Expr centredLoad(const Code &code, Value address, Type element, bool broadcast, Expr zero) {
  Expr x = load(code, address, element, broadcast);
  x = resizeInteger(x, code.builder.getI32Type(), isUnsigned(element));
  return zero.value ? x - zero : x;
}

//===----------------------------------------------------------------------===//
// Products
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
    if (!spec.anyQuantized()) {
      zeroA = spec.operand(2);
      zeroB = spec.operand(3);
    }
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

/// From the sum to the result: q2, or a float (q8). MatMulInteger's is the sum itself.
static Expr finish(const Product &product, Expr sum) {
  auto a = perTensor(product.spec.types[0]), b = perTensor(product.spec.types[1]),
       to = perTensor(product.spec.types.back());
  if (!a || !b)
    return sum;
  if (!to)
    return toFloat(sum) * sum.code->f32(a->scale * b->scale);
  float factor = (a->scale * b->scale) / to->scale;
  float bound = 1.01f * byteRange * byteRange * static_cast<float>(product.depth) * factor;
  return roundAndSaturate(toFloat(sum) * sum.code->f32(factor), *to, product.result.element, bound);
}

LogicalResult emitMatMulInteger(OpBuilder &builder, func::FuncOp function, DictionaryAttr attr,
                                const target::Variant &variant) {
  Product product(attr);
  Code code(builder, function.getLoc(), variant);
  Arguments arguments = argumentsOf(function, product.spec);
  product.nest.emit(code, arguments.pointers, arguments.begin, arguments.end, [&](const Point &point) {
    const Code &here = point.code;
    Type i32 = builder.getI32Type();
    auto zeroPoint = [&](size_t operand, std::optional<size_t> at, Type element) {
      if (auto quantized = perTensor(product.spec.types[operand]))
        return here.i32(quantized->zeroPoint);
      return at ? resizeInteger(point.load(*at), i32, isUnsigned(element)) : Expr();
    };
    Expr zeroA = zeroPoint(0, product.zeroA, product.a.element),
         zeroB = zeroPoint(1, product.zeroB, product.b.element);
    auto body = [&](Value k, ValueRange carried) {
      Value atA = code.offset(point.addresses[0], code.mulIndex(k, product.bytesA));
      Value atB = code.offset(point.addresses[1], code.mulIndex(k, product.bytesB));
      Expr x = centredLoad(here, atA, product.a.element, point.constantAlongLanes[0], zeroA);
      Expr y = centredLoad(here, atB, product.b.element, point.constantAlongLanes[1], zeroB);
      return SmallVector<Value>{(here.wrap(carried[0]) + x * y).value};
    };
    Expr zero = here.constant(i32, int64_t(0));
    Value sum = code.loop(code.index(0), code.index(product.depth), 1, zero.value, body)[0];
    point.store(point.views.size() - 1, finish(product, here.wrap(sum)));
  });
  return success();
}

} // namespace qcc::kernels
