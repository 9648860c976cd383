//===- FuseAttention.cpp - Attention as exporters spell it ----------------===//

#include "compiler/fuse/Passes.h"
#include "compiler/kernels/Attention.h"
#include "compiler/support/Rewrite.h"

namespace qcc::fuse {
#define GEN_PASS_DEF_FUSEATTENTION
#include "compiler/fuse/Passes.h.inc"

using namespace mlir;

namespace {
/// softmax(query * key * scale + mask) as it was read, from its end.
struct Scores {
  Value query, key, mask; ///< key is (..., depth, keys); mask may be null
  float scale = 1;
};

bool isPlainProduct(MatMulOp op) {
  return op && !op.getBias() && !op.getResidual() && !op.getTable() && !op.getChainAttr() &&
         tensorType(op.getResult()).getElementType().isF32() &&
         tensorType(op.getA()).getRank() == tensorType(op.getB()).getRank() &&
         tensorType(op.getA()).getShape().drop_back(2) == tensorType(op.getB()).getShape().drop_back(2);
}

/// Divides and multiplies by one number.
std::optional<std::pair<Value, float>> scaledBy(Value value) {
  Operation *op = value.getDefiningOp();
  if (!isa_and_nonnull<MulOp, DivOp>(op) || !op->hasOneUse() || op->getAttr("chain"))
    return std::nullopt;
  for (unsigned side : {0u, 1u}) {
    std::optional<double> number = constantScalar(op->getOperand(1 - side));
    if (number && op->getOperand(side).getType() == value.getType() && (side == 0 || isa<MulOp>(op)))
      return std::pair(op->getOperand(side), static_cast<float>(isa<DivOp>(op) ? 1 / *number : *number));
  }
  return std::nullopt;
}

std::optional<Scores> scoresOf(SoftmaxOp softmax) {
  Scores scores;
  Value value = softmax.getInput();
  if (static_cast<int64_t>(softmax.getAxis()) != tensorType(value).getRank() - 1)
    return std::nullopt;
  auto add = value.getDefiningOp<AddOp>();
  if (add && !add.getChainAttr() && add->hasOneUse()) {
    bool left = isa_and_nonnull<MatMulOp, MulOp, DivOp>(add.getLhs().getDefiningOp()) &&
                add.getLhs().getType() == value.getType();
    value = left ? add.getLhs() : add.getRhs();
    scores.mask = left ? add.getRhs() : add.getLhs();
    if (value.getType() != add.getResult().getType())
      return std::nullopt;
  }
  auto takeFactors = [&](Value &from) {
    while (auto scaled = scaledBy(from)) {
      from = scaled->first;
      scores.scale *= scaled->second;
    }
  };
  takeFactors(value);
  auto product = value.getDefiningOp<MatMulOp>();
  if (!isPlainProduct(product) || !value.hasOneUse())
    return std::nullopt;
  scores.query = product.getA();
  scores.key = product.getB();
  takeFactors(scores.query);
  takeFactors(scores.key);
  return scores;
}

/// (batch, heads, tokens, numbers), or the same with batch and heads in one, to what qcc.attention takes.
struct Fuse : OpRewritePattern<MatMulOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(MatMulOp op, PatternRewriter &rewriter) const override {
    auto softmax = op.getA().getDefiningOp<SoftmaxOp>();
    int64_t rank = tensorType(op.getResult()).getRank();
    if (!softmax || !softmax->hasOneUse() || !isPlainProduct(op) || rank < 3 || rank > 4)
      return rewriter.notifyMatchFailure(op, "is no product with a softmax");
    std::optional<Scores> scores = scoresOf(softmax);
    if (!scores)
      return rewriter.notifyMatchFailure(op, "has a softmax of something else than scaled products");
    if (tensorType(scores->key).getShape().back() > kernels::mostAttentionKeys)
      return rewriter.notifyMatchFailure(op, "has more keys than the kernel takes");
    Location loc = op.getLoc();
    auto arrange = [&](Value value, bool turned) {
      SmallVector<int64_t> shape(tensorType(value).getShape());
      if (rank == 4)
        return createTranspose(rewriter, loc, value,
                               turned ? ArrayRef<int64_t>{0, 3, 1, 2} : ArrayRef<int64_t>{0, 2, 1, 3});
      if (turned) {
        value = createTranspose(rewriter, loc, value, {0, 2, 1});
        std::swap(shape[1], shape[2]);
      }
      return createReshape(rewriter, loc, value, {shape[0], shape[1], 1, shape[2]});
    };
    Value mask = scores->mask;
    if (mask) {
      SmallVector<int64_t> shape(tensorType(mask).getShape());
      shape.insert(shape.begin(), rank - shape.size(), 1);
      if (rank == 3) // heads are in the batch
        shape.insert(shape.begin() + 1, 1);
      if (ArrayRef<int64_t>(shape) != tensorType(mask).getShape())
        mask = createReshape(rewriter, loc, mask, shape);
    }
    Value query = arrange(scores->query, false), key = arrange(scores->key, true),
          value = arrange(op.getB(), false);
    ArrayRef<int64_t> q = tensorType(query).getShape();
    auto type = tensorType(query).clone({q[0], q[1], q[2], tensorType(value).getDimSize(3)});
    Value result = AttentionOp::create(rewriter, loc, type, query, key, value, mask,
                                       rewriter.getF32FloatAttr(scores->scale));
    result = rank == 4 ? createTranspose(rewriter, loc, result, {0, 2, 1, 3})
                       : createReshape(rewriter, loc, result, tensorType(op.getResult()).getShape());
    rewriter.replaceOp(op, result);
    return success();
  }
};

struct FuseAttention : impl::FuseAttentionBase<FuseAttention> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<Fuse>(&getContext());
    populateReshapePatterns(patterns); // the transposes around cancel
    populateIdentityPatterns(patterns);
    if (failed(applyPatterns(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};
} // namespace
} // namespace qcc::fuse
