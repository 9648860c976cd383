//===- RecognizeActivations.cpp - Functions that exporters spell out ------===//
//
// A hard sigmoid is a clipped line, a hard swish the product of a number and a
// clipped line of it, a gelu that of a number and a line of its error function.
// They are found by reading operands as a * x + b, and by carrying constant
// factors along: the order in which an exporter writes them does not matter.
//
//===----------------------------------------------------------------------===//

#include "compiler/simplify/Passes.h"
#include "compiler/support/Rewrite.h"
#include <algorithm>
#include <cmath>
#include <limits>

namespace qcc::simplify {
#define GEN_PASS_DEF_RECOGNIZEACTIVATIONS
#include "compiler/simplify/Passes.h.inc"

using namespace mlir;

namespace {
/// Exporters round 1/6 to anything between five digits and float32.
constexpr double tolerance = 1e-5;
constexpr double infinity = std::numeric_limits<double>::infinity();

bool near(double a, double b) { return std::abs(a - b) <= tolerance * std::max(1.0, std::abs(b)); }

/// a * x + b
struct Line {
  Value x;
  double a = 1, b = 0;
};

/// The constant operand of a binary operation whose result has the shape of the
/// other one.
std::optional<std::pair<Value, double>> withScalar(Operation *op, bool commutes) {
  for (unsigned side : {1u, 0u}) {
    if (side == 0 && !commutes)
      break;
    std::optional<double> scalar = constantScalar(op->getOperand(side));
    if (scalar && op->getOperand(1 - side).getType() == op->getResult(0).getType())
      return std::make_pair(op->getOperand(1 - side), *scalar);
  }
  return std::nullopt;
}

/// One step from the result of an operation towards its operand, if that is a
/// line: value = a * x + b.
std::optional<Line> oneStep(Value value) {
  Operation *op = value.getDefiningOp();
  if (!isa_and_nonnull<AddOp, MulOp, SubOp, DivOp>(op))
    return std::nullopt;
  auto operand = withScalar(op, isa<AddOp, MulOp>(op));
  if (!operand)
    return std::nullopt;
  auto [x, c] = *operand;
  if (isa<AddOp>(op))
    return Line{x, 1, c};
  if (isa<SubOp>(op))
    return Line{x, 1, -c};
  if (isa<MulOp>(op))
    return Line{x, c, 0};
  return Line{x, 1 / c, 0};
}

/// Every x that `value` is a line of, the nearest first.
SmallVector<Line> linesTo(Value value) {
  SmallVector<Line> lines = {{value}};
  while (std::optional<Line> step = oneStep(lines.back().x)) {
    Line last = lines.back();
    lines.push_back({step->x, last.a * step->a, last.a * step->b + last.b});
  }
  return lines;
}

/// `value` without constant factors, and their product.
std::pair<Value, double> stripFactors(Value value) {
  double factor = 1;
  for (std::optional<Line> step; (step = oneStep(value)) && step->b == 0; value = step->x)
    factor *= step->a;
  return {value, factor};
}

struct Bounds {
  Value input;
  double lo = -infinity, hi = infinity;
};

/// Relu and clip, alike.
std::optional<Bounds> clipOf(Value value) {
  if (auto relu = value.getDefiningOp<ReluOp>())
    return Bounds{relu.getInput(), 0, infinity};
  auto clip = value.getDefiningOp<ClipOp>();
  if (!clip)
    return std::nullopt;
  return Bounds{clip.getInput(), clip.getMin() ? clip.getMin()->convertToDouble() : -infinity,
                clip.getMax() ? clip.getMax()->convertToDouble() : infinity};
}

/// A clip to [0, hi] of a line, as hi * hard_sigmoid of it.
struct Gate {
  SmallVector<Line> lines;
  double factor; ///< of the hard sigmoid
};
std::optional<Gate> gateOf(Value value) {
  auto [inner, factor] = stripFactors(value);
  std::optional<Bounds> clip = clipOf(inner);
  if (!clip || clip->lo != 0 || clip->hi == infinity || clip->hi <= 0)
    return std::nullopt;
  Gate gate{linesTo(clip->input), factor * clip->hi};
  for (Line &line : gate.lines)
    line = {line.x, line.a / clip->hi, line.b / clip->hi};
  return gate;
}

Value createScaled(PatternRewriter &rewriter, Location loc, Value value, double factor) {
  if (near(factor, 1))
    return value;
  Value constant = createScalar(rewriter, loc, factor, value);
  return MulOp::create(rewriter, loc, value.getType(), value, constant, ArrayAttr());
}

/// Replaces by factor * hard_swish(x).
void replaceByHardSwish(PatternRewriter &rewriter, Operation *op, Value x, double factor) {
  Value swish = HardSwishOp::create(rewriter, op->getLoc(), x.getType(), x);
  rewriter.replaceOp(op, createScaled(rewriter, op->getLoc(), swish, factor));
}

/// x * gate(x), with a constant factor anywhere.
struct FindProducts : OpRewritePattern<MulOp> {
  using OpRewritePattern::OpRewritePattern;

