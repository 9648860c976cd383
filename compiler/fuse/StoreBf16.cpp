//===- StoreBf16.cpp - Float products read bf16 ---------------------------===//
//
// First decides which tensors are stored as bf16: what a product or attention
// multiplies, and from there what has to be of the same type. Then changes the types, with a cast
// where a producer can only write f32 or a user can only read it.
//
//===----------------------------------------------------------------------===//

#include "compiler/fuse/Passes.h"
#include "compiler/fuse/Quantized.h"
#include "compiler/kernels/attention/Attention.h"
#include "compiler/support/FloatWeights.h"
#include "dialects/Constants.h"
#include "llvm/ADT/SetVector.h"

namespace qcc::fuse {
#define GEN_PASS_DEF_STOREBF16
#include "compiler/fuse/Passes.h.inc"

using namespace mlir;

namespace {
/// Floats with weights that are stored as integers (q8b).
bool decodesWeights(const Weighted &product) {
  return isFloatTensor(product.input->get()) &&
         isa<quant::QuantizedType>(tensorType(product.weights->get()).getElementType());
}

/// What an operation that only moves values moves, if all of it may become bf16.
SmallVector<OpOperand *> movedFloats(Operation *op) {
  std::optional<SmallVector<OpOperand *>> moved = op ? movedOperands(op) : std::nullopt;
  auto fits = [](OpOperand *operand) { return isF32(operand->get()) && !isConstant(operand->get()); };
  return moved && llvm::all_of(*moved, fits) ? *moved : SmallVector<OpOperand *>();
}

/// Why attention stays in f32; empty where it multiplies bf16.
StringRef reasonForFloats(AttentionOp op) {
  RankedTensorType query = tensorType(op.getQuery()), value = tensorType(op.getValue());
  if (query.getDimSize(1) < kernels::queriesToTurnFor)
    return "it has too few queries to be worth rounding keys and values to bf16";
  if (query.getDimSize(3) % kernels::bf16Numbers || value.getDimSize(3) % kernels::bf16Numbers)
    return "its heads have numbers that are no multiple of 8, as attention of bf16 takes them";
  bool isFloat = isF32(op.getQuery()) && isF32(op.getKey()) && isF32(op.getValue());
  bool isConst = isConstant(op.getQuery()) || isConstant(op.getKey()) || isConstant(op.getValue());
  return isConst || !isFloat ? "its queries, keys or values are constants" : "";
}

struct StoreBf16 : impl::StoreBf16Base<StoreBf16> {
  using StoreBf16Base::StoreBf16Base;

  llvm::SetVector<Value> stored;                ///< as bf16
  llvm::SmallPtrSet<Operation *, 8> attentions; ///< of bf16

  std::optional<Weighted> bf16ProductOf(Operation *op) const {
    bool isMeant = !decided || decidedPrecision(op) == "bf16";
    return isMeant ? floatProductOf(op) : std::nullopt;
  }

  AttentionOp bf16AttentionOf(Operation *op) const {
    auto attention = dyn_cast_or_null<AttentionOp>(op);
    return attention && !decided && reasonForFloats(attention).empty() ? attention : AttentionOp();
  }

  void want(Value value) {
    if (isF32(value) && !isConstant(value))
      stored.insert(value);
  }

  void decide() {
    for (Operation &op : getOperation().getBody().getOps()) {
      if (std::optional<Weighted> product = bf16ProductOf(&op))
        want(product->input->get());
      if (AttentionOp attention = bf16AttentionOf(&op)) {
        attentions.insert(attention);
        for (Value value : {attention.getQuery(), attention.getKey(), attention.getValue()})
          want(value);
      }
    }
    for (size_t i = 0; i < stored.size(); ++i) // grows meanwhile
      follow(stored[i]);
  }

