//===- FloatWeights.cpp - Layers that compute in float --------------------===//
#include "compiler/support/FloatWeights.h"

#include "compiler/support/Rewrite.h"

using namespace mlir;
using namespace qcc;

namespace {
/// Weights in f32 that the second level of a processor's cache does not hold, and so few rows that a
/// product waits for them.
constexpr int64_t streamedBytes = 1 << 20, streamedRows = 8;
/// Of fewer numbers a table is not worth a conversion of its rows.
constexpr int64_t largeTable = 1 << 16;

bool isDepthwise(Operation *op) {
  auto conv = dyn_cast<ConvOp>(op);
  return conv && conv.getGroup() > 1 && tensorType(conv.getFilter()).getDimSize(1) == 1;
}

/// The kernels that take packed weights.
bool isPacked(Operation *op, const Weighted &product) {
  if (auto gemm = dyn_cast<GemmOp>(op)) {
    Value bias = gemm.getC();
    return !gemm.getTransA() && (!bias || isConstant(bias)) &&
           (!bias || llvm::is_contained({int64_t(1), product.channels}, tensorType(bias).getNumElements()));
  }
  return !isa<MatMulOp>(op) || tensorType(product.weights->get()).getRank() == 2;
}

FloatWeights alongAxis(OpOperand &operand, int64_t axis) {
  RankedTensorType type = tensorType(operand.get());
  return {&operand, type.getDimSize(axis), ShapedType::getNumElements(type.getShape().drop_front(axis + 1))};
}

bool isLargeTable(GatherOp op) {
  RankedTensorType type = tensorType(op.getInput());
  return isConstant(op.getInput()) && isF32(op.getInput()) && type.getRank() == 2 && op.getAxis() == 0 &&
         type.getNumElements() >= largeTable;
}
} // namespace

bool qcc::isF32(Value value) { return tensorType(value).getElementType().isF32(); }

std::optional<Weighted> qcc::productOf(Operation *op) {
  std::optional<Weighted> weighted = op ? describeWeighted(op) : std::nullopt;
  return weighted && isConstant(weighted->weights->get()) ? weighted : std::nullopt;
}

std::optional<Weighted> qcc::floatProductOf(Operation *op) {
  std::optional<Weighted> product = productOf(op);
  bool fits = product && isF32(product->input->get()) && isF32(product->weights->get()) && !isDepthwise(op);
  return fits ? product : std::nullopt;
}

SmallVector<FloatWeights, 2> qcc::floatWeightsOf(Operation *op) {
  if (std::optional<Weighted> product = floatProductOf(op); product && isPacked(op, *product))
    return {alongAxis(*product->weights, product->weightAxis)};
  if (auto gather = dyn_cast<GatherOp>(op); gather && isLargeTable(gather))
    return {alongAxis(gather->getOpOperand(0), 0)};
  if (!isa<RnnOp, GruOp, LstmOp>(op))
    return {};
  OpOperand &weights = op->getOpOperand(1), &recurrence = op->getOpOperand(2);
  for (OpOperand *operand : {&op->getOpOperand(0), &weights, &recurrence})
    if (!isF32(operand->get()))
      return {};
  if (!isConstant(weights.get()) || !isConstant(recurrence.get()))
    return {};
  return {alongAxis(weights, 1), alongAxis(recurrence, 1)};
}

bool qcc::isStreamed(Operation *op, ArrayRef<FloatWeights> weights) {
  int64_t bytes = 0;
  for (const FloatWeights &one : weights)
    bytes += 4 * tensorType(one.operand->get()).getNumElements();
  std::optional<Weighted> product = describeWeighted(op);
  return bytes >= streamedBytes &&
         (!product || tensorType(op->getResult(0)).getNumElements() <= streamedRows * product->channels);
}

StringRef qcc::decidedPrecision(Operation *op) {
  auto decision = op->getAttrOfType<DictionaryAttr>(precisionAttr);
  auto type = decision ? decision.getAs<StringAttr>("type") : StringAttr();
  return type ? type.getValue() : StringRef();
}
