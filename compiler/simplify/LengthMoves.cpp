//===- LengthMoves.cpp - Positions that move about, and those that do not count ===//
//
// The part of the rules for operations that choose, order and join elements.
//
//===----------------------------------------------------------------------===//

#include "compiler/simplify/LengthRules.h"

#include "dialects/Constants.h"

namespace qcc::simplify {

using namespace mlir;
using namespace lengthRules;

LogicalResult lengthRules::transpose(Masker &masker, Operation *op, Results &results) {
  Extents extents;
  SmallVector<int64_t> perm(*cast<TransposeOp>(op).getPerm());
  for (int64_t axis : perm)
    extents.push_back(masker.extents(op->getOperand(0))[axis]);
  results.push_back(extents);
  return success();
}

/// How many of the elements behind `begin`, as one row, count: the first ones, or it fails. No more than one
/// axis is bounded, and those before it have size 1.
static FailureOr<Extent> countOfRow(ArrayRef<int64_t> shape, ArrayRef<Extent> extents) {
  Extent count;
  int64_t before = 1, behind = 1;
  for (auto [size, extent] : llvm::zip(shape, extents)) {
    if (!extent.isFixed() && (!count.isFixed() || before != 1))
      return failure();
    if (!extent.isFixed())
      count = extent, behind = 1;
    else
      (count.isFixed() ? before : behind) *= size;
  }
  std::optional<Extent> all = count.times(behind);
  return all ? FailureOr<Extent>(*all) : FailureOr<Extent>(failure());
}

/// Operand and result are cut into the smallest groups of axes that hold the same elements.
LogicalResult lengthRules::reshape(Masker &masker, Operation *op, Results &results) {
  ArrayRef<int64_t> from = tensorType(op->getOperand(0)).getShape(),
                    to = tensorType(op->getResult(0)).getShape();
  const Extents &before = masker.extents(op->getOperand(0));
  FailureOr<Extents> found = masker.found(op);
  if (failed(found))
    return failure();
  const Extents &after = *found;
  for (size_t i = 0, k = 0; i < from.size() || k < to.size();) {
    size_t firstFrom = i, firstTo = k;
    int64_t left = i < from.size() ? from[i++] : 1, right = k < to.size() ? to[k++] : 1;
    while (left != right && (i < from.size() || k < to.size()))
      if (left < right && i < from.size())
        left *= from[i++];
      else if (k < to.size())
        right *= to[k++];
      else
        left *= from[i++];
    // Axes of size 1 belong to the group before.
    while (i < from.size() && from[i] == 1)
      ++i;
    while (k < to.size() && to[k] == 1)
      ++k;
    auto old =
        countOfRow(from.slice(firstFrom, i - firstFrom), ArrayRef(before).slice(firstFrom, i - firstFrom));
    auto now = countOfRow(to.slice(firstTo, k - firstTo), ArrayRef(after).slice(firstTo, k - firstTo));
    if (failed(old) || failed(now) || *old != *now)
      return masker.refuse(op, "joins or cuts a bounded axis that lies behind another one");
  }
  results.push_back(after);
  return success();
}

/// What comes behind an axis of bounded length is written over what does not count there.
static Value putBehind(Masker &masker, ConcatOp op, Value whole, Value part, const Extent &begin) {
  OpBuilder builder(op);
  builder.setInsertionPointAfterValue(whole);
  auto axis = static_cast<int64_t>(op.getAxis());
  SmallVector<int64_t> shape(tensorType(whole).getShape()), shapeOfPart(tensorType(part).getShape());
  if (axis == 0) { // which is that of the samples there
    shape.insert(shape.begin(), 1), shapeOfPart.insert(shapeOfPart.begin(), 1);
    whole = createReshape(builder, op.getLoc(), whole, shape);
    part = createReshape(builder, op.getLoc(), part, shapeOfPart);
  }
  auto starts = RankedTensorType::get({shape[0]}, builder.getI64Type());
  Value start = ExpandOp::create(builder, op.getLoc(), starts, masker.count(begin), starts.getShape());
  whole = TensorScatterOp::create(builder, op.getLoc(), whole.getType(), whole, part, start,
                                  axis == 0 ? 1 : axis, "linear");
  return axis == 0 ? createReshape(builder, op.getLoc(), whole, ArrayRef(shape).drop_front()) : whole;
}

LogicalResult lengthRules::concat(Masker &masker, Operation *op, Results &results) {
  auto concat = cast<ConcatOp>(op);
  auto axis = static_cast<size_t>(concat.getAxis());
  Extents all = masker.extents(op->getOperand(0));
  Value whole = concat.getResult();
  Extent end; // of what is there up to an operand; fixed while all of it counts
  int64_t before = 0;
  for (Value operand : op->getOperands()) {
    const Extents &extents = masker.extents(operand);
    for (size_t a = 0; a < extents.size(); ++a)
      if (a != axis && extents[a] != all[a])
        return masker.refuse(op, "joins two axes of different lengths");
    if (!end.isFixed())
      whole = putBehind(masker, concat, whole, operand, end);
    int64_t size = sizeOf(operand, axis);
    const Extent &own = extents[axis];
    std::optional<Extent> next = end.isFixed()   ? own.plus(before)
                                 : own.isFixed() ? end.plus(size)
                                                 : end.plus(own);
    if (!next)
      return masker.refuse(op, "joins lengths whose sum is not known");
    end = *next;
    before += size;
  }
  if (whole != concat.getResult())
    masker.replace(concat.getResult(), whole);
  all[axis] = end;
  results.push_back(all);
  return success();
}

LogicalResult lengthRules::split(Masker &masker, Operation *op, Results &results) {
  auto axis = static_cast<size_t>(cast<SplitOp>(op).getAxis());
  const Extents extents = masker.extents(op->getOperand(0));
  if (!extents[axis].isFixed())
    return masker.refuse(op, "splits an axis of a bounded length");
  results.append(op->getNumResults(), extents);
  return success();
}

/// Where the beginning does not depend on a length, what is picked are the same positions as in a shorter
/// run, as far as there are any.
LogicalResult lengthRules::slice(Masker &masker, Operation *op, Results &results) {
  auto slice = cast<SliceOp>(op);
  Extents from = masker.extents(slice.getInput());
  Extents starts = extentsFromAttr(op->getAttr(startsAttr), from.size());
  for (auto [axis, step] : llvm::enumerate(*slice.getSteps()))
    if (step > 1 && starts[axis].isFixed() && !from[axis].isFixed())
      masker.suggest(from[axis].plus(step - 1 - slice.getStarts()[axis]).over(step));
  FailureOr<Extents> extents = masker.found(op);
  if (failed(extents))
    return failure();
  op->removeAttr(startsAttr);
  Value value = slice.getInput();
  SmallVector<int64_t> begins(slice.getStarts()), ends(slice.getEnds()), steps(*slice.getSteps());
  for (size_t axis = 0; axis < from.size(); ++axis) {
    if (!starts[axis].isFixed()) {
      // Counted from the end: picked by numbers of the run, those before the beginning never read.
      OpBuilder builder(op);
      auto type = RankedTensorType::get({sizeOf(slice.getResult(), axis)}, builder.getI64Type());
      reference::Tensor way = zeros(type);
      for (int64_t i = 0; i < way.size(); ++i)
        way.setInt(i, i * steps[axis]);
      Value at = createConstant(builder, op->getLoc(), way, type), first = masker.count(starts[axis]);
      at = AddOp::create(builder, op->getLoc(), type, at, first, ArrayAttr());
      at = MaxOp::create(builder, op->getLoc(), type,
                         ValueRange{at, createScalar(builder, op->getLoc(), 0, at)});
      SmallVector<int64_t> shape(tensorType(value).getShape());
      shape[axis] = type.getDimSize(0);
      value = GatherOp::create(builder, op->getLoc(), tensorType(value).clone(shape), value, at, axis);
      begins[axis] = 0;
      ends[axis] = shape[axis];
      steps[axis] = 1;
    }
  }
  slice.getInputMutable().assign(value);
  slice.setStarts(begins);
  slice.setEnds(ends);
  slice.setSteps(steps);
  results.push_back(*extents);
  return success();
}

LogicalResult lengthRules::pad(Masker &masker, Operation *op, Results &results) {
  auto pad = cast<PadOp>(op);
  Extents extents = masker.extents(pad.getInput());
  auto rank = static_cast<int64_t>(extents.size());
  for (int64_t axis = 0; axis < rank; ++axis) {
    if (extents[axis].isFixed())
      continue;
    int64_t begin = pad.getPads()[axis], end = pad.getPads()[rank + axis];
    if ((begin || end) && (pad.getMode() != "constant" || begin < 0 || end < 0))
      return masker.refuse(op, "pads axis " + Twine(axis) + " by its own numbers, or crops it");
    if (end > 0)
      pad.getInputMutable().assign(
          masker.fillRest(op, pad.getInput(), axis, pad.getValue() ? pad.getValue()->convertToDouble() : 0));
    extents[axis] = extents[axis].plus(begin + end);
  }
  results.push_back(extents);
  return success();
}

bool lengthRules::areFromTheFront(Value indices) {
  std::optional<reference::Tensor> known = constantOf(indices);
  bool fromFront = known.has_value();
  for (int64_t i = 0; known && i < known->size(); ++i)
    fromFront &= known->getInt(i) >= 0;
  return fromFront;
}

void lengthRules::countFromTheFront(Masker &masker, OpOperand &operand, const Extent &extent) {
  if (extent.isFixed() || areFromTheFront(operand.get()))
    return;
  Operation *op = operand.getOwner();
  OpBuilder builder(op);
  Value indices = operand.get();
  RankedTensorType type = tensorType(indices);
  Extents extents = masker.extents(indices);
  Value zero = createScalar(builder, op->getLoc(), 0, indices);
  Value isBack = LessOp::create(builder, op->getLoc(), type.clone(builder.getI1Type()), indices, zero);
  Value back = AddOp::create(builder, op->getLoc(), type, indices,
                             masker.countAs(op, extent, type.getElementType()), ArrayAttr());
  operand.set(WhereOp::create(builder, op->getLoc(), type, isBack, back, indices));
  masker.setExtents(operand.get(), extents);
}

LogicalResult lengthRules::gather(Masker &masker, Operation *op, Results &results) {
  auto gather = cast<GatherOp>(op);
  const Extents from = masker.extents(gather.getInput()), at = masker.extents(gather.getIndices());
  auto axis = static_cast<size_t>(gather.getAxis());
  countFromTheFront(masker, gather.getIndicesMutable(), from[axis]);
  Extents extents(from.begin(), from.begin() + axis);
  extents.append(at.begin(), at.end());
  extents.append(from.begin() + axis + 1, from.end());
  results.push_back(extents);
  return success();
}

LogicalResult lengthRules::gatherND(Masker &masker, Operation *op, Results &results) {
  auto gather = cast<GatherNDOp>(op);
  const Extents from = masker.extents(gather.getInput()), at = masker.extents(gather.getIndices());
  auto batch = static_cast<size_t>(gather.getBatchDims());
  size_t tuple = sizeOf(gather.getIndices(), at.size() - 1);
  bool indexes = anyBounded(Extents(from.begin() + batch, from.begin() + batch + tuple));
  if ((indexes && !areFromTheFront(gather.getIndices())) || !at.back().isFixed())
    return masker.refuse(op, "picks from an axis of a bounded length by numbers that may count from its end");
  for (size_t axis = 0; axis < batch; ++axis)
    if (from[axis] != at[axis])
      return masker.refuse(op, "joins two axes of different lengths");
  Extents extents(at.begin(), at.end() - 1);
  extents.append(from.begin() + batch + tuple, from.end());
  results.push_back(extents);
  return success();
}

} // namespace qcc::simplify
