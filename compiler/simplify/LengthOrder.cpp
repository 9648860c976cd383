//===- LengthOrder.cpp - Positions by what is there, and by indices ---------===//
//
// The part of the rules for operations that compare positions, add them up one by one, or have indices for
// single elements.
//
//===----------------------------------------------------------------------===//

#include "compiler/simplify/LengthRules.h"

namespace qcc::simplify {

using namespace mlir;
using namespace lengthRules;

/// Of equal elements the first one wins: none of those that were filled.
LogicalResult lengthRules::argReduce(Masker &masker, Operation *op, Results &results) {
  auto number = [&](StringRef name) { return op->getAttrOfType<IntegerAttr>(name).getInt(); };
  int64_t axis = number("axis");
  Extents extents = masker.extents(op->getOperand(0));
  if (!extents[axis].isFixed()) {
    if (number("select_last_index"))
      return masker.refuse(op, "looks for the last of equal elements");
    Type element = tensorType(op->getOperand(0)).getElementType();
    double rest = isa<ArgMaxOp>(op) ? lowestOf(element) : highestOf(element);
    op->setOperand(0, masker.fillRest(op, op->getOperand(0), axis, rest));
  }
  if (number("keepdims"))
    extents[axis] = Extent();
  else
    extents.erase(extents.begin() + axis);
  results.push_back(extents);
  return success();
}

LogicalResult lengthRules::topK(Masker &masker, Operation *op, Results &results) {
  auto top = cast<TopKOp>(op);
  auto axis = static_cast<int64_t>(top.getAxis());
  Extents extents = masker.extents(top.getInput());
  if (!extents[axis].isFixed()) {
    Type element = tensorType(top.getInput()).getElementType();
    double rest = top.getLargest() ? lowestOf(element) : highestOf(element);
    top.getInputMutable().assign(masker.fillRest(op, top.getInput(), axis, rest));
  }
  extents[axis] = Extent();
  results.append(2, extents);
  return success();
}

/// Sums from the front read nothing behind.
LogicalResult lengthRules::cumSum(Masker &masker, Operation *op, Results &results) {
  auto sums = cast<CumSumOp>(op);
  auto axis = static_cast<int64_t>(sums.getAxis());
  Extents extents = masker.extents(sums.getInput());
  if (sums.getReverse() && !extents[axis].isFixed())
    sums.getInputMutable().assign(masker.fillRest(op, sums.getInput(), axis, 0));
  results.push_back(extents);
  return success();
}

LogicalResult lengthRules::gatherElements(Masker &masker, Operation *op, Results &results) {
  auto gather = cast<GatherElementsOp>(op);
  countFromTheFront(masker, gather.getIndicesMutable(), masker.extents(gather.getInput())[gather.getAxis()]);
  results.push_back(masker.extents(gather.getIndices()));
  return success();
}

/// Updates that do not count lie behind what counts of the input, along an axis that both have: there they
/// replace nothing. Their indices may be anything; none reaches out of the tensor.
LogicalResult lengthRules::scatterElements(Masker &masker, Operation *op, Results &results) {
  auto scatter = cast<ScatterElementsOp>(op);
  const Extents into = masker.extents(scatter.getInput());
  auto axis = static_cast<int64_t>(scatter.getAxis());
  for (OpOperand *operand : {&scatter.getIndicesMutable(), &scatter.getUpdatesMutable()})
    for (auto [i, extent] : llvm::enumerate(masker.extents(operand->get())))
      if (!extent.isFixed() && (int64_t(i) == axis || extent != into[i]))
        return masker.refuse(op, "writes elements of a bounded number along axis " + Twine(i));
  countFromTheFront(masker, scatter.getIndicesMutable(), into[axis]);
  results.push_back(into);
  return success();
}

LogicalResult lengthRules::scatterND(Masker &masker, Operation *op, Results &results) {
  auto scatter = cast<ScatterNDOp>(op);
  const Extents into = masker.extents(scatter.getInput()), updates = masker.extents(scatter.getUpdates());
  int64_t tuple = tensorType(scatter.getIndices()).getShape().back();
  if (anyBounded(masker.extents(scatter.getIndices())))
    return masker.refuse(op, "writes slices of a bounded number");
  if (anyBounded(Extents(into.begin(), into.begin() + tuple)) && !areFromTheFront(scatter.getIndices()))
    return masker.refuse(op,
                         "writes into an axis of a bounded length by numbers that may count from its end");
  int64_t more = int64_t(updates.size()) - int64_t(into.size());
  for (int64_t axis = tuple; axis < int64_t(into.size()); ++axis)
    if (!updates[axis + more].isFixed() && updates[axis + more] != into[axis])
      return masker.refuse(op, "joins two axes of different lengths");
  results.push_back(into);
  return success();
}

LogicalResult lengthRules::tensorScatter(Masker &masker, Operation *op, Results &results) {
  auto scatter = cast<TensorScatterOp>(op);
  auto axis = static_cast<size_t>(scatter.getAxis());
  const Extents cache = masker.extents(scatter.getInput()), rows = masker.extents(scatter.getUpdates());
  for (auto [i, extent] : llvm::enumerate(cache))
    if (i == axis ? !extent.isFixed() || !rows[i].isFixed() : extent != rows[i])
      return masker.refuse(op, "writes rows of a bounded number");
  results.push_back(cache);
  return success();
}

} // namespace qcc::simplify
