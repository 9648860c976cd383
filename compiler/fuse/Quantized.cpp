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

LogicalResult fuse::stayFloat(Operation *op, const Twine &reason) {
  if (!op->hasAttr(floatReasonAttr))
    op->setAttr(floatReasonAttr, StringAttr::get(op->getContext(), reason));
  return failure();
}
