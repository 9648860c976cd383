//===- Fold.cpp - Many elements folded into one -----------------------------===//
#include "compiler/kernels/Fold.h"
#include "compiler/target/Target.h"

using namespace mlir;

namespace qcc::kernels {

/// One loop over [lower, upper) with the lanes of `code`.
static Expr foldRange(const Code &code, int64_t lower, int64_t upper, int64_t step, Expr start,
                      const Fold &fold) {
  auto body = [&](Value index, ValueRange carried) {
    return SmallVector<Value>{fold.step(code, index, code.wrap(carried[0])).value};
  };
  return code.wrap(code.loop(code.index(lower), code.index(upper), step, ValueRange(start.value), body)[0]);
}

int64_t lanesOfLine(const Code &code, bool isContiguous, int64_t size, int64_t bytes) {
  if (!isContiguous)
    return 1;
  if (!code.variant.isGpu)
    return std::max<int64_t>(static_cast<int64_t>(code.variant.vectorBytes) / bytes, 1);
  if (!code.variant.byWarps || size < Code::warpLanes)
    return 1;
  Operation *parent = code.builder.getInsertionBlock()->getParentOp();
  auto function = dyn_cast<func::FuncOp>(parent);
  (function ? function : parent->getParentOfType<func::FuncOp>())
      ->setAttr(warpsAttr, code.builder.getUnitAttr());
  return Code::warpLanes;
}

Value isLaneBelow(const Code &code, int64_t count) {
  return compare(Order::Less, code.wrap(code.lane()), code.wrap(code.index(count))).value;
}

static bool takesLanes(const Code &code, int64_t size, int64_t lanes) {
  return code.lanes == 1 && lanes > 1 && size >= lanes && (!code.variant.isGpu || code.variant.byWarps);
}

Expr foldLine(const Code &code, int64_t size, int64_t lanes, const Fold &fold) {
  if (!takesLanes(code, size, lanes))
    return foldRange(code, 0, size, 1, fold.start(code), fold);
  int64_t whole = size / lanes * lanes;
  Code vectorCode = code.withLanes(lanes);
  Expr partial = foldRange(vectorCode, 0, whole, lanes, fold.start(vectorCode), fold);
  if (vectorCode.isWarp() && whole < size) {
    auto step = [&] { return SmallVector<Value>{fold.step(vectorCode, code.index(whole), partial).value}; };
    auto keep = [&] { return SmallVector<Value>{partial.value}; };
    Value hasOne = isLaneBelow(code, size - whole);
    partial = vectorCode.wrap(code.branch(hasOne, partial.value.getType(), step, keep)[0]);
    whole = size;
  }
  Expr sum = code.wrap(reduceLanes(partial, fold.merge));
  return whole == size ? sum : foldRange(code, whole, size, 1, sum, fold);
}

void forLine(const Code &code, int64_t size, int64_t lanes,
             llvm::function_ref<void(const Code &, Value index)> visit) {
  int64_t whole = 0;
  if (takesLanes(code, size, lanes)) {
    whole = size / lanes * lanes;
    Code vectorCode = code.withLanes(lanes);
    code.loop(code.index(0), code.index(whole), lanes, [&](Value index) { visit(vectorCode, index); });
    if (vectorCode.isWarp() && whole < size) {
      code.when(isLaneBelow(code, size - whole), [&] { visit(vectorCode, code.index(whole)); });
      whole = size;
    }
  }
  if (whole < size)
    code.loop(code.index(whole), code.index(size), 1, [&](Value index) { visit(code, index); });
}

FoldedAxes::FoldedAxes(const View &input, ArrayRef<int64_t> axes) {
  kept.element = input.element;
  kept.offset = input.offset;
  for (size_t axis = 0; axis < input.shape.size(); ++axis) {
    int64_t size = input.shape[axis], stride = input.strides[axis];
    if (!llvm::is_contained(axes, static_cast<int64_t>(axis))) {
      keptShape.push_back(size);
      kept.strides.push_back(stride);
      continue;
    }
    count *= size;
    if (size == 1)
      continue;
    if (!shape.empty() && strides.back() == stride * size) {
      shape.back() *= size;
      strides.back() = stride;
    } else {
      shape.push_back(size);
      strides.push_back(stride);
    }
  }
  kept.shape = keptShape;
}

View dropFolded(const View &result, ArrayRef<int64_t> axes, size_t inputRank) {
  if (result.shape.size() != inputRank || axes.empty())
    return result;
  View view{result.element, {}, {}, result.offset};
  for (size_t axis = 0; axis < inputRank; ++axis) {
    if (llvm::is_contained(axes, static_cast<int64_t>(axis)))
      continue;
    view.shape.push_back(result.shape[axis]);
    view.strides.push_back(result.strides[axis]);
  }
  return view;
}

} // namespace qcc::kernels
