//===- ShareScales.cpp - One scale for what a concat joins ----------------===//

#include "compiler/quantize/Balance.h"
#include "compiler/quantize/Passes.h"

namespace qcc::quantize {
#define GEN_PASS_DEF_SHARESCALES
#include "compiler/quantize/Passes.h.inc"

using namespace mlir;

namespace {

/// How much coarser a scale may become for the sake of a concat: one bit.
constexpr double shareable = 2;
/// A part whose own range is so much smaller loses this many of its 8 bits' steps.
constexpr double alarming = 16;

double widthOf(ObserveOp op) { return double((*op.getRange())[1]) - double((*op.getRange())[0]); }

struct Sharing {
  bool warns = true;

  void share(ConcatOp concat) const {
    if (!concat.getResult().hasOneUse())
      return;
    auto whole = dyn_cast<ObserveOp>(*concat.getResult().user_begin());
    if (!whole || !isRange(whole) || !whole.getRange())
      return;
    // What then is left coarse is multiplied by small weights.
    bool balanced = balanceConcat(concat, whole);
    for (Value input : concat.getInputs()) {
      ObserveOp part = markOf(input);
      if (!part || !part.getRange())
        continue;
      double ratio = widthOf(part) > 0 ? widthOf(whole) / widthOf(part) : 1;
      if (warns && !balanced && ratio > alarming)
        concat.emitWarning() << "joins ranges that differ much: of 256 steps, input '"
                             << nameOf(part.getLoc()) << "' uses " << static_cast<int64_t>(256 / ratio)
                             << "; --keep-float on the nodes behind it may help";
      if (ratio <= shareable || goOnlyTo(part.getResult(), concat))
        part.setRangeAttr(whole.getRangeAttr());
    }
  }

  void run(func::FuncOp function) const {
    // Backwards, so that a concat of concats has its final scale when its parts get it.
    SmallVector<ConcatOp> concats(function.getOps<ConcatOp>());
    for (ConcatOp concat : llvm::reverse(concats))
      share(concat);
  }
};

struct ShareScales : impl::ShareScalesBase<ShareScales> {
  void runOnOperation() override { Sharing().run(getOperation()); }
};

} // namespace

OwningOpRef<ModuleOp> withSharedScales(ModuleOp marked) {
  OwningOpRef<ModuleOp> module = marked.clone();
  for (auto function : module->getOps<func::FuncOp>())
    Sharing{/*warns=*/false}.run(function);
  return module;
}
} // namespace qcc::quantize
