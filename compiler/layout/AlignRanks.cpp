//===- AlignRanks.cpp - Broadcast operands get the rank of the result -----===//

#include "compiler/layout/Passes.h"
#include "compiler/support/Rewrite.h"

namespace qcc::layout {
#define GEN_PASS_DEF_ALIGNRANKS
#include "compiler/layout/Passes.h.inc"

using namespace mlir;

namespace {
/// Operations under numpy's broadcasting.
bool broadcasts(Operation *op) {
  return isa<AddOp, SubOp, MulOp, DivOp, PowOp, ModOp, PReluOp, EqualOp, GreaterOp, GreaterOrEqualOp, LessOp,
             LessOrEqualOp, AndOp, OrOp, MinOp, MaxOp, WhereOp>(op);
}

struct AlignRanks : impl::AlignRanksBase<AlignRanks> {
  void align(OpOperand &operand, int64_t rank) {
    RankedTensorType type = tensorType(operand.get());
    if (type.getRank() == rank || type.getRank() == 0)
      return;
    SmallVector<int64_t> shape;
    if (type.getNumElements() != 1 || !isConstant(operand.get())) {
      shape.assign(rank - type.getRank(), 1);
      llvm::append_range(shape, type.getShape());
    }
    OpBuilder builder(operand.getOwner());
    Location loc = operand.get().getLoc();
    std::optional<reference::Tensor> constant = constantOf(operand.get());
    if (!constant)
      return operand.set(createReshape(builder, loc, operand.get(), shape));
    constant->shape.assign(shape.begin(), shape.end());
    operand.set(createConstant(builder, loc, *constant, type.clone(shape)));
  }

  void runOnOperation() override {
    for (Operation &op : getOperation().getBody().getOps()) {
      if (!broadcasts(&op))
        continue;
      int64_t rank = tensorType(op.getResult(0)).getRank();
      // A tensor of one element that is as large as the result is no scalar.
      for (OpOperand &operand : op.getOpOperands())
        if (rank >= 3)
          align(operand, rank);
    }
  }
};
} // namespace
} // namespace qcc::layout
