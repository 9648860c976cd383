//===- ApplyLayout.cpp - Permute the tensors of the chosen operations -----===//

#include "compiler/layout/Passes.h"
#include "compiler/support/Lengths.h"
#include "compiler/support/Rewrite.h"
#include "dialects/PermutedType.h"

namespace qcc::layout {
#define GEN_PASS_DEF_APPLYLAYOUT
#include "compiler/layout/Passes.h.inc"

using namespace mlir;

namespace {
struct ApplyLayout : impl::ApplyLayoutBase<ApplyLayout> {
  llvm::DenseSet<Value> channelsLast;           ///< results of chosen operations
  llvm::DenseMap<Value, Value> toLast, toFirst; ///< transposes made so far

  Value inChannelsLast(Value value) {
    if (channelsLast.contains(value))
      return value;
    Value &known = toLast[value];
    if (known)
      return known;
    OpBuilder builder(&getContext());
    builder.setInsertionPointAfterValue(value);
    return known = createTranspose(builder, value.getLoc(), value, permToLast(tensorType(value).getRank()));
  }

  Value inOwnLayout(Value value) {
    Value &known = toFirst[value];
    if (known)
      return known;
    OpBuilder builder(&getContext());
    builder.setInsertionPointAfterValue(value);
    return known = createTranspose(builder, value.getLoc(), value, permToFirst(tensorType(value).getRank()));
  }

  /// A mark says how much of each axis counts.
  static void moveExtents(Operation *op) {
    auto all = op->getAttrOfType<ArrayAttr>(extentsAttr);
    if (!all || !isa<ObserveOp>(op))
      return;
    int64_t rank = tensorType(op->getResult(0)).getRank();
    Extents before = extentsFromAttr(all[0], rank), after;
    for (int64_t axis : permToLast(rank))
      after.push_back(before[axis]);
    setExtents(op, extentsAttr, {after});
  }

  /// While the operands still have the old types, which the operation reads.
  static LogicalResult rewriteAttributes(Operation *op) {
    moveExtents(op);
    if (succeeded(cast<QccOpInterface>(op).toChannelsLast()))
      return success();
    return op->emitOpError("was chosen for the channels-last layout but cannot take it");
  }

  void rewriteOperands(Operation *op) {
    for (OpOperand &operand : op->getOpOperands())
      if (isActivation(operand))
        operand.set(inChannelsLast(operand.get()));
    op->removeAttr(channelsLastAttr);
  }

  void runOnOperation() override {
    channelsLast.clear();
    toLast.clear();
    toFirst.clear();
    SmallVector<Operation *> chosen;
    for (Operation &op : getOperation().getBody().getOps())
      if (op.hasAttr(channelsLastAttr))
        chosen.push_back(&op);
    for (Operation *op : chosen)
      if (failed(rewriteAttributes(op)))
        return signalPassFailure();
    // Users outside the regions first: they see the old types.
    SmallVector<std::pair<OpOperand *, Value>> outside;
    for (Operation *op : chosen)
      for (Value result : op->getResults())
        if (followsLayout(result))
          for (OpOperand &use : result.getUses())
            if (!use.getOwner()->hasAttr(channelsLastAttr) || !isActivation(use))
              outside.push_back({&use, result});
    for (Operation *op : chosen)
      for (Value result : op->getResults())
        if (followsLayout(result))
          channelsLast.insert(result);
    for (Value result : channelsLast) {
      RankedTensorType type = tensorType(result);
      result.setType(permutedType(type, permToLast(type.getRank())));
    }
    for (auto [use, result] : outside)
      use->set(inOwnLayout(result));
    for (Operation *op : chosen)
      rewriteOperands(op);
  }
};
} // namespace
} // namespace qcc::layout
