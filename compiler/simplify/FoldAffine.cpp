//===- FoldAffine.cpp - Fold constant factors and offsets into weights ----===//
//
// A multiply or add by constants, one for each output channel, after an
// operation with float constant weights. Weights that a model stores quantised
// stand behind a dequantize and are left alone.
//
//===----------------------------------------------------------------------===//

#include "compiler/simplify/Passes.h"
#include "compiler/support/Rewrite.h"
#include "compiler/support/Weighted.h"

namespace qcc::simplify {
#define GEN_PASS_DEF_FOLDAFFINE
#include "compiler/simplify/Passes.h.inc"

using namespace mlir;

namespace {
/// Only the plain forms: for the products a weight matrix, unscaled.
bool mayFold(Operation *op) {
  if (!isPlain(op) || op->getAttrOfType<StringAttr>("layout") == StringAttr::get(op->getContext(), "nhwc"))
    return false;
  if (auto gemm = dyn_cast<GemmOp>(op))
    return gemm.getAlpha().isExactlyValue(1) && gemm.getBeta().isExactlyValue(1);
  if (auto product = dyn_cast<MatMulOp>(op))
    return tensorType(product.getB()).getRank() == 2 && tensorType(product.getA()).getRank() >= 2;
  return true;
}

double at(const std::vector<double> &values, int64_t channel) {
  return values.size() == 1 ? values[0] : values[channel];
}

/// Multiplies by the factor of the output channel that each weight belongs to.
void scaleWeights(reference::Tensor &weights, const Weighted &op, const std::vector<double> &factors) {
  int64_t inner = 1;
  for (int64_t axis = op.weightAxis + 1; axis < weights.rank(); ++axis)
    inner *= weights.shape[axis];
  int64_t size = weights.shape[op.weightAxis];
  // A grouped transposed convolution has its groups on axis 0, in equal parts.
  int64_t perGroup = weights.size() / op.groups;
  for (int64_t i = 0; i < weights.size(); ++i) {
    int64_t channel = i / perGroup * (op.groups == 1 ? 0 : size) + i / inner % size;
    weights.setDouble(i, weights.getDouble(i) * at(factors, channel));
  }
}

/// The bias as one number for each channel, zeros where there is none.
std::optional<std::vector<double>> biasOf(const Weighted &op, RankedTensorType resultType) {
  if (op.bias.empty())
    return std::vector<double>(op.channels, 0.0);
  Value bias = op.bias[0].get();
  int64_t axis = op.channelAxis;
  // A convolution's bias has the channels on its only axis.
  if (tensorType(bias).getRank() == 1 && axis == 1)
    resultType = RankedTensorType::get({op.channels}, resultType.getElementType()), axis = 0;
  std::optional<std::vector<double>> values = perChannel(bias, resultType, axis);
  if (values && values->size() == 1)
    values->assign(op.channels, values->front());
  return values;
}

/// new = old * factor + offset
LogicalResult foldInto(Operation *op, Operation *affine, const std::vector<double> &factors,
                       const std::vector<double> &offsets, PatternRewriter &rewriter) {
  Weighted weighted = *describeWeighted(op);
  RankedTensorType resultType = tensorType(op->getResult(0));
  bool scales = llvm::any_of(factors, [](double factor) { return factor != 1; });
  std::optional<reference::Tensor> weights = constantOf(weighted.weights->get());
  if ((scales && !weights) || !isFloatTensor(weighted.weights->get()))
    return rewriter.notifyMatchFailure(affine, "requires float constant weights");
  if (!weights && weighted.weights->get().getDefiningOp<DequantizeOp>())
    return rewriter.notifyMatchFailure(affine, "weights are stored quantised");
  std::optional<std::vector<double>> bias = biasOf(weighted, resultType);
  if (!bias)
    return rewriter.notifyMatchFailure(affine, "requires a constant bias for each channel");

  auto biasType = RankedTensorType::get({weighted.channels}, resultType.getElementType());
  reference::Tensor newBias = zeros(biasType);
  for (int64_t c = 0; c < weighted.channels; ++c)
    newBias.setDouble(c, (*bias)[c] * at(factors, c) + at(offsets, c));
  rewriter.setInsertionPoint(op);
  rewriter.modifyOpInPlace(op, [&] {
    if (scales) {
      scaleWeights(*weights, weighted, factors);
      weighted.weights->set(createConstant(rewriter, weighted.weights->get().getLoc(), *weights,
                                           tensorType(weighted.weights->get())));
    }
    weighted.bias.assign(createConstant(rewriter, op->getLoc(), newBias, biasType));
  });
  rewriter.replaceOp(affine, op->getResult(0));
  return success();
}

/// conv(...) * c and conv(...) + d
template <typename AffineOp> struct Fold : OpRewritePattern<AffineOp> {
  using OpRewritePattern<AffineOp>::OpRewritePattern;
  LogicalResult matchAndRewrite(AffineOp op, PatternRewriter &rewriter) const override {
    Operation *producer = op.getLhs().getDefiningOp();
    std::optional<Weighted> weighted = producer ? describeWeighted(producer) : std::nullopt;
    if (!weighted || !producer->hasOneUse() || op.getChain() || !mayFold(producer))
      return rewriter.notifyMatchFailure(op, "requires a plain operation with weights and this one user");
    RankedTensorType type = tensorType(op.getLhs());
    if (type != op.getResult().getType() || !isFloatTensor(op.getResult()))
      return rewriter.notifyMatchFailure(op, "broadcasts the product");
    std::optional<std::vector<double>> values = perChannel(op.getRhs(), type, weighted->channelAxis);
    if (!values)
      return rewriter.notifyMatchFailure(op, "requires constants for each channel");
    const std::vector<double> one = {1}, zero = {0};
    constexpr bool isMul = std::is_same_v<AffineOp, MulOp>;
    return foldInto(producer, op, isMul ? *values : one, isMul ? zero : *values, rewriter);
  }
};

/// x - c and x / c with constants become x + (-c) and x * (1 / c).
template <typename OpTy, typename NewOp> struct ToAddOrMul : OpRewritePattern<OpTy> {
  using OpRewritePattern<OpTy>::OpRewritePattern;
  LogicalResult matchAndRewrite(OpTy op, PatternRewriter &rewriter) const override {
    std::optional<reference::Tensor> constant = constantOf(op.getRhs());
    if (!constant || !isFloatTensor(op.getResult()))
      return rewriter.notifyMatchFailure(op, "requires a constant float on the right");
    for (int64_t i = 0; i < constant->size(); ++i)
      constant->setDouble(i,
                          std::is_same_v<OpTy, SubOp> ? -constant->getDouble(i) : 1 / constant->getDouble(i));
    Value operand = createConstant(rewriter, op.getLoc(), *constant, tensorType(op.getRhs()));
    rewriter.replaceOpWithNewOp<NewOp>(op, op.getResult().getType(), op.getLhs(), operand, ArrayAttr());
    return success();
  }
};

template <typename OpTy> struct ConstantToTheRight : OpRewritePattern<OpTy> {
  using OpRewritePattern<OpTy>::OpRewritePattern;
  LogicalResult matchAndRewrite(OpTy op, PatternRewriter &rewriter) const override {
    if (!isConstant(op.getLhs()) || isConstant(op.getRhs()))
      return rewriter.notifyMatchFailure(op, "has no constant on the left");
    rewriter.modifyOpInPlace(op, [&] {
      Value constant = op.getLhs();
      op.getLhsMutable().assign(op.getRhs());
      op.getRhsMutable().assign(constant);
    });
    return success();
  }
};

/// (x * c) * d and (x + c) + d
template <typename OpTy> struct MergeConstants : OpRewritePattern<OpTy> {
  using OpRewritePattern<OpTy>::OpRewritePattern;
  LogicalResult matchAndRewrite(OpTy op, PatternRewriter &rewriter) const override {
    auto first = op.getLhs().template getDefiningOp<OpTy>();
    if (!first || !first->hasOneUse() || first.getChain() || op.getChain() || !isConstant(op.getRhs()) ||
        !isConstant(first.getRhs()) || !isFloatTensor(op.getResult()))
      return rewriter.notifyMatchFailure(op, "requires two constants in a row");
    if (first.getLhs().getType() != op.getResult().getType())
      return rewriter.notifyMatchFailure(op, "broadcasts the tensor");
    reference::Tensor a = *constantOf(first.getRhs()), b = *constantOf(op.getRhs());
    if (a.size() != 1 && b.size() != 1 && a.shape != b.shape)
      return rewriter.notifyMatchFailure(op, "constants have different shapes");
    // The larger, in rank among equals, gives the shape.
    bool takeA = a.size() != b.size() ? a.size() > b.size() : a.rank() >= b.rank();
    reference::Tensor merged = takeA ? a : b;
    for (int64_t i = 0; i < merged.size(); ++i) {
      double x = a.getDouble(a.size() == 1 ? 0 : i), y = b.getDouble(b.size() == 1 ? 0 : i);
      merged.setDouble(i, std::is_same_v<OpTy, AddOp> ? x + y : x * y);
    }
    RankedTensorType type = tensorType(takeA ? first.getRhs() : op.getRhs());
    Value constant = createConstant(rewriter, op.getLoc(), merged, type);
    rewriter.replaceOpWithNewOp<OpTy>(op, op.getResult().getType(), first.getLhs(), constant, ArrayAttr());
    return success();
  }
};

/// x + x * s with s smaller than x, as squeeze-and-excite blocks have it:
/// x * (s + 1) saves a pass over x.
struct FactorOut : OpRewritePattern<AddOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(AddOp op, PatternRewriter &rewriter) const override {
    if (op.getChain() || !isFloatTensor(op.getResult()))
      return rewriter.notifyMatchFailure(op, "is no plain float addition");
    for (auto [x, other] : {std::pair(op.getLhs(), op.getRhs()), std::pair(op.getRhs(), op.getLhs())}) {
      auto product = other.getDefiningOp<MulOp>();
      if (!product || !product->hasOneUse() || product.getChain() ||
          product.getResult().getType() != x.getType())
        continue;
      Value s = product.getLhs() == x ? product.getRhs() : product.getLhs();
      bool isFactor = product.getLhs() == x || product.getRhs() == x;
      if (!isFactor || isConstant(s) || tensorType(s).getNumElements() >= tensorType(x).getNumElements())
        continue;
      Value one = createScalar(rewriter, op.getLoc(), 1, s);
      Value sum = AddOp::create(rewriter, op.getLoc(), s.getType(), s, one, ArrayAttr());
      rewriter.replaceOpWithNewOp<MulOp>(op, x.getType(), x, sum, ArrayAttr());
      return success();
    }
    return rewriter.notifyMatchFailure(op, "is not x + x * s");
  }
};

/// Constant alpha and beta of a gemm go into its constants.
struct FoldGemmFactors : OpRewritePattern<GemmOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(GemmOp op, PatternRewriter &rewriter) const override {
    double alpha = op.getAlpha().convertToDouble(), beta = op.getC() ? op.getBeta().convertToDouble() : 1;
    bool plain = alpha == 1 && beta == 1 && op.getBeta().isExactlyValue(1);
    if (plain || (alpha != 1 && !isConstant(op.getB())) || (beta != 1 && !isConstant(op.getC())) ||
        !isPlain(op))
      return rewriter.notifyMatchFailure(op, "requires constants that alpha and beta can go into");
    auto scaled = [&](Value constant, double factor) {
      reference::Tensor tensor = *constantOf(constant);
      for (int64_t i = 0; i < tensor.size(); ++i)
        tensor.setDouble(i, tensor.getDouble(i) * factor);
      return createConstant(rewriter, op.getLoc(), tensor, tensorType(constant));
    };
    rewriter.modifyOpInPlace(op, [&] {
      if (alpha != 1)
        op.getBMutable().assign(scaled(op.getB(), alpha));
      if (beta != 1)
        op.getCMutable().assign(scaled(op.getC(), beta));
      op.setAlpha(APFloat(1.0f));
      op.setBeta(APFloat(1.0f));
    });
    return success();
  }
};

struct FoldAffine : impl::FoldAffineBase<FoldAffine> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<Fold<MulOp>, Fold<AddOp>, ToAddOrMul<SubOp, AddOp>, ToAddOrMul<DivOp, MulOp>,
                 ConstantToTheRight<AddOp>, ConstantToTheRight<MulOp>, MergeConstants<AddOp>,
                 MergeConstants<MulOp>, FactorOut, FoldGemmFactors>(&getContext());
    populateIdentityPatterns(patterns);
    if (failed(applyPatterns(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};
} // namespace
} // namespace qcc::simplify
