//===- FuseLookups.cpp - Functions of one 8-bit tensor as tables ----------===//

#include "compiler/fuse/Passes.h"
#include "compiler/fuse/Quantized.h"
#include "compiler/fuse/Steps.h"
#include "compiler/fuse/Tables.h"
#include "compiler/support/Weighted.h"

namespace qcc::fuse {
#define GEN_PASS_DEF_FUSELOOKUPS
#include "compiler/fuse/Passes.h.inc"

using namespace mlir;

namespace {
/// The operand that varies, if every element of the result depends on that
/// element of it alone; the others are single constants.
Value variableOperand(Operation *op) {
  auto interface = dyn_cast<QccOpInterface>(op);
  if (!interface || op->getNumResults() != 1 || isa<DequantizeOp, QuantizeOp>(op))
    return {};
  if (std::optional<PointwiseUse> use = pointwiseUse(op))
    return use->input;
  if (!isa<SubOp, DivOp, PowOp, MinOp, MaxOp, PReluOp>(op))
    return {};
  Value variable;
  for (Value operand : op->getOperands()) {
    if (constantScalar(operand))
      continue;
    if (variable || operand.getType() != op->getResult(0).getType())
      return {};
    variable = operand;
  }
  return variable;
}

/// The function on all 256 values, by the reference.
FailureOr<reference::Tensor> applyTo(const reference::Tensor &values, Operation *op, Value variable) {
  SmallVector<reference::Tensor> tensors;
  for (Value operand : op->getOperands()) {
    if (operand == variable) {
      tensors.push_back(values);
      continue;
    }
    tensors.push_back(*constantOf(operand));
    tensors.back().shape.clear(); // one number, of any rank
  }
  SmallVector<const reference::Tensor *> operands;
  for (const reference::Tensor &tensor : tensors)
    operands.push_back(&tensor);
  // Not of the shape that the operation declares: all values instead of a tensor.
  SmallVector<reference::Tensor> results;
  if (failed(cast<QccOpInterface>(op).evaluate(operands, results)))
    return failure();
  return std::move(results.front());
}

/// quantize(f(dequantize(x))) and quantize(dequantize(x)) with different types.
struct ToLookup : OpRewritePattern<QuantizeOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(QuantizeOp op, PatternRewriter &rewriter) const override {
    quant::UniformQuantizedType to = activationType(op.getResult());
    if (!to)
      return rewriter.notifyMatchFailure(op, "requires 8 bits and one scale");
    SmallVector<std::pair<Operation *, Value>> functions; // last first
    Value value = op.getInput();
    while (!dequantized(value)) {
      Operation *producer = value.getDefiningOp();
      Value variable = producer ? variableOperand(producer) : Value();
      if (!variable)
        return rewriter.notifyMatchFailure(op, "is no function of one quantised tensor");
      functions.push_back({producer, variable});
      value = variable;
    }
    FailureOr<reference::Tensor> table = allNumbers(activationType(dequantized(value)));
    for (auto [function, variable] : llvm::reverse(functions))
      if (succeeded(table))
        table = applyTo(*table, function, variable);
    if (failed(table))
      return rewriter.notifyMatchFailure(op, "cannot be computed");
    rewriter.replaceOp(op, createLookup(rewriter, op.getLoc(), dequantized(value), stored(*table, to), to));
    return success();
  }
};

/// lookup(lookup(x)) with one table.
struct ComposeLookups : OpRewritePattern<LookupOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(LookupOp op, PatternRewriter &rewriter) const override {
    auto first = op.getInput().getDefiningOp<LookupOp>();
    if (!first || !first->hasOneUse())
      return rewriter.notifyMatchFailure(op, "requires a lookup before it, for this alone");
    reference::Tensor table = *constantOf(first.getTable()), second = *constantOf(op.getTable());
    reference::Tensor both(second.type, {256});
    for (int i = 0; i < 256; ++i)
      both.bytes[i] = second.bytes[table.bytes[i]];
    auto to = cast<quant::UniformQuantizedType>(tensorType(op.getResult()).getElementType());
    rewriter.replaceOp(op, createLookup(rewriter, op.getLoc(), first.getInput(), both, to));
    return success();
  }
};

/// The table of a lookup right after an integer product becomes its operand;
/// the product's own type stays in its chain, as what it is rounded to before.
struct LookupIntoProduct : OpRewritePattern<LookupOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(LookupOp op, PatternRewriter &rewriter) const override {
    Operation *product = op.getInput().getDefiningOp();
    std::optional<Weighted> weighted = product ? describeWeighted(product) : std::nullopt;
    if (!weighted || !product->hasOneUse() || !weighted->table.empty())
      return rewriter.notifyMatchFailure(op, "requires an integer product before it, for this alone");
    SmallVector<Attribute> chain;
    if (auto steps = product->getAttrOfType<ArrayAttr>("chain"))
      llvm::append_range(chain, steps);
    chain.push_back(requantizeEntry(activationType(op.getInput())));
    rewriter.moveOpBefore(product, op);
    rewriter.modifyOpInPlace(product, [&] {
      weighted->table.assign(op.getTable());
      product->setAttr("chain", rewriter.getArrayAttr(chain));
      product->getResult(0).setType(op.getResult().getType());
    });
    rewriter.replaceOp(op, product->getResult(0));
    return success();
  }
};

struct FuseLookups : impl::FuseLookupsBase<FuseLookups> {
  void runOnOperation() override {
    RewritePatternSet tables(&getContext()), operands(&getContext());
    tables.add<ToLookup, ComposeLookups>(&getContext());
    operands.add<LookupIntoProduct>(&getContext());
    for (RewritePatternSet *patterns : {&tables, &operands})
      if (failed(applyPatterns(getOperation(), std::move(*patterns))))
        return signalPassFailure();
  }
};
} // namespace
} // namespace qcc::fuse