  /// What is moved on and what is added to a product has one type with it.
  void follow(Value value) {
    Operation *producer = value.getDefiningOp();
    if (std::optional<Weighted> product = productOf(producer); product && !product->residual.empty())
      want(product->residual[0].get());
    for (OpOperand *operand : movedFloats(producer))
      want(operand->get());
    for (OpOperand &use : value.getUses())
      if (isResidual(use))
        want(use.getOwner()->getResult(0));
  }

  static bool isResidual(OpOperand &use) {
    std::optional<Weighted> product = productOf(use.getOwner());
    return product && !product->residual.empty() && &product->residual[0] == &use &&
           isF32(use.getOwner()->getResult(0));
  }

  /// Whether the use becomes one of bf16.
  bool reads(OpOperand &use) const {
    Operation *user = use.getOwner();
    if (std::optional<Weighted> product = bf16ProductOf(user); product && product->input == &use)
      return true;
    if (isa<AttentionOp>(user)) // not its mask
      return attentions.contains(user) && use.getOperandNumber() < 3;
    if (user->getNumResults() == 0 || !stored.contains(user->getResult(0)))
      return false;
    return isResidual(use) || llvm::is_contained(movedFloats(user), &use);
  }

  Value cast(Value value, Type element) {
    OpBuilder builder(&getContext());
    builder.setInsertionPointAfterValue(value);
    auto type = RankedTensorType::get(tensorType(value).getShape(), element);
    int64_t code = element.isBF16() ? 16 : 1; // of ONNX
    return CastOp::create(builder, value.getLoc(), type, value, code).getResult();
  }

  void apply(Value value, bool canStore, const llvm::DenseSet<OpOperand *> &readers) {
    SmallVector<OpOperand *> others;
    for (OpOperand &use : value.getUses())
      if (readers.contains(&use) != canStore)
        others.push_back(&use);
    Type bf16 = BFloat16Type::get(&getContext()), f32 = Float32Type::get(&getContext());
    if (canStore)
      value.setType(RankedTensorType::get(tensorType(value).getShape(), bf16));
    if (others.empty())
      return;
    Value other = cast(value, canStore ? f32 : bf16);
    for (OpOperand *use : others)
      use->set(other);
  }

  void roundWeights(Operation *op) {
    std::optional<Weighted> product = bf16ProductOf(op);
    reference::Tensor weights = *constantOf(product->weights->get());
    reference::Tensor rounded(reference::DType::BF16, weights.shape);
    for (int64_t i = 0; i < weights.size(); ++i)
      rounded.setDouble(i, weights.getDouble(i));
    OpBuilder builder(op);
    product->weights->set(createConstant(builder, product->weights->get().getLoc(), rounded,
                                         tensorTypeOf(&getContext(), rounded)));
  }

  void runOnOperation() override {
    stored.clear();
    attentions.clear();
    decide();
    llvm::DenseSet<OpOperand *> readers;
    llvm::DenseSet<Value> writable;
    for (Value value : stored) {
      Operation *producer = value.getDefiningOp();
      if (productOf(producer) || !movedFloats(producer).empty() || attentions.contains(producer))
        writable.insert(value);
      for (OpOperand &use : value.getUses())
        if (reads(use))
          readers.insert(&use);
    }
    SmallVector<Operation *> products;
    for (Operation &op : getOperation().getBody().getOps()) {
      if (bf16ProductOf(&op))
        products.push_back(&op);
      else if (std::optional<Weighted> product = productOf(&op);
               !decided && product && decodesWeights(*product))
        (void)stayFloat(&op, "its int8 weights are multiplied in f32, not in bf16");
      else if (auto attention = dyn_cast<AttentionOp>(op);
               attention && !decided && !attentions.contains(attention))
        (void)stayFloat(&op, reasonForFloats(attention));
    }
    for (Operation *op : products)
      roundWeights(op);
    for (Value value : stored)
      apply(value, writable.contains(value), readers);
    RewritePatternSet none(&getContext()); // the weights in f32
    if (failed(applyPatterns(getOperation(), std::move(none))))
      signalPassFailure();
  }
};
} // namespace
} // namespace qcc::fuse