  static bool hardSwish(MulOp op, Value left, Value right, PatternRewriter &rewriter) {
    auto [x, factor] = stripFactors(left);
    if (auto sigmoid = stripFactors(right).first.getDefiningOp<HardSigmoidOp>();
        sigmoid && sigmoid.getInput() == x && near(sigmoid.getAlpha().convertToDouble(), 1.0 / 6) &&
        near(sigmoid.getBeta().convertToDouble(), 0.5)) {
      replaceByHardSwish(rewriter, op, x, factor * stripFactors(right).second);
      return true;
    }
    std::optional<Gate> gate = gateOf(right);
    if (!gate)
      return false;
    for (const Line &line : gate->lines)
      if (line.x == x && near(line.a, 1.0 / 6) && near(line.b, 0.5)) {
        replaceByHardSwish(rewriter, op, x, factor * gate->factor);
        return true;
      }
    return false;
  }

  LogicalResult matchAndRewrite(MulOp op, PatternRewriter &rewriter) const override {
    if (op.getChainAttr() || !isFloatTensor(op.getResult()) || op.getLhs().getType() != op.getRhs().getType())
      return rewriter.notifyMatchFailure(op, "is no product of a tensor with a function of it");
    for (auto [x, gate] : {std::pair(op.getLhs(), op.getRhs()), std::pair(op.getRhs(), op.getLhs())}) {
      if (auto sigmoid = gate.getDefiningOp<SigmoidOp>(); sigmoid && sigmoid.getInput() == x) {
        rewriter.replaceOpWithNewOp<SiluOp>(op, x.getType(), x);
        return success();
      }
      if (hardSwish(op, x, gate, rewriter))
        return success();
    }
    return rewriter.notifyMatchFailure(op, "is neither silu nor hard swish");
  }
};

/// `gate` as a * (1 + erf(u)) or a * (1 + tanh(u)).
struct ErrorGate {
  Operation *function;
  double a;
};
std::optional<ErrorGate> errorGateOf(Value gate) {
  for (const Line &line : linesTo(gate))
    if (Operation *op = line.x.getDefiningOp(); isa_and_nonnull<ErfOp, TanhOp>(op) && near(line.b, line.a))
      return ErrorGate{op, line.a};
  return std::nullopt;
}

bool isCube(Value value, Value x) {
  if (auto power = value.getDefiningOp<PowOp>())
    return power.getLhs() == x && constantScalar(power.getRhs()) == 3.0;
  auto isSquare = [&](Value v) {
    auto product = v.getDefiningOp<MulOp>();
    return product && product.getLhs() == x && product.getRhs() == x;
  };
  auto product = value.getDefiningOp<MulOp>();
  return product && ((product.getLhs() == x && isSquare(product.getRhs())) ||
                     (product.getRhs() == x && isSquare(product.getLhs())));
}

/// The k of erf(k * sqrt(1/2) * x), or of tanh(sqrt(2/pi) * (x + 0.044715 x^3)), which has to be 1.
std::optional<double> geluScale(Operation *function, Value x) {
  auto [inner, factor] = stripFactors(function->getOperand(0));
  if (isa<ErfOp>(function))
    return inner == x ? std::optional(factor / M_SQRT1_2) : std::nullopt;
  auto sum = inner.getDefiningOp<AddOp>();
  if (!sum || !near(factor, M_2_SQRTPI * M_SQRT1_2))
    return std::nullopt;
  for (auto [linear, cubic] :
       {std::pair(sum.getLhs(), sum.getRhs()), std::pair(sum.getRhs(), sum.getLhs())}) {
    auto [cube, weight] = stripFactors(cubic);
    if (linear == x && near(weight, 0.044715) && isCube(cube, x))
      return 1.0;
  }
  return std::nullopt;
}

/// x / 2 * (1 + erf(x / sqrt(2))) and its approximation by tanh, constant factors anywhere.
struct FindGelu : OpRewritePattern<MulOp> {
  using OpRewritePattern::OpRewritePattern;

