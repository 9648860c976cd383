//===- MatMul.cpp - Products of two tensors of the run ----------------------===//
//
// Products with constant weights are kernel "gemm", which packs them. Here both
// operands lie as they were computed: a block of rows by two vectors of columns
// is summed in registers.
//
//===----------------------------------------------------------------------===//
#include "compiler/kernels/LoopNest.h"
#include "compiler/kernels/Spec.h"
#include "compiler/kernels/Steps.h"
#include "compiler/kernels/matmul/ProductTile.h"
#include "compiler/target/Target.h"

using namespace mlir;

namespace qcc::kernels {

/// With two vectors of columns: 8 sums, 2 loaded vectors and an element of the left operand in 16 registers.
static constexpr int64_t blockRows = 4;

namespace {
/// Everything in the frame of the result (batch..., m, n); missing axes of vectors are put back.
struct Product {
  Spec spec;
  View a, b, result, bias, residual;
  bool hasBias = false, hasResidual = false;
  int64_t rows = 0, columns = 0, depth = 0;
  LoopNest blocks, rest; ///< over the batch and whole blocks of rows; over the rows that are left

  explicit Product(DictionaryAttr attr) : spec(attr), blocks({}, {}), rest({}, {}) { arrange(); }
  /// Each element of the result, with the left row, the right column, the bias and the residual it takes: for
  /// GPUs, whose threads take one.
  LoopNest elements() const;
  int64_t units() const { return std::max(blocks.units(), rest.units()); }
  /// In bytes, along an axis counted from the last one.
  static int64_t stride(const View &view, size_t fromEnd) {
    return view.strides[view.strides.size() - 1 - fromEnd] * storageBytes(view.element);
  }

private:
  void arrange();
  LoopNest nest(int64_t first, int64_t count, int64_t height) const;
};

void insertAxis(View &view, size_t axis) {
  view.shape.insert(view.shape.begin() + axis, 1);
  view.strides.insert(view.strides.begin() + axis, 0);
}
} // namespace

void Product::arrange() {
  a = spec.views[0];
  b = spec.views[1];
  result = spec.result();
  bool vectorA = a.shape.size() == 1, vectorB = b.shape.size() == 1;
  auto toFrame = [&](View &view) {
    if (vectorB)
      insertAxis(view, view.shape.size());
    if (vectorA)
      insertAxis(view, view.shape.size() - 1);
  };
  depth = a.shape.back();
  if (vectorA)
    insertAxis(a, 0);
  if (vectorB)
    insertAxis(b, 1);
  toFrame(result);
  if (auto at = spec.operand(2))
    hasBias = true, bias = spec.views[*at];
  if (auto at = spec.operand(3)) {
    hasResidual = true, residual = spec.views[*at];
    toFrame(residual);
  }
  rows = result.shape[result.shape.size() - 2];
  columns = result.shape.back();
  blocks = nest(0, rows / blockRows, blockRows);
  rest = nest(rows / blockRows * blockRows, rows % blockRows, 1);
}

/// Over the batch and `count` groups of `height` rows.
LoopNest Product::nest(int64_t first, int64_t count, int64_t height) const {
  SmallVector<int64_t> shape(ArrayRef<int64_t>(result.shape).drop_back());
  shape.back() = count;
  SmallVector<View> views;
  auto add = [&](const View &view, bool hasRows) {
    View part{view.element, {}, {}, view.offset};
    size_t rank = view.shape.size();
    part.shape.assign(view.shape.begin(), view.shape.end() - 1);
    part.strides.assign(view.strides.begin(), view.strides.end() - 1);
    part.offset += hasRows ? first * view.strides[rank - 2] : 0;
    part.shape.back() = hasRows ? count : 1;
    part.strides.back() = hasRows ? height * view.strides[rank - 2] : 0;
    View wide = broadcastTo(part, shape);
    if (hasRows)
      wide.strides.back() = part.strides.back();
    views.push_back(wide);
  };
  add(a, true);
  add(b, false);
  add(result, true);
  if (hasResidual)
    add(residual, true);
  return LoopNest(shape, views, 0, /*scalar=*/true, std::max<int64_t>(height * depth * columns, 1));
}

LoopNest Product::elements() const {
  View left = a, right = b;
  left.shape.back() = right.shape[right.shape.size() - 2] = 1;
  SmallVector<View> views = {broadcastTo(left, result.shape), broadcastTo(right, result.shape), result};
  if (hasResidual)
    views.push_back(broadcastTo(residual, result.shape));
  if (hasBias)
    views.push_back(broadcastTo(bias, result.shape));
  return LoopNest(result.shape, views, 0, /*scalar=*/true, std::max<int64_t>(depth, 1));
}

namespace {
/// Writes some rows.
class Writer {
public:
  Writer(const Product &product, const Point &point, Value bias, int64_t height)
      : product(product), point(point), bias(bias), height(height) {}

  LogicalResult write();
  /// The element of a point of Product::elements.
  LogicalResult writeElement();

private:
  const Product &product;
  const Point &point;
  Value bias;
  int64_t height;
  bool failedStep = false;

