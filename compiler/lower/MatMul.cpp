//===- MatMul.cpp - Matrix products as kernels ----------------------------===//

#include "compiler/lower/Product.h"

using namespace mlir;
using namespace qcc;
using namespace qcc::lower;

namespace {
RankedTensorType typeOf(Value value) { return cast<RankedTensorType>(value.getType()); }

kernels::GemmSpec specFor(int64_t m, int64_t k, int64_t n) {
  kernels::GemmSpec spec;
  spec.outW = m;
  spec.c = k;
  spec.n = n;
  return spec;
}

/// [M][K] x [K][N] with rows at the places' last but one stride.
LogicalResult invokeRows(Lowering &lowering, kernels::GemmSpec spec, const ProductOperands &operands,
                         const Weights &weights, const Place &input, std::optional<Place> residual) {
  Place output = lowering.storage().place(operands.result);
  auto rows = [&](const Place &place) {
    kernels::Place at;
    at.offset = place.view.offset;
    at.pixel = place.view.strides.size() > 1 ? place.view.strides[place.view.strides.size() - 2] : spec.n;
    return at;
  };
  spec.x = rows(input);
  spec.out = rows(output);
  if (residual)
    spec.residual = rows(*residual);
  FailureOr<Rest> rest = invokeProduct(lowering, spec, operands, weights, input, output,
                                       residual ? &*residual : nullptr, spec.c, spec.outW * spec.c * spec.n);
  if (succeeded(rest))
    lowering.invokeRest(operands.op, *rest, output, operands.result.getType());
  return success(succeeded(rest));
}

DictionaryAttr numberStep(Builder &builder, StringRef op, float value) {
  return builder.getDictionaryAttr({builder.getNamedAttr("op", builder.getStringAttr(op)),
                                    builder.getNamedAttr("value", builder.getF32FloatAttr(value))});
}

/// alpha * a * b + beta * c of tensors of the run, or with a bias that differs between rows: transposed
/// operands are strides, c and the chain are added behind.
LogicalResult lowerGemmOfTheRun(Lowering &lowering, GemmOp op) {
  Builder builder(op.getContext());
  Storage &storage = lowering.storage();
  if (!isa<FloatType>(typeOf(op.getA()).getElementType()))
    return op->emitOpError("multiplies integers that are no rows by constants, which has no kernel");
  auto turnedIf = [&](bool yes, Place place) {
    if (yes) {
      std::swap(place.view.shape[0], place.view.shape[1]);
      std::swap(place.view.strides[0], place.view.strides[1]);
    }
    return place;
  };
  float alpha = op.getAlpha().convertToFloat(), beta = op.getBeta().convertToFloat();
  SmallVector<Attribute> factor;
  if (alpha != 1)
    factor.push_back(numberStep(builder, "mul", alpha));
  Place output = storage.place(op.getResult());
  lowering.invokeKind(op, "matmul",
                      {turnedIf(op.getTransA(), storage.place(op.getA())),
                       turnedIf(op.getTransB(), storage.place(op.getB())), output},
                      builder.getNamedAttr("chain", builder.getArrayAttr(factor)));
  if (op.getC() && beta != 0) {
    Place c = storage.place(op.getC());
    if (beta != 1) {
      Place scaled = storage.scratch(c.view.element, c.view.shape, {}, "scaled");
      auto type = RankedTensorType::get({}, c.view.element);
      lowering.invokeKind(
          op, "mul",
          {c,
           storage.constant(DenseElementsAttr::get(type, builder.getFloatAttr(c.view.element, beta)), type),
           scaled},
          {});
      c = scaled;
    }
    lowering.invokeKind(op, "add", {output, c, output}, {});
  }
  ArrayAttr chain = op.getChain().value_or(ArrayAttr());
  for (Attribute step : chain ? chain.getValue() : ArrayRef<Attribute>()) {
    auto entry = cast<DictionaryAttr>(step);
    if (entry.getAs<StringAttr>("op").getValue() == "residual")
      lowering.invokeKind(op, "add", {output, storage.place(op.getResidual()), output}, {});
    else
      lowering.invokeRest(op, entry, output, op.getResult().getType());
  }
  return success();
}
} // namespace

LogicalResult lower::lowerGemm(Lowering &lowering, GemmOp op) {
  auto result = typeOf(op.getResult());
  int64_t m = result.getDimSize(0), n = result.getDimSize(1);
  int64_t k = typeOf(op.getA()).getDimSize(op.getTransA() ? 0 : 1);
  bool floatSums = isa<FloatType>(typeOf(op.getA()).getElementType());
  if (op.getTransA() || isDouble(op.getA()) || !constantValue(op.getB()) ||
      (op.getC() && !constantValue(op.getC())))
    return lowerGemmOfTheRun(lowering, op);
  auto order = [&](int64_t i) { return op.getTransB() ? i : i % k * n + i / k; };
  Weights weights;
  if (failed(readWeights(op, op.getB(), n * k, order, n, weights)))
    return failure();
  Value bias = op.getC();
  if (bias && typeOf(bias).getNumElements() != 1 && typeOf(bias).getNumElements() != n)
    return lowerGemmOfTheRun(lowering, op); // a bias for each row
  if (failed(readBias(op, bias, n, weights)))
    return failure();
  float alpha = op.getAlpha().convertToFloat(), beta = op.getBeta().convertToFloat();
  if (!floatSums && (alpha != 1 || (bias && beta != 1)))
    return op->emitOpError("on integers has alpha ")
           << alpha << " and beta " << beta << "; only 1 has a kernel";
  for (float &value : weights.floats)
    value *= alpha;
  if (floatSums)
    for (float &value : weights.bias)
      value *= beta;
  ProductOperands operands{
      op, op.getA(), op.getResidual(), op.getTable(), op.getChain().value_or(ArrayAttr()), op.getResult()};
  Place input = lowering.readable(op.getAMutable(), {});
  std::optional<Place> residual;
  if (op.getResidual())
    residual = lowering.readable(op.getResidualMutable()[0], {});
  return invokeRows(lowering, specFor(m, k, n), operands, weights, input, residual);
}

LogicalResult lower::lowerMatMul(Lowering &lowering, MatMulOp op) {
  auto a = typeOf(op.getA()), b = typeOf(op.getB());
  if (!constantValue(op.getB()) || isDouble(op.getA()) || b.getRank() != 2 || a.getRank() < 2)
    return lowering.lowerGeneric(*op), success();
  int64_t k = b.getDimSize(0), n = b.getDimSize(1), m = ShapedType::getNumElements(a.getShape().drop_back());
  Weights weights;
  auto order = [&](int64_t i) { return i % k * n + i / k; };
  if (failed(readWeights(op, op.getB(), n * k, order, n, weights)) ||
      failed(readBias(op, op.getBias(), n, weights)))
    return failure();
  ProductOperands operands{
      op, op.getA(), op.getResidual(), op.getTable(), op.getChain().value_or(ArrayAttr()), op.getResult()};
  Place input = lowering.readable(op.getAMutable(), {});
  std::optional<Place> residual;
  if (op.getResidual())
    residual = lowering.readable(op.getResidualMutable()[0], {});
  return invokeRows(lowering, specFor(m, k, n), operands, weights, input, residual);
}
