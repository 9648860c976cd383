//===- FuseAttention.cpp - Attention as exporters spell it ----------------===//

#include "compiler/fuse/Passes.h"
#include "compiler/kernels/attention/Attention.h"
#include "compiler/support/Rewrite.h"

namespace qcc::fuse {
#define GEN_PASS_DEF_FUSEATTENTION
#include "compiler/fuse/Passes.h.inc"

using namespace mlir;

namespace {
/// softmax(query * key * scale + mask) as it was read, from its end, perhaps with softcap * tanh(x / softcap)
/// around the scaled product.
struct Scores {
  Value query, key, mask; ///< key is (..., depth, keys); mask may be null
  Value count;            ///< of the keys that are there, or null
  WhereOp hiding;         ///< what hides scores in place of a mask, or null
  float scale = 1, softcap = 0;
};

/// x of where(position < count, x, rest), along the axis `behind` others; null where `value` is another.
Value beforeRest(Value value, int64_t behind, double rest, Value &count) {
  auto where = value.getDefiningOp<WhereOp>();
  if (!where || where.getLhs().getType() != value.getType() || constantScalar(where.getRhs()) != rest)
    return {};
  Value condition = where.getCondition();
  ArrayRef<int64_t> shape = tensorType(condition).getShape();
  int64_t axis = int64_t(shape.size()) - 1 - behind,
          size = tensorType(value).getShape().drop_back(behind).back();
  if (axis < 0 || shape[axis] != size || tensorType(condition).getNumElements() != size)
    return {};
  if (auto reshaped = condition.getDefiningOp<ReshapeOp>())
    condition = reshaped.getInput();
  auto less = condition.getDefiningOp<LessOp>();
  auto positions = less ? constantOf(less.getLhs()) : std::nullopt;
  if (!positions || positions->size() != size || tensorType(less.getRhs()).getNumElements() != 1 ||
      !tensorType(less.getRhs()).getElementType().isSignlessInteger(64))
    return {};
  for (int64_t i = 0; i < size; ++i)
    if (positions->getDouble(i) != double(i))
      return {};
  count = less.getRhs();
  return where.getLhs();
}

bool isPlainProduct(MatMulOp op) {
  auto isFloat = [](Value value) { return tensorType(value).getElementType().isF32(); };
  return op && !op.getBias() && !op.getResidual() && !op.getTable() && !op.getChainAttr() &&
         isFloat(op.getResult()) && isFloat(op.getA()) && isFloat(op.getB()) &&
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

float takeFactors(Value &from) {
  float factor = 1;
  while (auto scaled = scaledBy(from)) {
    from = scaled->first;
    factor *= scaled->second;
  }
  return factor;
}

std::optional<Scores> scaledProduct(Value value) {
  Scores scores;
  scores.scale = takeFactors(value);
  if (auto tanh = value.getDefiningOp<TanhOp>(); tanh && tanh->hasOneUse()) {
    scores.softcap = scores.scale;
    value = tanh.getInput();
    scores.scale *= takeFactors(value);
  }
  auto product = value.getDefiningOp<MatMulOp>();
  if (!isPlainProduct(product) || !value.hasOneUse())
    return std::nullopt;
  scores.query = product.getA();
  scores.key = product.getB();
  scores.scale *= takeFactors(scores.query);
  scores.scale *= takeFactors(scores.key);
  return scores;
}

bool isZero(Value value) {
  std::optional<reference::Tensor> tensor = constantOf(value);
  if (!tensor)
    return false;
  for (int64_t i = 0; i < tensor->size(); ++i)
    if (tensor->getDouble(i) != 0)
      return false;
  return true;
}

/// Less than any score, so that no sum with one is another number.
constexpr double hidden = -1e30;

/// where(condition, x, hidden), which is x + where(condition, 0, hidden).
std::optional<Scores> hiddenScores(WhereOp where) {
  std::optional<double> rest = constantScalar(where.getRhs());
  if (!rest || *rest > hidden || !where->hasOneUse() || where.getLhs().getType() != where.getType())
    return std::nullopt;
  std::optional<Scores> scores = scaledProduct(where.getLhs());
  if (scores)
    scores->hiding = where;
  return scores;
}

std::optional<Scores> scoresOfAll(Value value) {
  if (std::optional<Scores> plain = scaledProduct(value))
    return plain;
  if (auto where = value.getDefiningOp<WhereOp>())
    return hiddenScores(where);
  auto add = value.getDefiningOp<AddOp>();
  if (!add || add.getChainAttr() || !add->hasOneUse())
    return std::nullopt;
  for (auto [product, mask] : {std::pair(add.getLhs(), add.getRhs()), std::pair(add.getRhs(), add.getLhs())})
    if (std::optional<Scores> scores = scaledProduct(product);
        scores && product.getType() == value.getType()) {
      scores->mask = isZero(mask) ? Value() : mask;
      return scores;
    }
  return std::nullopt;
}

std::optional<Scores> scoresOf(SoftmaxOp softmax) {
  Value value = softmax.getInput(), count;
  if (static_cast<int64_t>(softmax.getAxis()) != tensorType(value).getRank() - 1)
    return std::nullopt;
  if (Value whole = beforeRest(value, 0, -std::numeric_limits<double>::infinity(), count);
      whole && value.hasOneUse())
    value = whole;
  std::optional<Scores> scores = scoresOfAll(value);
  if (scores)
    scores->count = count;
  return scores;
}

/// where(max(mask) = -infinity, 0, softmax): ONNX's Attention makes rows zero that see no key, as ours.
SoftmaxOp guardedSoftmax(WhereOp guard, Value &mask) {
  auto equal = guard.getCondition().getDefiningOp<EqualOp>();
  auto most = equal ? equal.getLhs().getDefiningOp<ReduceMaxOp>() : ReduceMaxOp();
  if (!most || constantScalar(equal.getRhs()) != -std::numeric_limits<double>::infinity() ||
      constantScalar(guard.getLhs()) != 0.0 || guard.getRhs().getType() != guard.getResult().getType())
    return {};
  int64_t last = tensorType(most.getInput()).getRank() - 1;
  if (!most.getKeepdims() || most.getAxes() != ArrayRef<int64_t>{last})
    return {};
  mask = most.getInput();
  return guard.getRhs().getDefiningOp<SoftmaxOp>();
}

/// (batch, heads, tokens, numbers) whose heads are groups of copies: the one of each group. Else null.
Value beforeRepeat(OpBuilder &builder, Value value) {
  auto joined = value.getDefiningOp<ReshapeOp>();
  auto expanded = joined ? joined.getInput().getDefiningOp<ExpandOp>() : ExpandOp();
  if (!expanded)
    return {};
  ArrayRef<int64_t> to = tensorType(value).getShape(), many = tensorType(expanded.getResult()).getShape(),
                    one = tensorType(expanded.getInput()).getShape();
  if (to.size() != 4 || many.size() != 5 || one.size() != 5 || one[2] != 1 || to[1] != many[1] * many[2] ||
      one.take_front(2) != many.take_front(2) || one.drop_front(3) != many.drop_front(3) ||
      to[0] != many[0] || to.drop_front(2) != many.drop_front(3))
    return {};
  return createReshape(builder, value.getLoc(), expanded.getInput(), {one[0], one[1], one[3], one[4]});
}

/// Reads each head of keys (batch, heads, numbers, tokens) and values once, where groups share them.
void takeRepeated(OpBuilder &builder, Value &key, Value &value) {
  auto turned = key.getDefiningOp<TransposeOp>();
  if (!turned || *turned.getPerm() != ArrayRef<int64_t>{0, 1, 3, 2})
    return;
  Value keys = beforeRepeat(builder, turned.getInput()), values = beforeRepeat(builder, value);
  if (!keys || !values || tensorType(keys).getDimSize(1) != tensorType(values).getDimSize(1))
    return;
  key = createTranspose(builder, key.getLoc(), keys, {0, 1, 3, 2});
  value = values;
}

/// (batch, heads, tokens, numbers), or the same with batch and heads in one, to what qcc.attention takes.
struct Fuse : OpRewritePattern<MatMulOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(MatMulOp op, PatternRewriter &rewriter) const override {
    Value guardedMask;
    auto softmax = op.getA().getDefiningOp<SoftmaxOp>();
    if (auto guard = op.getA().getDefiningOp<WhereOp>(); guard && guard->hasOneUse())
      softmax = guardedSoftmax(guard, guardedMask);
    int64_t rank = tensorType(op.getResult()).getRank();
    if (!softmax || !softmax->hasOneUse() || !isPlainProduct(op) || rank < 3 || rank > 4)
      return rewriter.notifyMatchFailure(op, "is no product with a softmax");
    std::optional<Scores> scores = scoresOf(softmax);
    if (!scores || (guardedMask && guardedMask != scores->mask))
      return rewriter.notifyMatchFailure(op, "has a softmax of something else than scaled products");
    if (tensorType(scores->key).getShape().back() > kernels::mostAttentionKeys)
      return rewriter.notifyMatchFailure(op, "has more keys than the kernel takes");
    Value value = op.getB(), count;
    if (Value whole = scores->count ? beforeRest(value, 1, 0, count) : Value()) {
      if (count != scores->count)
        return rewriter.notifyMatchFailure(op, "has other keys than values");
      value = whole; // what is behind the count is not read
    }
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
    if (WhereOp hiding = scores->hiding) {
      auto type = tensorType(hiding.getCondition()).clone(rewriter.getF32Type());
      mask = WhereOp::create(rewriter, loc, type, hiding.getCondition(),
                             createScalar(rewriter, loc, 0, hiding.getRhs()), hiding.getRhs());
    }
    if (mask) {
      SmallVector<int64_t> shape(tensorType(mask).getShape());
      shape.insert(shape.begin(), rank - shape.size(), 1);
      if (rank == 3) // heads are in the batch
        shape.insert(shape.begin() + 1, 1);
      if (ArrayRef<int64_t>(shape) != tensorType(mask).getShape())
        mask = createReshape(rewriter, loc, mask, shape);
    }
    if (rank == 4)
      takeRepeated(rewriter, scores->key, value);
    Value query = arrange(scores->query, false), key = arrange(scores->key, true);
    value = arrange(value, false);
    ArrayRef<int64_t> q = tensorType(query).getShape();
    auto type = tensorType(query).clone({q[0], q[1], q[2], tensorType(value).getDimSize(3)});
    Value result = AttentionOp::create(rewriter, loc, type, query, key, value, mask, scores->count,
                                       rewriter.getF32FloatAttr(scores->scale),
                                       rewriter.getF32FloatAttr(scores->softcap));
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
