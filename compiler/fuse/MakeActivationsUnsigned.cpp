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

  /// The user's own integers stay as they are: an argument, or the scast of one.
  static void convertInput(Value input) {
    quant::UniformQuantizedType type = unsignedType(input);
    if (!type || isConstant(input))
      return;
    OpBuilder builder(input.getContext());
    builder.setInsertionPointAfterValue(input);
    Value converted = createRequantization(builder, input.getLoc(), input, type);
    input.replaceAllUsesExcept(converted, converted.getDefiningOp());
  }

  /// The operand of a return, or of the scast before one, which must have `type`.
  static void convertOutput(OpOperand &output, quant::UniformQuantizedType type) {
    Value value = output.get();
    if (!type || !type.isSigned() || isConstant(value))
      return;
    if (unsignedType(value))
      retype(value, unsignedType(value));
    OpBuilder builder(output.getOwner());
    output.set(createRequantization(builder, value.getLoc(), value, type));
  }

  void runOnOperation() override {
    auto casts = llvm::to_vector(getOperation().getOps<ScastOp>());
    for (BlockArgument argument : getOperation().getArguments())
      convertInput(argument);
    for (ScastOp cast : casts)
      convertInput(cast.getResult());
    for (ScastOp cast : casts)
      if (!cast.getInput().getDefiningOp<LookupOp>())
        convertOutput(cast.getInputMutable(), activationType(cast.getInput()));
    Operation *end = getOperation().front().getTerminator();
    for (auto [output, type] : llvm::zip_equal(end->getOpOperands(), getOperation().getResultTypes()))
      convertOutput(output,
                    dyn_cast<quant::UniformQuantizedType>(cast<RankedTensorType>(type).getElementType()));
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
