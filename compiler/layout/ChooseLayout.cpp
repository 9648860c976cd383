//===- ChooseLayout.cpp - Decide what computes on channels-last tensors ---===//
//
// Starts at convolutions and pools and spreads along their activations, both
// ways, over every operation that can be expressed that way. What a region
// touches and cannot take in gets a transpose, so larger regions have fewer.
//
//===----------------------------------------------------------------------===//

#include "compiler/layout/Passes.h"
#include "compiler/support/Rewrite.h"

namespace qcc::layout {
#define GEN_PASS_DEF_CHOOSELAYOUT
#include "compiler/layout/Passes.h.inc"

using namespace mlir;

bool isActivation(OpOperand &operand) {
  Operation *op = operand.getOwner();
  if (op->hasAttr("layout")) // all but the first are weights
    return operand.getOperandNumber() == 0;
  if (isa<LookupOp, GatherOp>(op))
    return operand.getOperandNumber() == 0;
  return isa<QccOpInterface>(op) && tensorType(operand.get()).getRank() >= 3;
}

bool followsLayout(Value result) {
  return tensorType(result).getRank() == tensorType(result.getDefiningOp()->getOperand(0)).getRank();
}

namespace {
bool canBeChannelsLast(Operation *op) {
  if (!isa<QccOpInterface>(op) || op->getNumOperands() == 0 || isConstant(op->getResult(0)))
    return false;
  int64_t rank = tensorType(op->getOperand(0)).getRank();
  if (rank < 3 || rank > 4)
    return false;
  // A result that lost some axes, but not all spatial ones, has no such layout.
  for (Value result : op->getResults())
    if (!followsLayout(result) && tensorType(result).getRank() > 2)
      return false;
  for (OpOperand &operand : op->getOpOperands())
    if (isActivation(operand) && tensorType(operand.get()).getRank() != rank)
      return false;
  Operation *trial = op->clone();
  bool can = succeeded(cast<QccOpInterface>(trial).toChannelsLast());
  trial->destroy();
  return can;
}

struct ChooseLayout : impl::ChooseLayoutBase<ChooseLayout> {
  SmallVector<Operation *> pending;

  void choose(Operation *op) {
    if (!op || op->hasAttr(channelsLastAttr) || !canBeChannelsLast(op))
      return;
    op->setAttr(channelsLastAttr, UnitAttr::get(op->getContext()));
    pending.push_back(op);
  }

  void spread(Operation *op) {
    for (OpOperand &operand : op->getOpOperands())
      if (isActivation(operand))
        choose(operand.get().getDefiningOp());
    for (Value result : op->getResults())
      if (followsLayout(result))
        for (OpOperand &use : result.getUses())
          if (isActivation(use))
            choose(use.getOwner());
  }

  void runOnOperation() override {
    pending.clear();
    for (Operation &op : getOperation().getBody().getOps())
      if (auto layout = op.getAttrOfType<StringAttr>("layout"); layout && layout == "nchw")
        choose(&op);
    while (!pending.empty())
      spread(pending.pop_back_val());
  }
};
} // namespace
} // namespace qcc::layout
