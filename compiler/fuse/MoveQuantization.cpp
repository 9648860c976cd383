//===- MoveQuantization.cpp - Values are moved as stored integers ---------===//
//
// Dequantizes sink below operations that only move or select values, quantizes
// rise above them. Both are exact: such operations commute with a monotonic
// function of each element.
//
//===----------------------------------------------------------------------===//

#include "compiler/fuse/Passes.h"
#include "compiler/fuse/Quantized.h"
#include "dialects/PermutedType.h"
#include "dialects/reference/Shape.h"

namespace qcc::fuse {
#define GEN_PASS_DEF_MOVEQUANTIZATION
#include "compiler/fuse/Passes.h.inc"

using namespace mlir;

namespace {
void setElementType(Value value, Type element) {
  value.setType(RankedTensorType::get(tensorType(value).getShape(), element));
}

/// op(dequantize(x)) ==> dequantize(op(x))
struct SinkDequantize : OpInterfaceRewritePattern<QccOpInterface> {
  using OpInterfaceRewritePattern::OpInterfaceRewritePattern;
  LogicalResult matchAndRewrite(QccOpInterface op, PatternRewriter &rewriter) const override {
    std::optional<SmallVector<OpOperand *>> moved = movedOperands(op);
    if (!moved || moved->empty())
      return rewriter.notifyMatchFailure(op, "computes new values");
    SmallVector<Value> stored;
    Type element;
    for (OpOperand *operand : *moved) {
      auto dequantize = operand->get().getDefiningOp<DequantizeOp>();
      Type own = dequantize ? tensorType(dequantize.getInput()).getElementType() : Type();
      if (!isa_and_nonnull<quant::UniformQuantizedType>(own) || (element && element != own))
        return rewriter.notifyMatchFailure(op, "requires dequantizes of one type before it");
      element = own;
      stored.push_back(dequantize.getInput());
    }
    rewriter.modifyOpInPlace(op, [&] {
      for (auto [operand, value] : llvm::zip_equal(*moved, stored))
        operand->set(value);
      for (Value result : op->getResults())
        setElementType(result, element);
    });
    rewriter.setInsertionPointAfter(op);
    for (Value result : op->getResults()) {
      auto real = RankedTensorType::get(tensorType(result).getShape(),
                                        cast<quant::QuantizedType>(element).getExpressedType());
      auto dequantize = DequantizeOp::create(rewriter, op->getLoc(), real, result);
      rewriter.replaceAllUsesExcept(result, dequantize.getResult(), dequantize);
    }
    return success();
  }
};

/// quantize(op(x)) ==> op(quantize(x))
struct HoistQuantize : OpRewritePattern<QuantizeOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(QuantizeOp op, PatternRewriter &rewriter) const override {
    Operation *mover = op.getInput().getDefiningOp();
    auto element = dyn_cast<quant::UniformQuantizedType>(tensorType(op.getResult()).getElementType());
    if (!mover || !element || mover->getNumResults() != 1 || !mover->hasOneUse())
      return rewriter.notifyMatchFailure(op, "requires one operation before it, for this alone");
    std::optional<SmallVector<OpOperand *>> moved = movedOperands(mover);
    if (!moved)
      return rewriter.notifyMatchFailure(op, "operand computes new values");
    rewriter.setInsertionPoint(mover);
    SmallVector<Value> stored;
    for (OpOperand *operand : *moved) {
      auto type = RankedTensorType::get(tensorType(operand->get()).getShape(), element);
      stored.push_back(QuantizeOp::create(rewriter, op.getLoc(), type, operand->get()));
    }
    rewriter.modifyOpInPlace(mover, [&] {
      for (auto [operand, value] : llvm::zip_equal(*moved, stored))
        operand->set(value);
      setElementType(mover->getResult(0), element);
    });
    rewriter.replaceOp(op, mover->getResult(0));
    return success();
  }
};

/// quantize(dequantize(x)) with one type
struct CancelPair : OpRewritePattern<QuantizeOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(QuantizeOp op, PatternRewriter &rewriter) const override {
    auto dequantize = op.getInput().getDefiningOp<DequantizeOp>();
    if (!dequantize || dequantize.getInput().getType() != op.getResult().getType())
      return rewriter.notifyMatchFailure(op, "types differ");
    rewriter.replaceOp(op, dequantize.getInput());
    return success();
  }
};

/// transpose(dequantize(w)) of weights with a scale for each channel or block.
struct SinkWeightTranspose : OpRewritePattern<TransposeOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(TransposeOp op, PatternRewriter &rewriter) const override {
    auto dequantize = op.getInput().getDefiningOp<DequantizeOp>();
    if (!dequantize || !isConstant(dequantize.getInput()))
      return rewriter.notifyMatchFailure(op, "operand is no constant that is stored quantised");
    RankedTensorType type = tensorType(dequantize.getInput());
    if (!isa<quant::UniformQuantizedPerAxisType, quant::UniformQuantizedSubChannelType>(
            type.getElementType()))
      return rewriter.notifyMatchFailure(op, "has one scale for all");
    ArrayRef<int64_t> perm = *op.getPerm();
    reference::Tensor turned = reference::transpose(*constantOf(dequantize.getInput()), perm.vec());
    Value stored = createConstant(rewriter, op.getLoc(), turned, permutedType(type, perm));
    rewriter.replaceOpWithNewOp<DequantizeOp>(op, op.getResult().getType(), stored);
    return success();
  }
};

struct MoveQuantization : impl::MoveQuantizationBase<MoveQuantization> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<CancelPair>(&getContext(), /*benefit=*/2);
    patterns.add<SinkDequantize, HoistQuantize, SinkWeightTranspose>(&getContext());
    // Weights whose dequantize has moved behind a reshape are folded again.
    if (failed(applyPatterns(getOperation(), std::move(patterns))) || failed(foldConstants(getOperation())))
      signalPassFailure();
  }
};
} // namespace
} // namespace qcc::fuse
