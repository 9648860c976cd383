//===- DropUnseenTaps.cpp - Filters without what sees padding alone -------===//

#include "compiler/simplify/Passes.h"
#include "compiler/support/Rewrite.h"
#include "compiler/support/Weighted.h"

namespace qcc::simplify {
#define GEN_PASS_DEF_DROPUNSEENTAPS
#include "compiler/simplify/Passes.h.inc"

using namespace mlir;

namespace {
/// One spatial axis of a convolution.
struct Axis {
  int64_t size, outputs, taps, stride, dilation, front, back;

  /// Whether a position of the filter puts this tap on the tensor rather than on its padding.
  bool sees(int64_t tap) const {
    int64_t at = tap * dilation - front;
    int64_t position = at < 0 ? llvm::divideCeil(-at, stride) : 0;
    return position < outputs && position * stride + at < size;
  }

  /// This axis with taps first .. end - 1 only, nothing where that needs less than no padding.
  std::optional<Axis> cropped(int64_t first, int64_t end) const {
    Axis result = *this;
    result.taps = end - first;
    result.front = front - first * dilation;
    // What no position reaches is no padding either.
    int64_t reached = (outputs - 1) * stride + (result.taps - 1) * dilation + 1;
    result.back = std::max<int64_t>(reached - result.front - size, 0);
    bool isSame =
        (size + result.front + result.back - (result.taps - 1) * dilation - 1) / stride + 1 == outputs;
    if (result.front < 0 || !isSame)
      return std::nullopt;
    return result;
  }

  Axis withoutUnseenTaps() const {
    int64_t first = 0, end = taps;
    while (end > 1 && !sees(end - 1))
      --end;
    while (first < end - 1 && !sees(first))
      ++first;
    std::optional<Axis> result = cropped(first, end);
    return result && (first > 0 || end < taps) ? *result : *this;
  }
};

int64_t valueOr(std::optional<ArrayRef<int64_t>> list, size_t index, int64_t other) {
  return list && !list->empty() ? (*list)[index] : other;
}

/// `filter` from `starts` on, in the shape of `axes`; a filter stored quantised stays so.
Value crop(PatternRewriter &rewriter, Value filter, ArrayRef<int64_t> starts, ArrayRef<Axis> axes) {
  if (auto dequantize = filter.getDefiningOp<DequantizeOp>()) {
    Value stored = crop(rewriter, dequantize.getInput(), starts, axes);
    auto type = RankedTensorType::get(tensorType(stored).getShape(), tensorType(filter).getElementType());
    return DequantizeOp::create(rewriter, filter.getLoc(), type, stored);
  }
  SmallVector<int64_t> shape(tensorType(filter).getShape()), ends, along;
  for (auto [i, axis] : llvm::enumerate(axes)) {
    shape[2 + i] = axis.taps;
    ends.push_back(starts[i] + axis.taps);
    along.push_back(2 + i);
  }
  auto type = RankedTensorType::get(shape, tensorType(filter).getElementType());
  return SliceOp::create(rewriter, filter.getLoc(), type, filter, starts, ends,
                         rewriter.getDenseI64ArrayAttr(along), /*steps=*/nullptr);
}

struct DropTaps : OpRewritePattern<ConvOp> {
  using OpRewritePattern<ConvOp>::OpRewritePattern;
  LogicalResult matchAndRewrite(ConvOp op, PatternRewriter &rewriter) const override {
    if (op.getLayout() != "nchw" || op.getAutoPad() != "NOTSET" || !isKnown(op.getFilter()))
      return rewriter.notifyMatchFailure(op, "requires a known filter and explicit padding");
    ArrayRef<int64_t> input = tensorType(op.getInput()).getShape(),
                      filter = tensorType(op.getFilter()).getShape(),
                      output = tensorType(op.getResult()).getShape();
    size_t count = input.size() - 2;
    SmallVector<Axis> axes;
    SmallVector<int64_t> starts, kernel, pads(2 * count);
    bool isSmaller = false;
    for (size_t i = 0; i < count; ++i) {
      Axis axis{input[2 + i],
                output[2 + i],
                filter[2 + i],
                valueOr(op.getStrides(), i, 1),
                valueOr(op.getDilations(), i, 1),
                valueOr(op.getPads(), i, 0),
                valueOr(op.getPads(), count + i, 0)};
      Axis result = axis.withoutUnseenTaps();
      starts.push_back((axis.front - result.front) / axis.dilation);
      kernel.push_back(result.taps);
      pads[i] = result.front;
      pads[count + i] = result.back;
      isSmaller |= result.taps < axis.taps;
      axes.push_back(result);
    }
    if (!isSmaller)
      return rewriter.notifyMatchFailure(op, "requires a tap that sees padding alone");
    Value cropped = crop(rewriter, op.getFilter(), starts, axes);
    rewriter.modifyOpInPlace(op, [&] {
      op.getFilterMutable().assign(cropped);
      op.setPads(pads);
      op.setKernelShape(kernel);
    });
    return success();
  }
};

struct DropUnseenTaps : impl::DropUnseenTapsBase<DropUnseenTaps> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<DropTaps>(&getContext());
    if (failed(applyPatterns(getOperation(), std::move(patterns))) || failed(foldConstants(getOperation())))
      signalPassFailure();
  }
};
} // namespace
} // namespace qcc::simplify
