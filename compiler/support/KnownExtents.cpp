//===- KnownExtents.cpp - How much of each tensor counts in a run ---------===//

#include "compiler/support/KnownExtents.h"

#include "compiler/support/Rewrite.h"
#include "dialects/Chain.h"

using namespace mlir;
using namespace qcc;

namespace {
using Known = llvm::function_ref<Extents(Value)>;

int64_t sizeOf(Value value, int64_t axis) { return tensorType(value).getDimSize(axis); }

bool isElementwise(Operation *op) {
  return isa<AddOp, SubOp, MulOp, DivOp, PowOp, PReluOp, EqualOp, GreaterOp, GreaterOrEqualOp, LessOp,
             LessOrEqualOp, AndOp, OrOp, NotOp, MinOp, MaxOp, WhereOp, CastOp, ClipOp>(op) ||
         succeeded(stepOf(op));
}

bool isLikeFirst(Operation *op) {
  return isa<ObserveOp, QuantizeOp, DequantizeOp, ScastOp, LookupOp, IdentityOp, SoftmaxOp,
             LayerNormalizationOp, BatchNormalizationOp, CumSumOp>(op);
}

/// A mask has all positions of the longest run, and so may a constant: an axis is bounded that is so for some
/// operand.
std::optional<Extents> broadcast(OpResult result, Known known) {
  int64_t rank = tensorType(result).getRank();
  Extents all(rank);
  for (Value operand : result.getOwner()->getOperands()) {
    Extents own = known(operand);
    for (int64_t axis = 0, more = rank - int64_t(own.size()); axis < int64_t(own.size()); ++axis) {
      if (own[axis].isFixed())
        continue;
      if (!all[axis + more].isFixed() && all[axis + more] != own[axis])
        return std::nullopt;
      all[axis + more] = own[axis];
    }
  }
  return all;
}

/// Axes of size 1 come and go, and a bounded axis joins with fixed ones behind it or is cut into them.
std::optional<Extents> reshape(OpResult result, Known known) {
  Value input = result.getOwner()->getOperand(0);
  ArrayRef<int64_t> from = tensorType(input).getShape(), to = tensorType(result).getShape();
  Extents before = known(input), after(to.size());
  for (size_t i = 0, k = 0; i < from.size() && k < to.size();) {
    size_t firstFrom = i, firstTo = k;
    int64_t left = from[i++], right = to[k++];
    while (left != right && i < from.size() && k < to.size())
      left < right ? left *= from[i++] : right *= to[k++];
    while (left < right && i < from.size())
      left *= from[i++];
    while (right < left && k < to.size())
      right *= to[k++];
    auto place = llvm::find_if(llvm::seq(firstFrom, i), [&](size_t a) { return !before[a].isFixed(); });
    if (place == llvm::seq(firstFrom, i).end())
      continue;
    int64_t behind = ShapedType::getNumElements(from.slice(*place + 1, i - *place - 1));
    std::optional<Extent> elements = before[*place].times(behind);
    size_t target = firstTo;
    while (target + 1 < k && to[target] == 1)
      ++target;
    int64_t rest = ShapedType::getNumElements(to.slice(target + 1, k - target - 1));
    std::optional<Extent> whole = elements ? elements->over(rest).times(rest) : std::nullopt;
    if (ShapedType::getNumElements(from.slice(firstFrom, *place - firstFrom)) != 1 || !whole ||
        *whole != *elements)
      return std::nullopt;
    after[target] = elements->over(rest);
  }
  return after;
}

std::optional<Extents> product(OpResult result, Value a, Value b, Known known) {
  Extents left = known(a), right = known(b), all(tensorType(result).getRank());
  int64_t rank = all.size();
  if (left.size() < 2 || right.size() < 2 || rank < 2)
    return std::nullopt;
  for (const Extents &own : {left, right})
    for (int64_t axis = 0, more = rank - int64_t(own.size()); axis + 2 < int64_t(own.size()); ++axis)
      if (!own[axis].isFixed())
        all[axis + more] = own[axis];
  all[rank - 2] = left[left.size() - 2];
  all[rank - 1] = right.back();
  return all;
}

/// Windows of an image whose channels come first.
std::optional<Extents> windows(OpResult result, Known known) {
  Operation *op = result.getOwner();
  auto numbers = [&](StringRef name) {
    auto list = op->getAttrOfType<DenseI64ArrayAttr>(name);
    return list ? list.asArrayRef() : ArrayRef<int64_t>();
  };
  auto at = [](ArrayRef<int64_t> list, size_t i, int64_t missing) {
    return list.empty() ? missing : list[i];
  };
  ArrayRef<int64_t> pads = numbers("pads");
  Extents from = known(op->getOperand(0)), all(from.size());
  size_t spatial = from.size() - 2;
  auto layout = op->getAttrOfType<StringAttr>("layout");
  if (!from[1].isFixed() || (layout && layout.getValue() == "nhwc"))
    return std::nullopt;
  all[0] = from[0];
  for (size_t i = 0; i < spatial; ++i) {
    int64_t size = isa<ConvOp>(op) ? sizeOf(op->getOperand(1), i + 2) : at(numbers("kernel_shape"), i, 1);
    int64_t reach = (size - 1) * at(numbers("dilations"), i, 1) + 1;
    all[i + 2] = from[i + 2]
                     .plus(at(pads, i, 0) + at(pads, spatial + i, 0) - reach)
                     .over(at(numbers("strides"), i, 1))
                     .plus(1);
  }
  return all;
}

std::optional<Extents> reduction(OpResult result, Known known) {
  Operation *op = result.getOwner();
  auto axes = op->getAttrOfType<DenseI64ArrayAttr>("axes");
  auto keeps = op->getAttrOfType<IntegerAttr>("keepdims");
  if (!axes || !keeps)
    return std::nullopt;
  Extents all;
  for (auto [axis, extent] : llvm::enumerate(known(op->getOperand(0)))) {
    bool isReduced = llvm::is_contained(axes.asArrayRef(), int64_t(axis));
    if (!isReduced || keeps.getInt() != 0)
      all.push_back(isReduced ? Extent() : extent);
  }
  return all;
}

/// Along `axis` of the operands nothing may be bounded.
std::optional<Extents> allButAxis(OpResult result, int64_t axis, Known known) {
  Extents all(tensorType(result).getRank());
  for (Value operand : result.getOwner()->getOperands())
    for (auto [i, extent] : llvm::enumerate(known(operand))) {
      if (extent.isFixed())
        continue;
      if (int64_t(i) == axis)
        return std::nullopt;
      all[i] = extent;
    }
  return all;
}

std::optional<Extents> slice(SliceOp op, Known known) {
  Extents all = known(op.getInput());
  for (auto [axis, extent] : llvm::enumerate(all))
    if (!extent.isFixed() && sizeOf(op.getInput(), axis) != sizeOf(op.getResult(), axis))
      return std::nullopt;
  return all;
}

std::optional<Extents> pad(PadOp op, Known known) {
  Extents all = known(op.getInput());
  size_t rank = all.size();
  for (auto [axis, extent] : llvm::enumerate(all))
    extent = extent.plus(op.getPads()[axis] + op.getPads()[rank + axis]);
  return all;
}

std::optional<Extents> gather(GatherOp op, Known known) {
  Extents from = known(op.getInput()), at = known(op.getIndices());
  Extents all(from.begin(), from.begin() + op.getAxis());
  llvm::append_range(all, at);
  all.append(from.begin() + op.getAxis() + 1, from.end());
  return all;
}

std::optional<Extents> byRule(OpResult result, Known known) {
  Operation *op = result.getOwner();
  if (isElementwise(op))
    return broadcast(result, known);
  if (isLikeFirst(op) && result.getResultNumber() == 0)
    return known(op->getOperand(0));
  if (isa<ReshapeOp, FlattenOp, SqueezeOp, UnsqueezeOp>(op))
    return reshape(result, known);
  if (isa<ReduceMeanOp, ReduceSumOp, ReduceMaxOp, ReduceMinOp, ReduceL2Op, ReduceProdOp>(op))
    return reduction(result, known);
  if (isa<GatherElementsOp>(op))
    return known(op->getOperand(1));
  if (isa<ConvOp, MaxPoolOp, AveragePoolOp>(op))
    return windows(result, known);
  if (auto matmul = dyn_cast<MatMulOp>(op))
    return product(result, matmul.getA(), matmul.getB(), known);
  if (auto gemm = dyn_cast<GemmOp>(op))
    return Extents{known(gemm.getA())[gemm.getTransA() ? 1 : 0],
                   known(gemm.getB())[gemm.getTransB() ? 0 : 1]};
  if (auto transpose = dyn_cast<TransposeOp>(op); transpose && transpose.getPerm()) {
    Extents from = known(transpose.getInput());
    return Extents(llvm::map_range(*transpose.getPerm(), [&](int64_t axis) { return from[axis]; }));
  }
  if (auto concat = dyn_cast<ConcatOp>(op))
    return allButAxis(result, concat.getAxis(), known);
  if (auto sliced = dyn_cast<SliceOp>(op))
    return slice(sliced, known);
  if (auto padded = dyn_cast<PadOp>(op))
    return pad(padded, known);
  if (auto gathered = dyn_cast<GatherOp>(op))
    return gather(gathered, known);
  // What is measured by row or by image: values, and a number for each.
  if (auto measured = dyn_cast<DynamicQuantizeOp>(op)) {
    Extents from = known(measured.getInput());
    return result.getResultNumber() == 0 ? from : Extents(from.begin(), from.begin() + measured.getAxis());
  }
  if (auto dynamic = dyn_cast<DynamicMatMulOp>(op)) {
    Extents from = known(dynamic.getA());
    from.back() = Extent();
    return from;
  }
  return std::nullopt;
}
} // namespace

