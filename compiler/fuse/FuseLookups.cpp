//===- FuseLookups.cpp - Functions of one 8-bit tensor as tables ----------===//

#include "compiler/fuse/Passes.h"
#include "compiler/fuse/Pixels.h"
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

/// Stored bytes and what each of them stands for: a table, or tables along axes.
struct Source {
  Value bytes;
  reference::Tensor numbers;
};

/// dequantize(x), or a lookup of real numbers.
std::optional<Source> sourceOf(Value value) {
  if (Value bytes = dequantized(value))
    return Source{bytes, allNumbers(activationType(bytes))};
  auto lookup = value.getDefiningOp<LookupOp>();
  if (!lookup || !tensorType(value).getElementType().isF32() || !isConstant(lookup.getTable()))
    return std::nullopt;
  return Source{lookup.getInput(), *constantOf(lookup.getTable())};
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
    while (!sourceOf(value)) {
      Operation *producer = value.getDefiningOp();
      Value variable = producer ? variableOperand(producer) : Value();
      if (!variable)
        return rewriter.notifyMatchFailure(op, "is no function of one quantised tensor");
      functions.push_back({producer, variable});
      value = variable;
    }
    Source source = *sourceOf(value);
    FailureOr<reference::Tensor> table = source.numbers;
    for (auto [function, variable] : llvm::reverse(functions))
      if (succeeded(table))
        table = applyTo(*table, function, variable);
    if (failed(table))
      return rewriter.notifyMatchFailure(op, "cannot be computed");
    rewriter.replaceOp(op, createLookup(rewriter, op.getLoc(), source.bytes, stored(*table, to), to));
    return success();
  }
};

/// One table of bytes for all elements.
bool isPlainTable(LookupOp op) {
  return activationType(op.getResult()) && tensorType(op.getTable()).getRank() == 1;
}

/// lookup(lookup(x)) with one table.
struct ComposeLookups : OpRewritePattern<LookupOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(LookupOp op, PatternRewriter &rewriter) const override {
    auto first = op.getInput().getDefiningOp<LookupOp>();
    if (!first || !first->hasOneUse() || !isPlainTable(op))
      return rewriter.notifyMatchFailure(op, "requires a lookup before it, for this alone");
    reference::Tensor table = *constantOf(first.getTable()), second = *constantOf(op.getTable());
    reference::Tensor both(second.type, table.shape);
    for (size_t i = 0; i < both.bytes.size(); ++i)
      both.bytes[i] = second.bytes[table.bytes[i]];
    auto to = activationType(op.getResult());
    rewriter.replaceOp(op, createLookup(rewriter, op.getLoc(), first.getInput(), both, to));
    return success();
  }
};

/// A table for each channel, all alike; and one of plain bytes that changes none.
struct SimplifyLookup : OpRewritePattern<LookupOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(LookupOp op, PatternRewriter &rewriter) const override {
    if (!isConstant(op.getTable()))
      return rewriter.notifyMatchFailure(op, "table is no constant");
    auto to = activationType(op.getResult());
    reference::Tensor table = *constantOf(op.getTable());
    for (size_t i = 256; to && i < table.bytes.size(); ++i)
      if (table.bytes[i] != table.bytes[i % 256])
        return rewriter.notifyMatchFailure(op, "channels differ");
    if (to && !isPlainTable(op)) {
      table.bytes.resize(256);
      table.shape = {256};
      rewriter.replaceOp(op, createLookup(rewriter, op.getLoc(), op.getInput(), table, to));
      return success();
    }
    bool isPlain = tensorType(op.getInput()).getElementType().isUnsignedInteger(8) && to && !to.isSigned();
    for (size_t i = 0; i < table.bytes.size(); ++i)
      if (!isPlain || table.bytes[i] != i)
        return rewriter.notifyMatchFailure(op, "changes bytes");
    rewriter.replaceOpWithNewOp<ScastOp>(op, op.getResult().getType(), op.getInput());
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
    if (!weighted || !product->hasOneUse() || !weighted->table.empty() || !isPlainTable(op) ||
        !isKnown(weighted->weights->get()))
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
    if (failed(fusePixels(getOperation())))
      return signalPassFailure();
    RewritePatternSet tables(&getContext()), operands(&getContext());
    tables.add<ToLookup, ComposeLookups, SimplifyLookup>(&getContext());
    operands.add<LookupIntoProduct>(&getContext());
    for (RewritePatternSet *patterns : {&tables, &operands})
      if (failed(applyPatterns(getOperation(), std::move(*patterns))))
        return signalPassFailure();
  }
};
} // namespace
} // namespace qcc::fuse
