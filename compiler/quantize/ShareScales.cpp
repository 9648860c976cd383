//===- ShareScales.cpp - One scale for what a concat joins ----------------===//

#include "compiler/quantize/Passes.h"
#include "compiler/quantize/Role.h"

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

/// The mark that gives `value` its scale, through operations that only move values.
ObserveOp markOf(Value value) {
  while (Operation *op = value.getDefiningOp()) {
    if (auto observe = dyn_cast<ObserveOp>(op))
      return isRange(observe) ? observe : ObserveOp();
    Role role = roleOf(op);
    if (role.form != Form::Move)
      return {};
    value = role.inputs[0];
  }
  return {};
}

/// Whether the values go to `reader` alone.
bool goOnlyTo(Value value, Operation *reader) {
  return llvm::all_of(value.getUsers(), [&](Operation *user) {
    if (user == reader)
      return true;
    return roleOf(user).form == Form::Move &&
           llvm::all_of(user->getResults(), [&](Value result) { return goOnlyTo(result, reader); });
  });
}

struct Sharing {
  bool warns = true;

  void share(ConcatOp concat) const {
    if (!concat.getResult().hasOneUse())
      return;
    auto whole = dyn_cast<ObserveOp>(*concat.getResult().user_begin());
    if (!whole || !isRange(whole) || !whole.getRange())
      return;
    for (Value input : concat.getInputs()) {
      ObserveOp part = markOf(input);
      if (!part || !part.getRange())
        continue;
      double ratio = widthOf(part) > 0 ? widthOf(whole) / widthOf(part) : 1;
      if (warns && ratio > alarming)
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
