//===- ReportFloat.cpp - What stays in float next to quantised tensors ----===//

#include "compiler/fuse/Passes.h"
#include "compiler/fuse/Quantized.h"
#include "compiler/support/Weighted.h"

namespace qcc::fuse {
#define GEN_PASS_DEF_REPORTFLOAT
#include "compiler/fuse/Passes.h.inc"

using namespace mlir;

namespace {
bool isBoundary(Operation *op) { return isa<QuantizeOp, DequantizeOp, ScastOp, ConstantOp, LookupOp>(op); }

struct ReportFloat : impl::ReportFloatBase<ReportFloat> {
  static bool computesOnIntegers(Operation *op) {
    return isMeasured(op) || (op->getNumOperands() > 0 && activationType(op->getOperand(0)));
  }
  static bool readsQuantized(Operation *op) {
    return llvm::any_of(op->getOperands(),
                        [](Value operand) { return operand.getDefiningOp<DequantizeOp>() != nullptr; });
  }
  static bool isQuantizedAfter(Operation *op) {
    return llvm::any_of(op->getUsers(), [](Operation *user) { return isa<QuantizeOp>(user); });
  }

  /// For operations that no pass gave a reason.
  static std::string defaultReason(Operation *op) {
    if (cast<QccOpInterface>(op).quantRule() == QuantRule::Float)
      return "'" + op->getName().getStringRef().str() + "' has no integer form";
    if (!readsQuantized(op))
      return "its input is not quantised";
    if (!isQuantizedAfter(op))
      return "its result is not quantised";
    return "no integer form fits its operands";
  }

  void runOnOperation() override {
    for (Operation &op : getOperation().getBody().getOps()) {
      if (!isa<QccOpInterface>(op) || isBoundary(&op) || op.getNumResults() == 0 || computesOnIntegers(&op))
        continue;
      bool meetsIntegers = readsQuantized(&op) || isQuantizedAfter(&op) || op.hasAttr(floatReasonAttr);
      if (!isFloatTensor(op.getResult(0)) || !meetsIntegers)
        continue;
      if (!op.hasAttr(floatReasonAttr))
        op.setAttr(floatReasonAttr, StringAttr::get(&getContext(), defaultReason(&op)));
      op.emitRemark("left in float: ") << op.getAttrOfType<StringAttr>(floatReasonAttr).getValue();
    }
  }
};
} // namespace
} // namespace qcc::fuse
