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
} // namespace

LogicalResult lower::lowerGemm(Lowering &lowering, GemmOp op) {
  auto result = typeOf(op.getResult());
  int64_t m = result.getDimSize(0), n = result.getDimSize(1);
  int64_t k = typeOf(op.getA()).getDimSize(op.getTransA() ? 0 : 1);
  bool floatSums = isa<FloatType>(typeOf(op.getA()).getElementType());
  if (op.getTransA() || !constantValue(op.getB()) || (op.getC() && !constantValue(op.getC())))
    return lowering.lowerGeneric(*op), success();
  auto order = [&](int64_t i) { return op.getTransB() ? i : i % k * n + i / k; };
  Weights weights;
  if (failed(readWeights(op, op.getB(), n * k, order, n, weights)))
    return failure();
  Value bias = op.getC();
  if (bias && typeOf(bias).getNumElements() != 1 && typeOf(bias).getNumElements() != n)
    return lowering.lowerGeneric(*op), success(); // a bias for each row
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
  if (!constantValue(op.getB()) || b.getRank() != 2 || a.getRank() < 2)
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
