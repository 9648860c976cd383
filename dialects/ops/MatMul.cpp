//===- MatMul.cpp - Matrix products ---------------------------------------===//

#include "dialects/reference/MatMul.h"
#include "dialects/ops/Fused.h"
#include "dialects/ops/Groups.h"
#include "dialects/reference/Conv.h"
#include "dialects/reference/Elementwise.h"

using namespace mlir;
using namespace qcc;
using namespace qcc::ops;
using reference::Tensor;

//===----------------------------------------------------------------------===//
// Gemm
//===----------------------------------------------------------------------===//

/// Weights in groups stand for floats: what follows the product sees no scales.
template <typename Op> static Value scaledFilter(Op op) {
  return hasGroups(op.getB()) && !isQuantized(op.getA()) ? op.getA() : op.getB();
}

/// The right operand's numbers, of groups as floats.
template <typename Op> static Tensor rightOperand(Op op, const Tensor &b) {
  return scaledFilter(op) == op.getB() ? b : dequantized(op.getB(), b);
}

static Fused fusedOf(GemmOp op) {
  int64_t axis = op.getTransB() ? 0 : 1;
  return {op.getA(),     scaledFilter(op),  op.getC(), op.getResidual(),
          op.getTable(), op.getChainAttr(), axis,      shapeOf(op.getB())[axis]};
}

LogicalResult GemmOp::inferTypes(Results &results) {
  if (failed(requireRank(*this, "a", getA(), 2, 2)) || failed(requireRank(*this, "b", getB(), 2, 2)))
    return failure();
  ArrayRef<int64_t> a = shapeOf(getA()), b = shapeOf(getB());
  int64_t rows = a[getTransA() ? 1 : 0], depth = a[getTransA() ? 0 : 1];
  int64_t columns = b[getTransB() ? 0 : 1];
  if (depth != b[getTransB() ? 1 : 0])
    return emitOpError("multiplies matrices of shapes ")
           << shapeText(a) << (getTransA() ? " (transposed)" : "") << " and " << shapeText(b)
           << (getTransB() ? " (transposed)" : "");
  Shape shape = {rows, columns};
  if (Value c = getC()) {
    std::vector<int64_t> both;
    if (!reference::broadcastShapes(toStd(shapeOf(c)), toStd(shape), both) || both != toStd(shape))
      return emitOpError("operand 'c' has shape ")
             << shapeText(shapeOf(c)) << ", which does not broadcast to " << shapeText(shape);
  }
  if (scaledFilter(*this) != getB() && failed(checkGroups(*this, "b", getB(), getTransB() ? 1 : 0)))
    return failure();
  bool scaled = !getAlpha().isExactlyValue(1.0) || !getBeta().isExactlyValue(1.0);
  if ((isQuantized(getA()) || isQuantized(getB())) && scaled)
    return emitOpError("on quantised operands has alpha ")
           << getAlpha().convertToFloat() << " and beta " << getBeta().convertToFloat()
           << " but both must be 1";
  return inferFused(*this, fusedOf(*this), shape, results);
}

/// alpha * sums + beta * c, still in the type of the sums.
static Tensor addC(GemmOp op, Tensor sums, const Tensor *c) {
  std::vector<int64_t> from;
  if (c)
    from = reference::broadcastIndices(c->shape, sums.shape);
  double alpha = op.getAlpha().convertToDouble(), beta = op.getBeta().convertToDouble();
  for (int64_t i = 0, e = sums.size(); i < e; ++i) {
    if (sums.type == reference::DType::I64)
      sums.setInt(i, sums.getInt(i) + (c ? c->getInt(from[i]) : 0));
    else
      sums.setDouble(i, alpha * sums.getDouble(i) + (c ? beta * c->getDouble(from[i]) : 0.0));
  }
  return sums;
}

LogicalResult GemmOp::evaluate(Operands operands, Tensors &results) {
  FailureOr<ZeroPoints> zeros = zeroPoints(*this, fusedOf(*this));
  if (failed(zeros))
    return failure();
  Tensor a = reference::transposedIf(getTransA(), *operands[0]);
  Tensor b = reference::transposedIf(getTransB(), rightOperand(*this, *operands[1]));
  Tensor sums = reference::matMulSums(a, b, {zeros->input}, zeros->filter);
  const Tensor *c = optional(operands, 2);
  // A float bias of scaled sums belongs to the epilogue (q8, q8b).
  bool later = c && isQuantized(getB()) && reference::isFloat(c->type);
  Tensor wide = later ? reference::broadcastTo(*c, {sums.shape[1]}) : Tensor();
  return finishFused(*this, fusedOf(*this), addC(*this, std::move(sums), later ? nullptr : c), 1,
                     later ? &wide : nullptr, optional(operands, 3), optional(operands, 4), results);
}