std::optional<Extents> KnownExtents::of(Value value) const {
  if (unknown.contains(value))
    return std::nullopt;
  auto found = bounded.find(value);
  return found == bounded.end() ? Extents(tensorType(value).getRank()) : found->second;
}

std::optional<Extents> KnownExtents::infer(OpResult result) const {
  Operation *op = result.getOwner();
  int64_t rank = tensorType(result).getRank();
  auto notes = op->getAttrOfType<ArrayAttr>(extentsAttr);
  if (notes && result.getResultNumber() < notes.size())
    return extentsFromAttr(notes[result.getResultNumber()], rank);
  if (llvm::any_of(op->getOperands(), [&](Value operand) { return unknown.contains(operand); }))
    return std::nullopt;
  if (llvm::none_of(op->getOperands(), [&](Value operand) { return bounded.contains(operand); }))
    return Extents(rank);
  std::optional<Extents> all = byRule(result, [&](Value operand) { return *of(operand); });
  return all && int64_t(all->size()) == rank ? all : std::nullopt;
}

void KnownExtents::take(Operation &op) {
  for (OpResult result : op.getResults()) {
    std::optional<Extents> extents = infer(result);
    if (!extents)
      unknown.insert(result);
    else if (anyBounded(*extents))
      bounded[result] = *extents;
  }
}