  static bool gelu(MulOp op, Value left, Value right, PatternRewriter &rewriter) {
    std::optional<ErrorGate> gate = errorGateOf(right);
    auto [x, factor] = stripFactors(left);
    std::optional<double> scale = gate ? geluScale(gate->function, x) : std::nullopt;
    if (!scale)
      return false;
    Value input = createScaled(rewriter, op.getLoc(), x, *scale), result;
    if (isa<ErfOp>(gate->function))
      result = GeluOp::create(rewriter, op.getLoc(), x.getType(), input);
    else
      result = GeluTanhOp::create(rewriter, op.getLoc(), x.getType(), input);
    rewriter.replaceOp(op, createScaled(rewriter, op.getLoc(), result, 2 * gate->a * factor / *scale));
    return true;
  }

  LogicalResult matchAndRewrite(MulOp op, PatternRewriter &rewriter) const override {
    if (op.getChainAttr() || !isFloatTensor(op.getResult()))
      return rewriter.notifyMatchFailure(op, "is no product of floats");
    auto [core, factor] = stripFactors(op.getResult());
    if (isa_and_nonnull<GeluOp, GeluTanhOp>(core.getDefiningOp()) && near(factor, 1)) {
      rewriter.replaceOp(op, core);
      return success();
    }
    if (op.getLhs().getType() == op.getRhs().getType() &&
        (gelu(op, op.getLhs(), op.getRhs(), rewriter) || gelu(op, op.getRhs(), op.getLhs(), rewriter)))
      return success();
    return rewriter.notifyMatchFailure(op, "is no gelu");
  }
};

/// factor * clip(line, 0, hi) with factor * hi = 1. The clip itself is left to
/// FindProducts while a product could still use it.
template <typename OpTy> struct FindHardSigmoid : OpRewritePattern<OpTy> {
  using OpRewritePattern<OpTy>::OpRewritePattern;
  LogicalResult matchAndRewrite(OpTy op, PatternRewriter &rewriter) const override {
    Value result = op->getResult(0);
    if (!isFloatTensor(result))
      return rewriter.notifyMatchFailure(op, "is no float");
    std::optional<Gate> gate = gateOf(result);
    if (!gate || !near(gate->factor, 1) || gate->lines.size() < 2)
      return rewriter.notifyMatchFailure(op, "is no line clipped to [0, 1]");
    const Line &line = gate->lines.back();
    auto sigmoid = HardSigmoidOp::create(rewriter, op.getLoc(), result.getType(), line.x);
    sigmoid.setAlpha(APFloat(static_cast<float>(line.a)));
    sigmoid.setBeta(APFloat(static_cast<float>(line.b)));
    rewriter.replaceOp(op, sigmoid.getResult());
    return success();
  }
};

Value createClip(PatternRewriter &rewriter, Location loc, Value input, double lo, double hi) {
  if (lo == 0 && hi == infinity)
    return ReluOp::create(rewriter, loc, input.getType(), input);
  FloatAttr min = lo == -infinity ? FloatAttr() : rewriter.getF64FloatAttr(lo);
  FloatAttr max = hi == infinity ? FloatAttr() : rewriter.getF64FloatAttr(hi);
  return ClipOp::create(rewriter, loc, input.getType(), input, min, max);
}

/// max(x, c), min(x, c) with one number.
template <typename OpTy> struct FindBounds : OpRewritePattern<OpTy> {
  using OpRewritePattern<OpTy>::OpRewritePattern;
  LogicalResult matchAndRewrite(OpTy op, PatternRewriter &rewriter) const override {
    if (op.getInputs().size() != 2 || !isFloatTensor(op.getResult()))
      return rewriter.notifyMatchFailure(op, "has no single bound");
    auto bounded = withScalar(op, /*commutes=*/true);
    if (!bounded || std::isnan(bounded->second))
      return rewriter.notifyMatchFailure(op, "has no constant bound");
    auto [x, bound] = *bounded;
    double lo = std::is_same_v<OpTy, MaxOp> ? bound : -infinity;
    double hi = std::is_same_v<OpTy, MinOp> ? bound : infinity;
    rewriter.replaceOp(op, createClip(rewriter, op.getLoc(), x, lo, hi));
    return success();
  }
};

/// max(x, a * x) with 0 < a < 1.
struct FindLeakyRelu : OpRewritePattern<MaxOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(MaxOp op, PatternRewriter &rewriter) const override {
    if (op.getInputs().size() != 2 || !isFloatTensor(op.getResult()))
      return rewriter.notifyMatchFailure(op, "has no two operands");
    for (unsigned side : {0u, 1u}) {
      Value x = op.getInputs()[side];
      std::optional<Line> line = oneStep(op.getInputs()[1 - side]);
      if (!line || line->x != x || line->b != 0 || line->a <= 0 || line->a >= 1)
        continue;
      rewriter.replaceOpWithNewOp<LeakyReluOp>(op, x.getType(), x, APFloat(static_cast<float>(line->a)));
      return success();
    }
    return rewriter.notifyMatchFailure(op, "is no maximum of x and a * x");
  }
};

struct OneSlope : OpRewritePattern<PReluOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(PReluOp op, PatternRewriter &rewriter) const override {
    std::optional<double> slope = constantScalar(op.getRhs());
    if (!slope || op.getLhs().getType() != op.getResult().getType())
      return rewriter.notifyMatchFailure(op, "has several slopes");
    rewriter.replaceOpWithNewOp<LeakyReluOp>(op, op.getResult().getType(), op.getLhs(),
                                             APFloat(static_cast<float>(*slope)));
    return success();
  }
};

