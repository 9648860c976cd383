//===- LeadingRows.cpp - Rows that a shorter run has no use for -----------===//

#include "compiler/lower/LeadingRows.h"

#include "dialects/Chain.h"

using namespace mlir;
using namespace qcc;
using namespace qcc::lower;

int64_t lower::leadingSize(ArrayRef<int64_t> shape) {
  for (int64_t size : shape)
    if (size != 1)
      return size;
  return 1;
}

static int64_t sizeOf(Value value) {
  return lower::leadingSize(cast<RankedTensorType>(value.getType()).getShape());
}

/// Which axis that is, counted from the last.
static int64_t leadingPlace(Value value) {
  ArrayRef<int64_t> shape = cast<RankedTensorType>(value.getType()).getShape();
  while (!shape.empty() && shape.front() == 1)
    shape = shape.drop_front();
  return shape.size();
}

/// Operations on all elements by themselves, under numpy's broadcasting.
static bool isElementwise(Operation *op) {
  return isa<AddOp, SubOp, MulOp, DivOp, PowOp, PReluOp, EqualOp, GreaterOp, GreaterOrEqualOp, LessOp,
             LessOrEqualOp, AndOp, OrOp, NotOp, MinOp, MaxOp, WhereOp, CastOp, ClipOp>(op) ||
         succeeded(stepOf(op));
}

/// Those that compute each row of their results from that of their first operand, beside weights, residuals
/// and what else comes with that row.
static bool readsRowsOfFirst(Operation *op) {
  return isa<QuantizeOp, DequantizeOp, ScastOp, LookupOp, IdentityOp, DynamicQuantizeOp, DynamicMatMulOp,
             MatMulOp, LayerNormalizationOp, SoftmaxOp, ConvOp, ConvTransposeOp, MaxPoolOp, AveragePoolOp,
             GlobalAveragePoolOp, GlobalMaxPoolOp, ResizeOp, ReshapeOp, FlattenOp, SqueezeOp, UnsqueezeOp>(
      op);
}

/// where(position < count, x, number) along that axis: behind the rows that count there is something to read.
static bool fillsRows(Operation *op) {
  auto where = dyn_cast<WhereOp>(op);
  if (!where || cast<RankedTensorType>(where.getRhs().getType()).getNumElements() != 1)
    return false;
  Operation *mask = where.getCondition().getDefiningOp();
  if (auto reshaped = dyn_cast_or_null<ReshapeOp>(mask))
    mask = reshaped.getInput().getDefiningOp();
  return isa_and_nonnull<LessOp>(mask) &&
         leadingPlace(where.getCondition()) == leadingPlace(where.getResult());
}

LeadingRows::LeadingRows(func::FuncOp source) {
  if (lengthsOf(source).empty())
    return;
  auto inputs = extentsOf(source, inputExtentsAttr, source.getArgumentTypes());
  for (auto [argument, extents] : llvm::zip(source.getArguments(), inputs))
    for (auto [extent, size] : llvm::zip(extents, cast<RankedTensorType>(argument.getType()).getShape()))
      if (size != 1) {
        rows[argument] = extent;
        break;
      }
  for (Operation &op : source.front().without_terminator()) {
    Extent extent = infer(&op);
    bool fills =
        fillsRows(&op) || (op.getNumOperands() == 1 && filled.contains(op.getOperand(0)) &&
                           (isElementwise(&op) || isa<QuantizeOp, DequantizeOp, ScastOp, LookupOp>(op)));
    if (fills)
      extent = rows.lookup_or(isa<WhereOp>(op) ? op.getOperand(1) : op.getOperand(0), Extent());
    else if (extent.isFixed() && isa<ConvOp, MaxPoolOp, AveragePoolOp>(op))
      extent = windows(&op);
    if (extent.isFixed())
      continue;
    for (Value result : op.getResults()) {
      rows[result] = extent;
      if (fills)
        filled.insert(result);
    }
  }
}

/// Of those of windows along that axis: what they read behind the rows that count has been filled.
Extent LeadingRows::windows(Operation *op) const {
  auto layout = op->getAttrOfType<StringAttr>("layout");
  Value input = op->getOperand(0), result = op->getResult(0);
  auto isLeading = [](Value value) {
    auto shape = cast<RankedTensorType>(value.getType()).getShape();
    return shape[0] == 1 && shape[1] != 1;
  };
  if (!layout || layout.getValue() != "nhwc" || !isLeading(input) || !isLeading(result))
    return {};
  auto first = [&](StringRef name, int64_t missing) {
    auto list = op->getAttrOfType<DenseI64ArrayAttr>(name);
    return list && !list.empty() ? list[0] : missing;
  };
  auto pads = op->getAttrOfType<DenseI64ArrayAttr>("pads");
  int64_t begin = pads ? pads[0] : 0, end = pads ? pads[pads.size() / 2] : 0,
          reach = (first("kernel_shape", 1) - 1) * first("dilations", 1) + 1;
  return rows.lookup_or(input, Extent()).plus(begin + end - reach).over(first("strides", 1)).plus(1);
}

/// Of the rows of all operands that have the result's; constants have those of the longest run.
Extent LeadingRows::common(Operation *op) const {
  Value result = op->getResult(0);
  Extent extent;
  for (Value operand : op->getOperands()) {
    if (operand.getDefiningOp<ConstantOp>() || leadingPlace(operand) != leadingPlace(result))
      continue;
    if (of(operand).isFixed() || (!extent.isFixed() && extent != of(operand)))
      return {};
    extent = of(operand);
  }
  return extent;
}

Extent LeadingRows::infer(Operation *op) const {
  if (op->getNumResults() == 0 || op->getNumOperands() == 0)
    return {};
  int64_t size = sizeOf(op->getResult(0));
  auto same = [&](Value value) { return size == sizeOf(value); };
  Extent first = same(op->getOperand(0)) ? of(op->getOperand(0)) : Extent();
  if (isElementwise(op))
    return common(op);
  if (readsRowsOfFirst(op))
    return llvm::all_of(op->getResults(), same) ? first : Extent();
  if (isa<ReduceMeanOp, ReduceSumOp, ReduceMaxOp, ReduceMinOp, ReduceL2Op>(op)) {
    auto axes = op->getAttrOfType<DenseI64ArrayAttr>("axes");
    Value input = op->getOperand(0);
    int64_t leading = cast<RankedTensorType>(input.getType()).getRank() - leadingPlace(input);
    return axes && !llvm::is_contained(axes.asArrayRef(), leading) ? first : Extent();
  }
  if (auto gemm = dyn_cast<GemmOp>(op))
    return gemm.getTransA() ? Extent() : first;
  if (auto attention = dyn_cast<AttentionOp>(op))
    return first;
  // The rows of a table's indices.
  auto gather = dyn_cast<GatherOp>(op);
  if (gather && gather.getAxis() == 0 && gather.getInput().getDefiningOp<ConstantOp>() &&
      same(gather.getIndices()))
    return of(gather.getIndices());
  // Other axes change places, behind this one.
  auto transpose = dyn_cast<TransposeOp>(op);
  if (transpose && transpose.getPerm()) {
    int64_t rank = transpose.getPerm()->size(), from = rank - leadingPlace(transpose.getInput()),
            to = rank - leadingPlace(transpose.getResult());
    return to < rank && (*transpose.getPerm())[to] == from ? first : Extent();
  }
  return {};
}
