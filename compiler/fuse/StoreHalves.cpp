//===- StoreHalves.cpp - Float weights in 16 bits -------------------------===//
//
// Weights of products and recurrent layers, and tables that rows are gathered
// from, become constants of float16 or bfloat16. Kernels widen them while they
// read them; activations and sums stay f32.
//
//===----------------------------------------------------------------------===//

#include "compiler/fuse/Passes.h"
#include "compiler/fuse/Quantized.h"
#include "compiler/support/FloatWeights.h"
#include "dialects/Constants.h"
#include "llvm/Support/Format.h"
#include <cmath>

namespace qcc::fuse {
#define GEN_PASS_DEF_STOREHALVES
#include "compiler/fuse/Passes.h.inc"

using namespace mlir;
using reference::DType;
using reference::Tensor;

namespace {
/// Of the norm of an output channel's weights (of a row of a table): rounding to float16 may change so much
/// of it. It costs a fourth of that where no weight is below float16's normal numbers.
constexpr double mostError = 1e-3;
constexpr float largestHalf = 65504;

std::string text(const llvm::format_object_base &format) {
  std::string text;
  llvm::raw_string_ostream(text) << format;
  return text;
}

/// Why float16 would not do; empty where it does.
std::string whyNotHalf(const FloatWeights &candidate, const Tensor &exact, const Tensor &rounded,
                       double limit) {
  std::vector<double> signal(candidate.channels, 0), noise(candidate.channels, 0);
  for (int64_t i = 0; i < exact.size(); ++i) {
    double value = exact.getDouble(i), error = rounded.getDouble(i) - value;
    if (!(std::abs(value) <= largestHalf))
      return text(llvm::format("its weights stay float32: %g is beyond float16", value));
    int64_t channel = i / candidate.inner % candidate.channels;
    signal[channel] += value * value;
    noise[channel] += error * error;
  }
  for (int64_t channel = 0; channel < candidate.channels; ++channel)
    if (noise[channel] > limit * limit * signal[channel])
      return text(
          llvm::format("its weights stay float32: float16 would change those of channel %lld by %.2g %%",
                       static_cast<long long>(channel), 100 * std::sqrt(noise[channel] / signal[channel])));
  return "";
}

struct StoreHalves : impl::StoreHalvesBase<StoreHalves> {
  using StoreHalvesBase::StoreHalvesBase;

  DType wanted() const { return type == "bf16" ? DType::BF16 : DType::F16; }

  void store(const FloatWeights &candidate, const Tensor &rounded) {
    Operation *op = candidate.operand->getOwner();
    OpBuilder builder(op);
    RankedTensorType stored = tensorTypeOf(&getContext(), rounded);
    candidate.operand->set(createConstant(builder, candidate.operand->get().getLoc(), rounded, stored));
    auto gather = dyn_cast<GatherOp>(op);
    if (!gather)
      return;
    RankedTensorType wide = tensorType(gather.getResult());
    gather.getResult().setType(wide.clone(stored.getElementType()));
    builder.setInsertionPointAfter(op);
    constexpr int64_t toF32 = 1; // TensorProto.FLOAT
    Value cast = CastOp::create(builder, op->getLoc(), wide, gather.getResult(), toF32);
    gather.getResult().replaceAllUsesExcept(cast, cast.getDefiningOp());
  }

  /// All of an operation's weights or none.
  void visit(Operation *op) {
    SmallVector<FloatWeights, 2> candidates = floatWeightsOf(op);
    bool decided = decidedPrecision(op) == "f16"; // by its error, which was measured
    if (onlyStreamed && !decided && !isStreamed(op, candidates))
      return;
    SmallVector<Tensor, 2> all;
    for (const FloatWeights &candidate : candidates) {
      Tensor exact = *constantOf(candidate.operand->get());
      Tensor &rounded = all.emplace_back(wanted(), exact.shape);
      for (int64_t i = 0; i < exact.size(); ++i)
        rounded.setDouble(i, exact.getDouble(i));
      double limit = onlyStreamed && !decided ? 0 : mostError; // nobody has asked for another result
      std::string reason = wanted() == DType::F16 ? whyNotHalf(candidate, exact, rounded, limit) : "";
      if (reason.empty())
        continue;
      op->removeAttr(precisionAttr);
      return onlyStreamed && !decided ? void() : (void)stayFloat(op, reason);
    }
    for (auto [candidate, rounded] : llvm::zip(candidates, all))
      store(candidate, rounded);
  }

  void runOnOperation() override {
    SmallVector<Operation *> ops(llvm::make_pointer_range(getOperation().getBody().front()));
    for (Operation *op : ops)
      visit(op);
    RewritePatternSet none(&getContext()); // the weights in f32
    if (failed(applyPatterns(getOperation(), std::move(none))))
      signalPassFailure();
  }
};
} // namespace
} // namespace qcc::fuse