  Expr finish(const Code &code, Expr sum, int64_t row, Value column);
};
} // namespace

LogicalResult Writer::write() {
  const View &a = product.a, &b = product.b, &result = product.result;
  ProductTile tile{point.addresses[0],
                   point.addresses[1],
                   Product::stride(a, 1),
                   Product::stride(a, 0),
                   Product::stride(b, 1),
                   Product::stride(b, 0),
                   a.element,
                   b.element,
                   computeType(result.element),
                   height,
                   product.depth,
                   product.columns};
  bool sideBySide = Product::stride(result, 0) == storageBytes(result.element);
  tile.emit(point.code, sideBySide, [&](const Code &code, Expr sum, int64_t row, Value column) {
    Value at = code.offset(point.addresses[2], code.mulIndex(column, Product::stride(result, 0)));
    store(finish(code, sum, row, column), code.offset(at, row * Product::stride(result, 1)), result.element);
  });
  return failure(failedStep);
}

LogicalResult Writer::writeElement() {
  const Code &code = point.code;
  const View &a = product.a, &b = product.b;
  Expr zero = code.constant(computeType(product.result.element), int64_t(0));
  Value sum =
      code.loop(code.index(0), code.index(product.depth), 1, zero.value, [&](Value k, ValueRange sums) {
        Expr x =
            load(code, code.offset(point.addresses[0], code.mulIndex(k, Product::stride(a, 0))), a.element);
        Expr y =
            load(code, code.offset(point.addresses[1], code.mulIndex(k, Product::stride(b, 1))), b.element);
        return SmallVector<Value>{mulAdd(x, y, code.wrap(sums[0])).value};
      })[0];
  point.store(2, finish(code, code.wrap(sum), 0, code.index(0)));
  return failure(failedStep);
}

/// Bias and chain.
Expr Writer::finish(const Code &code, Expr sum, int64_t row, Value column) {
  if (product.hasBias)
    sum = sum + load(code, code.offset(bias, code.mulIndex(column, Product::stride(product.bias, 0))),
                     product.bias.element);
  auto chain = product.spec.attrs ? product.spec.attrs.getAs<ArrayAttr>("chain") : ArrayAttr();
  bool added = !product.hasResidual;
  auto addResidual = [&] {
    Value at = code.offset(point.addresses[3], code.mulIndex(column, Product::stride(product.residual, 0)));
    added = true;
    return sum +
           load(code, code.offset(at, row * Product::stride(product.residual, 1)), product.residual.element);
  };
  auto isResidual = [](Attribute step) {
    return cast<DictionaryAttr>(step).getAs<StringAttr>("op").getValue() == "residual";
  };
  if (!added && (!chain || llvm::none_of(chain, isResidual)))
    sum = addResidual();
  for (Attribute step : chain ? chain.getValue() : ArrayRef<Attribute>()) {
    auto entry = cast<DictionaryAttr>(step);
    FailureOr<Expr> next =
        isResidual(step) ? addResidual() : applyStep(entry.getAs<StringAttr>("op").getValue(), entry, sum);
    failedStep |= failed(next);
    sum = succeeded(next) ? *next : sum;
  }
  return sum;
}

int64_t matMulUnits(DictionaryAttr attr) { return Product(attr).units(); }

LogicalResult emitMatMul(OpBuilder &builder, func::FuncOp function, DictionaryAttr attr,
                         const target::Variant &variant) {
  Product product(attr);
  const Spec &spec = product.spec;
  Code code(builder, function.getLoc(), variant);
  if (spec.anyQuantized() || !isa<FloatType>(spec.views[0].element))
    return emitError(code.loc, "no kernel for 'matmul' of ") << spec.types[0] << " and " << spec.types[1];
  Arguments arguments = argumentsOf(function, spec);
  SmallVector<Value> pointers = {arguments.pointers[0], arguments.pointers[1], arguments.pointers.back()};
  if (product.hasResidual)
    pointers.push_back(arguments.pointers[*spec.operand(3)]);
  Value bias;
  if (product.hasBias)
    bias = code.offset(arguments.pointers[*spec.operand(2)],
                       product.bias.offset * storageBytes(product.bias.element));
  bool failedStep = false;
  if (variant.byPoints()) {
    if (product.hasBias)
      pointers.push_back(arguments.pointers[*spec.operand(2)]);
    product.elements().emit(code, pointers, arguments.begin, arguments.end, [&](const Point &point) {
      failedStep |= failed(Writer(product, point, point.addresses.back(), 1).writeElement());
    });
  }
  auto emit = [&](const LoopNest &nest, int64_t height) {
    emitShare(code, nest, product.units(), pointers, arguments.begin, arguments.end, [&](const Point &point) {
      failedStep |= failed(Writer(product, point, bias, height).write());
    });
  };
  if (!variant.byPoints()) {
    emit(product.blocks, blockRows);
    emit(product.rest, 1);
  }
  if (failedStep)
    return emitError(code.loc, "no kernel for a step of the chain of 'matmul'");
  return success();
}

} // namespace qcc::kernels