void KnownExtents::takeArguments(func::FuncOp main) {
  auto inputs = extentsOf(main, inputExtentsAttr, main.getArgumentTypes());
  for (auto [argument, extents] : llvm::zip(main.getArguments(), inputs))
    if (anyBounded(extents))
      bounded[argument] = extents;
}

KnownExtents::KnownExtents(func::FuncOp main) {
  if (lengthsOf(main).empty())
    return;
  takeArguments(main);
  for (Operation &op : main.front().without_terminator())
    take(op);
}

void KnownExtents::note(func::FuncOp main, llvm::function_ref<std::optional<Extents>(Value)> truth) {
  KnownExtents known;
  known.takeArguments(main);
  for (Operation &op : main.front().without_terminator()) {
    bool isFound = true;
    SmallVector<Extents> right;
    for (OpResult result : op.getResults()) {
      std::optional<Extents> found = known.infer(result), told = truth(result);
      isFound &= !told || (found && *found == *told);
      right.push_back(told ? *told : found.value_or(Extents(tensorType(result).getRank())));
    }
    if (!isFound)
      setExtents(&op, extentsAttr, right);
    known.take(op);
  }
}

void qcc::setObservedExtents(ObserveOp mark, const KnownExtents &extents) {
  Value value = mark.getInput();
  while (auto before = value.getDefiningOp<ObserveOp>())
    value = before.getInput();
  std::optional<Extents> known = extents.of(value);
  if (!known)
    mark->setAttr(unknownExtentsAttr, UnitAttr::get(mark.getContext()));
  else if (anyBounded(*known))
    setExtents(mark, extentsAttr, {*known});
}