/// One clip for two in a row, and relu for the clip that is one.
template <typename OpTy> struct MergeClips : OpRewritePattern<OpTy> {
  using OpRewritePattern<OpTy>::OpRewritePattern;
  LogicalResult matchAndRewrite(OpTy op, PatternRewriter &rewriter) const override {
    if (!isFloatTensor(op.getResult()))
      return rewriter.notifyMatchFailure(op, "is no float");
    Bounds outer = *clipOf(op.getResult());
    if (std::optional<Bounds> inner = clipOf(op.getInput())) {
      double lo = std::min(std::max(inner->lo, outer.lo), outer.hi);
      double hi = std::max(std::min(inner->hi, outer.hi), outer.lo);
      rewriter.replaceOp(op, createClip(rewriter, op.getLoc(), inner->input, lo, hi));
      return success();
    }
    if (std::is_same_v<OpTy, ReluOp> || outer.lo != 0 || outer.hi != infinity)
      return rewriter.notifyMatchFailure(op, "operand is no clip");
    rewriter.replaceOpWithNewOp<ReluOp>(op, op.getResult().getType(), op.getInput());
    return success();
  }
};

struct RecognizeActivations : impl::RecognizeActivationsBase<RecognizeActivations> {
  void runOnOperation() override {
    // Products first, in a round of their own: a hard sigmoid of x that is only
    // multiplied by x is a hard swish.
    RewritePatternSet bounds(&getContext()), products(&getContext()), gates(&getContext());
    bounds.add<FindLeakyRelu>(&getContext(), /*benefit=*/2);
    bounds.add<FindBounds<MaxOp>, FindBounds<MinOp>, OneSlope, MergeClips<ReluOp>, MergeClips<ClipOp>>(
        &getContext());
    products.add<FindProducts, FindGelu>(&getContext());
    gates.add<FindHardSigmoid<ClipOp>, FindHardSigmoid<MulOp>, FindHardSigmoid<DivOp>>(&getContext());
    for (RewritePatternSet *patterns : {&bounds, &products, &gates})
      if (failed(applyPatterns(getOperation(), std::move(*patterns))))
        return signalPassFailure();
  }
};
} // namespace
} // namespace qcc::simplify
