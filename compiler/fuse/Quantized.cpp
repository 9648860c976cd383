//===- Quantized.cpp - Quantised values and their neighbours --------------===//

#include "compiler/fuse/Quantized.h"
#include "compiler/fuse/Passes.h"

using namespace mlir;
using namespace qcc;

quant::UniformQuantizedType fuse::activationType(Value value) {
  auto type = dyn_cast<quant::UniformQuantizedType>(tensorType(value).getElementType());
  return type && type.getStorageTypeIntegralWidth() == 8 ? type : quant::UniformQuantizedType();
}

Value fuse::dequantized(Value value) {
  auto dequantize = value.getDefiningOp<DequantizeOp>();
  return dequantize && activationType(dequantize.getInput()) ? dequantize.getInput() : Value();
}

QuantizeOp fuse::soleQuantize(Value value) {
  if (!value.hasOneUse())
    return {};
  auto quantize = dyn_cast<QuantizeOp>(*value.user_begin());
  return quantize && activationType(quantize.getResult()) ? quantize : QuantizeOp();
}

std::optional<SmallVector<OpOperand *>> fuse::movedOperands(Operation *op) {
  auto interface = dyn_cast<QccOpInterface>(op);
  if (!interface || !llvm::is_contained({QuantRule::SameScale, QuantRule::Concat}, interface.quantRule()))
    return std::nullopt;
  if (auto resize = dyn_cast<ResizeOp>(op);
      resize &&
      (resize.getMode() != "nearest" || resize.getCoordinateTransformationMode() == "tf_crop_and_resize"))
    return std::nullopt;
  // The padding is zero, which every quantised type represents.
  if (auto pad = dyn_cast<PadOp>(op);
      pad && pad.getMode() == "constant" && pad.getValue() && !pad.getValue()->isZero())
    return std::nullopt;
  SmallVector<OpOperand *> moved;
  for (OpOperand &operand : op->getOpOperands())
    if (!isa<GatherOp>(op) || operand.getOperandNumber() == 0)
      moved.push_back(&operand);
  return moved;
}

LogicalResult fuse::stayFloat(Operation *op, const Twine &reason) {
  if (!op->hasAttr(floatReasonAttr))
    op->setAttr(floatReasonAttr, StringAttr::get(op->getContext(), reason));
  return failure();
}
