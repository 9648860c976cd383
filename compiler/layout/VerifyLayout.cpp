//===- VerifyLayout.cpp - Gate: channels-last, and why transposes remain --===//

#include "compiler/layout/Passes.h"
#include "compiler/support/Rewrite.h"

namespace qcc::layout {
#define GEN_PASS_DEF_VERIFYLAYOUT
#include "compiler/layout/Passes.h.inc"

using namespace mlir;

namespace {
/// The neighbour that needs the other layout, in words.
std::string reason(TransposeOp op) {
  if (isa<BlockArgument>(op.getInput()))
    return "it gives the model's input the inner layout";
  for (Operation *user : op->getUsers())
    return user->hasTrait<OpTrait::IsTerminator>()
               ? "it gives the model's output its own layout"
               : "'" + user->getName().getStringRef().str() + "' needs this order of axes";
  return "nothing uses it";
}

struct VerifyLayout : impl::VerifyLayoutBase<VerifyLayout> {
  using VerifyLayoutBase::VerifyLayoutBase;
  void runOnOperation() override {
    for (Operation &op : getOperation().getBody().getOps()) {
      auto layout = op.getAttrOfType<StringAttr>("layout");
      int64_t rank = op.getNumOperands() ? tensorType(op.getOperand(0)).getRank() : 0;
      if (layout && layout != "nhwc" && (rank == 3 || rank == 4)) {
        op.emitOpError("layout must be \"nhwc\" after stage layout but is \"") << layout.getValue() << "\"";
        return signalPassFailure();
      }
      if (auto transpose = dyn_cast<TransposeOp>(op); transpose && explain)
        transpose.emitRemark("transpose remains: ") << reason(transpose);
    }
  }
};
} // namespace
} // namespace qcc::layout
