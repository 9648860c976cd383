//===- FoldPads.cpp - A pad with zeros is padding of the next window ------===//

#include "compiler/simplify/Passes.h"
#include "compiler/support/Rewrite.h"
#include <limits>

namespace qcc::simplify {
#define GEN_PASS_DEF_FOLDPADS
#include "compiler/simplify/Passes.h.inc"

using namespace mlir;

namespace {
/// Begins and ends of the spatial axes; nothing where the pad does more than
/// extend those with `value`.
std::optional<SmallVector<int64_t>> spatialPads(PadOp pad, double value) {
  int64_t rank = tensorType(pad.getInput()).getRank();
  double padValue = pad.getValue() ? pad.getValue()->convertToDouble() : 0;
  if (pad.getMode() != "constant" || padValue != value || rank < 3)
    return std::nullopt;
  SmallVector<int64_t> all(2 * rank, 0);
  SmallVector<int64_t> axes = llvm::to_vector(llvm::seq<int64_t>(0, rank));
  if (pad.getAxes())
    axes.assign(pad.getAxes()->begin(), pad.getAxes()->end());
  for (auto [index, axis] : llvm::enumerate(axes)) {
    int64_t front = axis < 0 ? axis + rank : axis;
    all[front] = pad.getPads()[index];
    all[rank + front] = pad.getPads()[axes.size() + index];
  }
  if (all[0] || all[1] || all[rank] || all[rank + 1] || llvm::any_of(all, [](int64_t p) { return p < 0; }))
    return std::nullopt;
  SmallVector<int64_t> spatial(all.begin() + 2, all.begin() + rank);
  spatial.append(all.begin() + rank + 2, all.end());
  return spatial;
}

bool hasPads(std::optional<ArrayRef<int64_t>> pads) {
  return pads && llvm::any_of(*pads, [](int64_t pad) { return pad != 0; });
}

// What a window needs for taking over a pad: the value its own padding has, and
// what else must hold.
double paddingValue(ConvOp) { return 0; }
double paddingValue(AveragePoolOp) { return 0; }
double paddingValue(MaxPoolOp) { return -std::numeric_limits<double>::infinity(); }
bool mayPad(ConvOp) { return true; }
bool mayPad(MaxPoolOp op) { return op.getCeilMode() == 0; }
/// Zeros of the pad counted as values, so they must count as padding.
bool mayPad(AveragePoolOp op) {
  return op.getCeilMode() == 0 && (op.getCountIncludePad() || !hasPads(op.getPads()));
}
void countPads(Operation *op) {
  if (auto pool = dyn_cast<AveragePoolOp>(op))
    pool.setCountIncludePad(1);
}

template <typename OpTy> struct FoldPad : OpRewritePattern<OpTy> {
  using OpRewritePattern<OpTy>::OpRewritePattern;
  LogicalResult matchAndRewrite(OpTy op, PatternRewriter &rewriter) const override {
    auto pad = op.getInput().template getDefiningOp<PadOp>();
    if (!pad || op.getLayout() != "nchw" || op.getAutoPad() != "NOTSET" || !mayPad(op))
      return rewriter.notifyMatchFailure(op, "requires a pad before a window without auto_pad and ceil_mode");
    std::optional<SmallVector<int64_t>> pads = spatialPads(pad, paddingValue(op));
    if (!pads)
      return rewriter.notifyMatchFailure(pad, "requires padding of spatial axes with the window's own value");
    if (op.getPads())
      for (auto [sum, own] : llvm::zip_equal(*pads, *op.getPads()))
        sum += own;
    rewriter.modifyOpInPlace(op, [&] {
      op.getInputMutable().assign(pad.getInput());
      op.setPads(*pads);
      countPads(op);
    });
    return success();
  }
};

struct FoldPads : impl::FoldPadsBase<FoldPads> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<FoldPad<ConvOp>, FoldPad<AveragePoolOp>, FoldPad<MaxPoolOp>>(&getContext());
    if (failed(applyPatterns(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};
} // namespace
} // namespace qcc::simplify
