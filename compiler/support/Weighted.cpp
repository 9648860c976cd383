//===- Weighted.cpp - Operations with weights, alike ----------------------===//

#include "compiler/support/Weighted.h"
#include "compiler/support/Rewrite.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace qcc;

static int64_t channelAxisOf(Value result, StringRef layout) {
  return layout == "nhwc" ? tensorType(result).getRank() - 1 : 1;
}

std::optional<Weighted> qcc::describeWeighted(Operation *op) {
  using Result = std::optional<Weighted>;
  auto make = [&](auto typed, OpOperand &input, OpOperand &weights, MutableOperandRange bias,
                  int64_t channelAxis, int64_t weightAxis, int64_t groups) -> Result {
    int64_t channels = tensorType(op->getResult(0)).getDimSize(channelAxis);
    return Weighted{
        &input,   &weights,   bias,  typed.getResidualMutable(), typed.getTableMutable(), channelAxis,
        channels, weightAxis, groups};
  };
  return TypeSwitch<Operation *, Result>(op)
      .Case([&](ConvOp conv) {
        int64_t axis = channelAxisOf(conv.getResult(), conv.getLayout());
        return make(conv, conv.getInputMutable(), conv.getFilterMutable(), conv.getBiasMutable(), axis, 0, 1);
      })
      .Case([&](ConvTransposeOp conv) {
        int64_t axis = channelAxisOf(conv.getResult(), conv.getLayout());
        return make(conv, conv.getInputMutable(), conv.getFilterMutable(), conv.getBiasMutable(), axis, 1,
                    conv.getGroup());
      })
      .Case([&](GemmOp gemm) {
        return make(gemm, gemm.getAMutable(), gemm.getBMutable(), gemm.getCMutable(), 1,
                    gemm.getTransB() ? 0 : 1, 1);
      })
      .Case([&](MatMulOp product) {
        int64_t rank = tensorType(product.getB()).getRank();
        if (tensorType(product.getA()).getRank() < 2 || rank < 2)
          return Result();
        return make(product, product.getAMutable(), product.getBMutable(), product.getBiasMutable(),
                    tensorType(product.getResult()).getRank() - 1, rank - 1, 1);
      })
      .Case([&](DynamicMatMulOp product) {
        return make(product, product.getAMutable(), product.getBMutable(), product.getBiasMutable(),
                    tensorType(product.getResult()).getRank() - 1, 1, 1);
      })
      .Default([](Operation *) { return Result(); });
}

bool qcc::isMeasured(Operation *op) {
  auto conv = dyn_cast<ConvOp>(op);
  return isa<DynamicMatMulOp>(op) || (conv && conv.getImageScale()) ||
         (isa<RnnOp, GruOp, LstmOp>(op) &&
          isa<quant::QuantizedType>(tensorType(op->getOperand(1)).getElementType()));
}

Type qcc::halfWeightsOf(Operation *op) {
  bool isTable = isa<GatherOp>(op);
  if (!isTable && !describeWeighted(op) && !isa<RnnOp, GruOp, LstmOp>(op))
    return {};
  Value weights = op->getOperand(isTable ? 0 : 1);
  Type element = tensorType(weights).getElementType();
  bool widened = isTable || tensorType(op->getOperand(0)).getElementType().isF32();
  return widened && isConstant(weights) && (element.isF16() || element.isBF16()) ? element : Type();
}

bool qcc::isKnown(Value value) {
  auto dequantize = value.getDefiningOp<DequantizeOp>();
  return isConstant(dequantize ? dequantize.getInput() : value);
}

bool qcc::isPlain(Operation *op) {
  std::optional<Weighted> weighted = describeWeighted(op);
  return !op->getAttr("chain") && (!weighted || (weighted->residual.empty() && weighted->table.empty()));
}
