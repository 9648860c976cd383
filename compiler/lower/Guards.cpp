//===- Guards.cpp - What matters only where a truth value says so ---------===//

#include "compiler/lower/Guards.h"

using namespace mlir;
using namespace qcc;
using namespace qcc::lower;

static RankedTensorType typeOf(Value value) { return cast<RankedTensorType>(value.getType()); }

/// A where that takes all elements from one side, by a condition of the run.
static bool choosesWhole(WhereOp op) {
  Value condition = op.getCondition();
  return typeOf(condition).getNumElements() == 1 && typeOf(condition).getElementType().isInteger(1) &&
         !isa_and_nonnull<ConstantOp>(condition.getDefiningOp());
}

Guards::List Guards::ofUse(OpOperand &use) const {
  Operation *user = use.getOwner();
  List result(of(user));
  auto where = dyn_cast<WhereOp>(user);
  if (where && use.getOperandNumber() > 0 && choosesWhole(where) && where.getLhs() != where.getRhs())
    result.push_back({where.getCondition(), use.getOperandNumber() == 1});
  return result;
}

/// What all uses have in common.
Guards::List Guards::ofUses(Operation *op) const {
  List result;
  bool isFirst = true;
  for (Value value : op->getResults())
    for (OpOperand &use : value.getUses()) {
      List here = ofUse(use);
      if (isFirst)
        result = here;
      else
        llvm::erase_if(result, [&](const Guard &guard) { return !llvm::is_contained(here, guard); });
      isFirst = false;
    }
  return result;
}

Guards::Guards(func::FuncOp function) {
  Block &block = function.front();
  for (Operation &op : llvm::reverse(block))
    if (List list = ofUses(&op); !list.empty() && !isa<ConstantOp>(op))
      guards[&op] = list;
  if (!guards.empty())
    order(block);
}

ArrayRef<Guard> Guards::of(Operation *op) const {
  auto found = guards.find(op);
  return found == guards.end() ? ArrayRef<Guard>() : ArrayRef<Guard>(found->second);
}

/// Keeps the order but for what has to wait for its conditions.
void Guards::order(Block &block) const {
  llvm::DenseSet<Operation *> done;
  SmallVector<Operation *> pending, all(llvm::make_pointer_range(block));
  std::reverse(all.begin(), all.end());
  pending = all;
  auto require = [&](Value value) {
    Operation *op = value.getDefiningOp();
    if (op && !done.contains(op))
      pending.push_back(op);
  };
  while (!pending.empty()) {
    Operation *op = pending.back();
    size_t before = pending.size();
    if (!done.contains(op)) {
      for (const Guard &guard : of(op))
        require(guard.condition);
      for (Value operand : op->getOperands())
        require(operand);
    }
    if (pending.size() != before)
      continue;
    pending.pop_back();
    if (done.insert(op).second)
      op->moveBefore(&block, block.end());
  }
}
