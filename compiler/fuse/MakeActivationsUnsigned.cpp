//===- MakeActivationsUnsigned.cpp - i8 activations become u8 -------------===//
//
// Runs on QDQ form, where a quantised activation is only moved between a
// quantize (or a scast of the user's integers) and its dequantizes: changing
// the type changes every stored byte by 0x80 and no number.
//
//===----------------------------------------------------------------------===//

#include "compiler/fuse/Passes.h"
#include "compiler/fuse/Quantized.h"
#include "compiler/fuse/Tables.h"

namespace qcc::fuse {
#define GEN_PASS_DEF_MAKEACTIVATIONSUNSIGNED
#include "compiler/fuse/Passes.h.inc"

using namespace mlir;

namespace {
constexpr int64_t shift = 128;

/// The type with unsigned storage, null for all that is no signed activation.
quant::UniformQuantizedType unsignedType(Value value) {
  quant::UniformQuantizedType type = activationType(value);
  if (!type || !type.isSigned())
    return {};
  return quant::UniformQuantizedType::get(/*flags=*/0, type.getStorageType(), type.getExpressedType(),
                                          type.getScale(), type.getZeroPoint() + shift,
                                          type.getStorageTypeMin() + shift, type.getStorageTypeMax() + shift);
}

struct MakeActivationsUnsigned : impl::MakeActivationsUnsignedBase<MakeActivationsUnsigned> {
  static void retype(Value value, quant::UniformQuantizedType type) {
    value.setType(RankedTensorType::get(tensorType(value).getShape(), type));
  }

  /// The user's own integers stay as they are.
  static void convertInput(ScastOp op) {
    quant::UniformQuantizedType type = unsignedType(op.getResult());
    if (!type || isConstant(op.getResult()))
      return;
    OpBuilder builder(op->getContext());
    builder.setInsertionPointAfter(op);
    Value converted = createRequantization(builder, op.getLoc(), op.getResult(), type);
    op.getResult().replaceAllUsesExcept(converted, converted.getDefiningOp());
  }

  static void convertOutput(ScastOp op) {
    quant::UniformQuantizedType type = activationType(op.getInput());
    if (!type || !type.isSigned() || isConstant(op.getResult()) || op.getInput().getDefiningOp<LookupOp>())
      return;
    retype(op.getInput(), unsignedType(op.getInput()));
    OpBuilder builder(op);
    op.getInputMutable().assign(createRequantization(builder, op.getLoc(), op.getInput(), type));
  }

  void runOnOperation() override {
    SmallVector<ScastOp> casts(getOperation().getOps<ScastOp>());
    for (ScastOp cast : casts)
      if (isa<quant::QuantizedType>(tensorType(cast.getResult()).getElementType()))
        convertInput(cast);
    for (ScastOp cast : casts)
      if (isa<quant::QuantizedType>(tensorType(cast.getInput()).getElementType()))
        convertOutput(cast);
    getOperation().walk([&](QuantizeOp op) {
      if (quant::UniformQuantizedType type = unsignedType(op.getResult()))
        retype(op.getResult(), type);
    });
    propagate();
  }

  /// Whatever handed the old type on now infers the new one.
  void propagate() {
    for (Operation &op : getOperation().getBody().getOps())
      if (isa<QccOpInterface>(op) && !isa<QuantizeOp, DequantizeOp, ScastOp, LookupOp, ConstantOp>(op) &&
          llvm::any_of(op.getOperands(), [](Value operand) { return activationType(operand); }))
        inferResultTypes(&op);
  }
};
} // namespace
} // namespace qcc::fuse
