//===- WidenHalf.cpp - Models of float16 compute in float32 ---------------===//
//
// No kernel multiplies float16, and rounding every step would only cost: inputs
// and outputs keep their type, everything between has float32.
//
//===----------------------------------------------------------------------===//

#include "compiler/simplify/Passes.h"
#include "compiler/support/Rewrite.h"
#include "dialects/Constants.h"

namespace qcc::simplify {
#define GEN_PASS_DEF_WIDENHALF
#include "compiler/simplify/Passes.h.inc"

using namespace mlir;

namespace {
constexpr int64_t onnxFloat = 1, onnxHalf = 10; // TensorProto.DataType

bool isHalf(Value value) { return tensorType(value).getElementType().isF16(); }

struct WidenHalf : impl::WidenHalfBase<WidenHalf> {
  Type f32, f16;

  Value cast(OpBuilder &builder, Value value, Type element) {
    auto type = RankedTensorType::get(tensorType(value).getShape(), element);
    return CastOp::create(builder, value.getLoc(), type, value, element.isF16() ? onnxHalf : onnxFloat);
  }

  void widen(Value value) { value.setType(RankedTensorType::get(tensorType(value).getShape(), f32)); }

  void widen(ConstantOp op) {
    reference::Tensor half = *constantOf(op.getResult()), wide(reference::DType::F32, half.shape);
    for (int64_t i = 0, e = half.size(); i < e; ++i)
      wide.setDouble(i, half.getDouble(i));
    OpBuilder builder(op);
    auto type = RankedTensorType::get(half.shape, f32);
    op.getResult().replaceAllUsesWith(createConstant(builder, op.getLoc(), wide, type));
    op.erase();
  }

  /// Changes of representation and what is returned keep their types: `halves` are the operands that had
  /// float16.
  void keep(Operation *op, ArrayRef<OpOperand *> halves) {
    OpBuilder before(op), after(op);
    for (OpOperand *operand : halves)
      operand->set(cast(before, operand->get(), f16));
    after.setInsertionPointAfter(op);
    for (Value result : op->getResults())
      if (isHalf(result)) {
        Value wide = cast(after, result, f32);
        result.replaceAllUsesExcept(wide, wide.getDefiningOp());
      }
  }

  static bool keepsTypes(Operation *op) {
    auto interface = dyn_cast<QccOpInterface>(op);
    return !interface || interface.quantRule() == QuantRule::Boundary;
  }

  void runOnOperation() override {
    func::FuncOp function = getOperation();
    f32 = Float32Type::get(&getContext()), f16 = Float16Type::get(&getContext());
    llvm::DenseSet<OpOperand *> halves; // by what they were
    SmallVector<Operation *> ops(llvm::make_pointer_range(function.front()));
    for (Operation *op : ops)
      for (OpOperand &operand : op->getOpOperands())
        if (isHalf(operand.get()))
          halves.insert(&operand);
    OpBuilder builder = OpBuilder::atBlockBegin(&function.front());
    for (Value argument : function.getArguments())
      if (isHalf(argument)) {
        Value wide = cast(builder, argument, f32);
        argument.replaceAllUsesExcept(wide, wide.getDefiningOp());
      }
    for (Operation *op : ops) {
      if (auto constant = dyn_cast<ConstantOp>(op)) {
        if (isHalf(constant.getResult()))
          widen(constant);
        continue;
      }
      if (keepsTypes(op)) {
        SmallVector<OpOperand *> own;
        for (OpOperand &operand : op->getOpOperands())
          if (halves.contains(&operand))
            own.push_back(&operand);
        keep(op, own);
        continue;
      }
      for (Value result : op->getResults())
        if (isHalf(result))
          widen(result);
      if (auto conversion = dyn_cast<CastOp>(op); conversion && conversion.getTo() == onnxHalf)
        conversion.setTo(onnxFloat);
    }
  }
};
} // namespace
} // namespace qcc::simplify
