//===- FuseFloatChains.cpp - Pointwise steps of products with float results ===//

#include "compiler/fuse/Passes.h"
#include "compiler/fuse/Quantized.h"
#include "compiler/fuse/Steps.h"
#include "compiler/support/Weighted.h"

namespace qcc::fuse {
#define GEN_PASS_DEF_FUSEFLOATCHAINS
#include "compiler/fuse/Passes.h.inc"

using namespace mlir;

namespace {
/// The steps behind a float result, up to the first that is none.
Steps floatSteps(Operation *op, bool mayAddResidual) {
  Steps steps{{}, {}, op->getResult(0), {}};
  // What no epilogue has runs behind the kernel, and so does all that follows; a residual cannot.
  bool inEpilogue = true;
  while (steps.end.hasOneUse()) {
    Operation *user = *steps.end.user_begin();
    auto add = dyn_cast<AddOp>(user);
    if (std::optional<PointwiseUse> use = pointwiseUse(user)) {
      steps.chain.push_back(use->entry);
      inEpilogue &= use->exact;
    } else if (add && mayAddResidual && inEpilogue && !steps.residual && !add.getChain() &&
               add.getLhs() != add.getRhs() && add.getLhs().getType() == add.getRhs().getType()) {
      steps.residual = add.getLhs() == steps.end ? add.getRhs() : add.getLhs();
      steps.chain.push_back(residualEntry(op->getContext()));
    } else {
      break;
    }
    steps.operations.push_back(user);
    steps.end = user->getResult(0);
  }
  return steps;
}

struct FuseFloatChains : impl::FuseFloatChainsBase<FuseFloatChains> {
  static bool takesSteps(Operation *op) {
    // With weights of the run, convolutions and products of integers have kernels without steps.
    std::optional<Weighted> weighted = describeWeighted(op);
    if (weighted && !isKnown(weighted->weights->get()) &&
        (isa<ConvOp, ConvTransposeOp>(op) || !isFloatTensor(weighted->input->get())))
      return false;
    return (weighted || isa<AddOp, MulOp>(op)) && isPlain(op) &&
           tensorType(op->getResult(0)).getElementType().isF32();
  }

  llvm::DenseSet<Operation *> fused; ///< erased, as steps of others

  void fuse(Operation *op) {
    std::optional<Weighted> weighted = describeWeighted(op);
    Steps steps = floatSteps(op, weighted.has_value());
    if (steps.chain.empty())
      return;
    Operation *last = steps.end.getDefiningOp();
    op->moveBefore(last);
    if (steps.residual)
      weighted->residual.assign(steps.residual);
    op->setAttr("chain", steps.chainAttr(op->getContext()));
    steps.end.replaceAllUsesWith(op->getResult(0));
    for (Operation *step : llvm::reverse(steps.operations))
      step->erase();
    fused.insert_range(steps.operations);
  }

  void runOnOperation() override {
    fused.clear();
    // Products first: an addition is better the step of one than on its own.
    for (bool products : {true, false}) {
      SmallVector<Operation *> candidates;
      for (Operation &op : getOperation().getBody().getOps())
        if (describeWeighted(&op).has_value() == products && takesSteps(&op))
          candidates.push_back(&op);
      for (Operation *op : candidates)
        if (!fused.contains(op))
          fuse(op);
    }
    RewritePatternSet none(&getContext()); // constants that are steps' parameters now
    if (failed(applyPatterns(getOperation(), std::move(none))))
      signalPassFailure();
  }
};
} // namespace
} // namespace qcc::fuse
