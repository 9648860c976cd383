//===- StoreHalves.cpp - Float weights in 16 bits -------------------------===//
//
// Weights of products and recurrent layers, and tables that rows are gathered
// from, become constants of float16 or bfloat16. Kernels widen them while they
// read them; activations and sums stay f32.
//
//===----------------------------------------------------------------------===//

#include "compiler/fuse/FloatProducts.h"
#include "compiler/fuse/Passes.h"
#include "compiler/fuse/Quantized.h"
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
/// Weights in f32 that the second level of a processor's cache does not hold, and so few rows that a
/// product waits for them: decision 0018 has the measurements.
constexpr int64_t streamedBytes = 1 << 20, streamedRows = 8;
constexpr float largestHalf = 65504;
/// Of fewer numbers a table is not worth a conversion of its rows.
constexpr int64_t largeTable = 1 << 16;

/// Constants to store in 16 bits, seen as [outer][channels][inner]: an error is that of a channel.
struct Candidate {
  OpOperand *operand;
  int64_t channels, inner;
};

/// The kernels that take packed weights.
bool isPacked(Operation *op, const Weighted &product) {
  if (auto gemm = dyn_cast<GemmOp>(op)) {
    Value bias = gemm.getC();
    return !gemm.getTransA() && (!bias || isConstant(bias)) &&
           (!bias || llvm::is_contained({int64_t(1), product.channels}, tensorType(bias).getNumElements()));
  }
  return !isa<MatMulOp>(op) || tensorType(product.weights->get()).getRank() == 2;
}

Candidate alongAxis(OpOperand &operand, int64_t axis) {
  RankedTensorType type = tensorType(operand.get());
  return {&operand, type.getDimSize(axis), ShapedType::getNumElements(type.getShape().drop_front(axis + 1))};
}

bool isLargeTable(GatherOp op) {
  RankedTensorType type = tensorType(op.getInput());
  return isConstant(op.getInput()) && isF32(op.getInput()) && type.getRank() == 2 && op.getAxis() == 0 &&
         type.getNumElements() >= largeTable;
}

SmallVector<Candidate, 2> candidatesOf(Operation *op) {
  if (std::optional<Weighted> product = floatProductOf(op); product && isPacked(op, *product))
    return {alongAxis(*product->weights, product->weightAxis)};
  if (auto gather = dyn_cast<GatherOp>(op); gather && isLargeTable(gather))
    return {alongAxis(gather->getOpOperand(0), 0)};
  if (!isa<RnnOp, GruOp, LstmOp>(op))
    return {};
  OpOperand &weights = op->getOpOperand(1), &recurrence = op->getOpOperand(2);
  for (OpOperand *operand : {&op->getOpOperand(0), &weights, &recurrence})
    if (!isF32(operand->get()))
      return {};
  if (!isConstant(weights.get()) || !isConstant(recurrence.get()))
    return {};
  return {alongAxis(weights, 1), alongAxis(recurrence, 1)};
}

/// Whether the weights come from beyond the second level and are used too seldom to be worth the wait.
bool isStreamed(Operation *op, ArrayRef<Candidate> candidates) {
  int64_t bytes = 0;
  for (const Candidate &candidate : candidates)
    bytes += 4 * tensorType(candidate.operand->get()).getNumElements();
  std::optional<Weighted> product = describeWeighted(op);
  return bytes >= streamedBytes &&
         (!product || tensorType(op->getResult(0)).getNumElements() <= streamedRows * product->channels);
}

std::string text(const llvm::format_object_base &format) {
  std::string text;
  llvm::raw_string_ostream(text) << format;
  return text;
}

/// Why float16 would not do; empty where it does.
std::string whyNotHalf(const Candidate &candidate, const Tensor &exact, const Tensor &rounded, double limit) {
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

  void store(const Candidate &candidate, const Tensor &rounded) {
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
    SmallVector<Candidate, 2> candidates = candidatesOf(op);
    if (onlyStreamed && !isStreamed(op, candidates))
      return;
    SmallVector<Tensor, 2> all;
    for (const Candidate &candidate : candidates) {
      Tensor exact = *constantOf(candidate.operand->get());
      Tensor &rounded = all.emplace_back(wanted(), exact.shape);
      for (int64_t i = 0; i < exact.size(); ++i)
        rounded.setDouble(i, exact.getDouble(i));
      double limit = onlyStreamed ? 0 : mostError; // nobody has asked for another result
      std::string reason = wanted() == DType::F16 ? whyNotHalf(candidate, exact, rounded, limit) : "";
      if (!reason.empty())
        return onlyStreamed ? void() : (void)stayFloat(op, reason);
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