//===----------------------------------------------------------------------===//
// MatMul and MatMulInteger
//===----------------------------------------------------------------------===//

template <typename Op> static FailureOr<Shape> productShape(Op op) {
  std::vector<int64_t> shape;
  ArrayRef<int64_t> a = shapeOf(op.getA()), b = shapeOf(op.getB());
  if (!reference::matMulShape(toStd(a), toStd(b), shape))
    return op.emitOpError("multiplies operands of shapes ")
           << shapeText(a) << " and " << shapeText(b) << ", which do not fit";
  return Shape(shape.begin(), shape.end());
}

static Fused fusedOf(MatMulOp op) {
  int64_t axis = rankOf(op.getB()) - 1;
  return {op.getA(),     scaledFilter(op),  op.getBias(), op.getResidual(),
          op.getTable(), op.getChainAttr(), axis,         shapeOf(op.getB())[axis]};
}

LogicalResult MatMulOp::inferTypes(Results &results) {
  FailureOr<Shape> shape = productShape(*this);
  if (failed(shape))
    return failure();
  int64_t columns = rankOf(getB()) > 1 ? shapeOf(getB()).back() : 1;
  if (Value bias = getBias(); bias && shapeOf(bias) != ArrayRef<int64_t>(columns))
    return emitOpError("operand 'bias' has shape ")
           << shapeText(shapeOf(bias)) << " but should have " << columns;
  if (scaledFilter(*this) != getB() &&
      (failed(requireRank(*this, "b", getB(), 2, 2)) || failed(checkGroups(*this, "b", getB(), 0))))
    return failure();
  if (rankOf(getB()) == 1 && (getBias() || isQuantized(getB())))
    return emitOpError("with a vector on the right takes no bias and no quantised operands");
  return inferFused(*this, fusedOf(*this), *shape, results);
}

LogicalResult MatMulOp::evaluate(Operands operands, Tensors &results) {
  FailureOr<ZeroPoints> zeros = zeroPoints(*this, fusedOf(*this));
  if (failed(zeros))
    return failure();
  Tensor sums =
      reference::matMulSums(*operands[0], rightOperand(*this, *operands[1]), {zeros->input}, zeros->filter);
  // Without columns there is one channel: a leading axis of size 1 stands for it.
  bool isVector = operands[1]->rank() == 1;
  if (isVector)
    sums.shape.push_back(1);
  int64_t axis = sums.rank() - 1;
  if (failed(finishFused(*this, fusedOf(*this), std::move(sums), axis, optional(operands, 2),
                         optional(operands, 3), optional(operands, 4), results)))
    return failure();
  if (isVector)
    results.back().shape.pop_back();
  return success();
}

/// One zero point, or one for each row of `a` or column of `b`.
static LogicalResult checkZeroPoint(MatMulIntegerOp op, StringRef name, Value zero, int64_t count) {
  if (!zero || tensorOf(zero).getNumElements() == 1 || shapeOf(zero).back() == count ||
      (rankOf(zero) >= 2 && shapeOf(zero).drop_back().back() == count))
    return success();
  return op.emitOpError("operand '") << name << "' has shape " << shapeText(shapeOf(zero))
                                     << " but should have 1 or " << count << " elements";
}

LogicalResult MatMulIntegerOp::inferTypes(Results &results) {
  for (Value value : {getA(), getB()})
    if (!elementOf(value).isInteger(8))
      return emitOpError("has an operand of element type ")
             << elementOf(value) << " but needs 8-bit integers";
  FailureOr<Shape> shape = productShape(*this);
  if (failed(shape))
    return failure();
  int64_t rows = rankOf(getA()) > 1 ? shapeOf(getA()).drop_back().back() : 1;
  int64_t columns = rankOf(getB()) > 1 ? shapeOf(getB()).back() : 1;
  if (failed(checkZeroPoint(*this, "a_zero_point", getAZeroPoint(), rows)) ||
      failed(checkZeroPoint(*this, "b_zero_point", getBZeroPoint(), columns)))
    return failure();
  return addResult(*this, results, *shape, IntegerType::get(getContext(), 32));
}

static std::vector<int64_t> integersOf(const Tensor *tensor) {
  std::vector<int64_t> values;
  for (int64_t i = 0, e = tensor ? tensor->size() : 0; i < e; ++i)
    values.push_back(tensor->getInt(i));
  return values;
}

LogicalResult MatMulIntegerOp::evaluate(Operands operands, Tensors &results) {
  Tensor sums = reference::matMulSums(*operands[0], *operands[1], integersOf(optional(operands, 2)),
                                      integersOf(optional(operands, 3)));
  results.push_back(reference::rounded(sums, reference::DType::I32));
  return success();
}
