//===- Evaluate.cpp - Running IR through the reference --------------------===//

#include "dialects/Evaluate.h"
#include "dialects/Constants.h"

using namespace mlir;
using namespace qcc;
using reference::Tensor;

/// Puts null where an optional operand is absent. Trailing ones of operations
/// with at most one optional operand are left out, which reads the same.
static SmallVector<const Tensor *> toSlots(Operation *op, ArrayRef<const Tensor *> operands) {
  std::optional<Attribute> attr = op->getInherentAttr("operandSegmentSizes");
  auto segments = attr ? dyn_cast_or_null<DenseI32ArrayAttr>(*attr) : DenseI32ArrayAttr();
  if (!segments)
    return SmallVector<const Tensor *>(operands);
  SmallVector<const Tensor *> slots;
  for (int32_t size : segments.asArrayRef()) {
    if (size == 0)
      slots.push_back(nullptr);
    llvm::append_range(slots, operands.take_front(size));
    operands = operands.drop_front(size);
  }
  return slots;
}

static LogicalResult checkResult(Operation *op, unsigned index, const Tensor &tensor) {
  auto type = cast<RankedTensorType>(op->getResult(index).getType());
  if (ArrayRef<int64_t>(tensor.shape) == type.getShape() && findDType(type.getElementType()) == tensor.type)
    return success();
  return op->emitOpError("result ") << index << " has type " << type << " but evaluates to "
                                    << tensorTypeOf(op->getContext(), tensor);
}

LogicalResult qcc::evaluateOp(Operation *op, ArrayRef<const Tensor *> operands,
                              SmallVectorImpl<Tensor> &results) {
  auto typed = dyn_cast<QccOpInterface>(op);
  if (!typed)
    return op->emitError() << "'" << op->getName() << "' has no meaning in the reference";
  if (failed(typed.evaluate(toSlots(op, operands), results)))
    return failure();
  for (auto [index, tensor] : llvm::enumerate(results))
    if (failed(checkResult(op, static_cast<unsigned>(index), tensor)))
      return failure();
  return success();
}

namespace {
/// The values that are alive.
class Environment {
public:
  void define(Value value, Tensor tensor) {
    if (!value.use_empty())
      live[value] = std::make_unique<Tensor>(std::move(tensor));
  }
  const Tensor *get(Value value) const {
    auto it = live.find(value);
    return it == live.end() ? nullptr : it->second.get();
  }
  /// Frees what `op` was the last to use. All uses are in one block.
  void release(Operation *op) {
    for (Value operand : op->getOperands())
      if (llvm::all_of(operand.getUsers(),
                       [&](Operation *user) { return user == op || user->isBeforeInBlock(op); }))
        live.erase(operand);
  }

private:
  llvm::DenseMap<Value, std::unique_ptr<Tensor>> live;
};
} // namespace

LogicalResult qcc::evaluateFunction(func::FuncOp function, ArrayRef<Tensor> inputs,
                                    SmallVectorImpl<Tensor> &outputs, EvaluationHook hook) {
  if (!function.getBody().hasOneBlock() || inputs.size() != function.getNumArguments())
    return function.emitError() << "takes " << function.getNumArguments() << " inputs and one block, but got "
                                << inputs.size() << " inputs";
  Environment values;
  for (auto [argument, input] : llvm::zip(function.getArguments(), inputs))
    values.define(argument, input);
  for (Operation &op : function.front()) {
    SmallVector<const Tensor *> operands;
    for (Value operand : op.getOperands())
      operands.push_back(values.get(operand));
    if (isa<func::ReturnOp>(op)) {
      for (const Tensor *operand : operands)
        outputs.push_back(*operand);
      return success();
    }
    SmallVector<Tensor> results;
    if (failed(evaluateOp(&op, operands, results)))
      return failure();
    SmallVector<const Tensor *> seen;
    for (const Tensor &result : results)
      seen.push_back(&result);
    if (hook)
      hook(&op, seen);
    for (auto [value, result] : llvm::zip(op.getResults(), results))
      values.define(value, std::move(result));
    values.release(&op);
  }
  return function.emitError("has no return");
}
