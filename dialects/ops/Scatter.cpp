//===- Scatter.cpp - Single elements by their indices ---------------------===//

#include "dialects/reference/Scatter.h"
#include "dialects/ops/Common.h"
#include "dialects/reference/GridSample.h"
#include "dialects/reference/Shape.h"
#include "llvm/ADT/StringSwitch.h"

using namespace mlir;
using namespace qcc;
using namespace qcc::ops;
using reference::Update;

static LogicalResult requireIndices(Operation *op, Value indices) {
  Type index = elementOf(indices);
  if (index.isSignlessInteger(32) || index.isSignlessInteger(64))
    return success();
  return op->emitOpError("operand 'indices' has element type ") << index << " but should be i32 or i64";
}

/// Indices of constants; those of the run are clamped into the axis by the kernels.
static LogicalResult requireInside(Operation *op, int64_t index, int64_t size) {
  if (index >= -size && index < size)
    return success();
  return op->emitOpError("has the index ") << index << " but the axis has size " << size;
}

/// The axis, where indices have the operand's rank and nowhere else more elements than it.
static FailureOr<int64_t> checkElements(Operation *op, int64_t given, Value input, Value indices) {
  ArrayRef<int64_t> shape = shapeOf(input), places = shapeOf(indices);
  if (shape.size() != places.size() || shape.empty())
    return op->emitOpError("has indices of shape ")
           << shapeText(places) << " for an operand of shape " << shapeText(shape)
           << "; both must have the same rank, at least 1";
  FailureOr<int64_t> axis = resolveAxis(op, "axis", given, rankOf(input));
  if (failed(axis) || failed(requireIndices(op, indices)))
    return failure();
  for (auto [i, pair] : llvm::enumerate(llvm::zip(shape, places)))
    if (auto [size, count] = pair; count > size && static_cast<int64_t>(i) != *axis)
      return op->emitOpError("has indices of shape ")
             << shapeText(places) << ", which has more than the " << size << " elements of axis " << i;
  if (shape[*axis] == 0 && tensorOf(indices).getNumElements() != 0)
    return op->emitOpError("has indices into axis ") << *axis << ", which has no elements";
  return axis;
}

static LogicalResult checkAlong(Operation *op, const reference::Tensor &indices, int64_t size) {
  for (int64_t i = 0, e = indices.size(); i < e; ++i)
    if (failed(requireInside(op, indices.getInt(i), size)))
      return failure();
  return success();
}

static FailureOr<Update> updateOf(Operation *op, StringRef reduction, Value input) {
  auto update = llvm::StringSwitch<std::optional<Update>>(reduction)
                    .Case("none", Update::None)
                    .Case("add", Update::Add)
                    .Case("mul", Update::Mul)
                    .Case("max", Update::Max)
                    .Case("min", Update::Min)
                    .Default(std::nullopt);
  if (!update)
    return op->emitOpError("reduction is '") << reduction << "' but must be none, add, mul, max or min";
  if (*update != Update::None && failed(requireNumber(op, "input", input)))
    return failure();
  return *update;
}

//===----------------------------------------------------------------------===//
// GatherElements, ScatterElements
//===----------------------------------------------------------------------===//

LogicalResult GatherElementsOp::normalize() { return normalizeAxis(*this, getInput()); }

LogicalResult GatherElementsOp::inferTypes(Results &results) {
  if (failed(checkElements(*this, static_cast<int64_t>(getAxis()), getInput(), getIndices())))
    return failure();
  return addResult(*this, results, shapeOf(getIndices()), elementOf(getInput()));
}

LogicalResult GatherElementsOp::evaluate(Operands operands, Tensors &results) {
  auto axis = static_cast<int64_t>(getAxis());
  axis = axis < 0 ? axis + operands[0]->rank() : axis;
  if (failed(checkAlong(*this, *operands[1], operands[0]->shape[axis])))
    return failure();
  results.push_back(reference::gatherElements(*operands[0], *operands[1], axis));
  return success();
}

LogicalResult ScatterElementsOp::normalize() { return normalizeAxis(*this, getInput()); }

LogicalResult ScatterElementsOp::inferTypes(Results &results) {
  if (failed(checkElements(*this, static_cast<int64_t>(getAxis()), getInput(), getIndices())) ||
      failed(updateOf(*this, getReduction(), getInput())) ||
      failed(requireSameElement(*this, {getInput(), getUpdates()})))
    return failure();
  if (shapeOf(getUpdates()) != shapeOf(getIndices()))
    return emitOpError("has indices of shape ")
           << shapeText(shapeOf(getIndices())) << " but updates of shape "
           << shapeText(shapeOf(getUpdates()));
  results.push_back(getInput().getType());
  return success();
}

LogicalResult ScatterElementsOp::evaluate(Operands operands, Tensors &results) {
  auto axis = static_cast<int64_t>(getAxis());
  axis = axis < 0 ? axis + operands[0]->rank() : axis;
  FailureOr<Update> update = updateOf(*this, getReduction(), getInput());
  if (failed(update) || failed(checkAlong(*this, *operands[1], operands[0]->shape[axis])))
    return failure();
  results.push_back(reference::scatterElements(*operands[0], *operands[1], *operands[2], axis, *update));
  return success();
}

//===----------------------------------------------------------------------===//
// ScatterND
//===----------------------------------------------------------------------===//

LogicalResult ScatterNDOp::inferTypes(Results &results) {
  ArrayRef<int64_t> shape = shapeOf(getInput()), indices = shapeOf(getIndices());
  if (failed(requireIndices(*this, getIndices())) || failed(updateOf(*this, getReduction(), getInput())) ||
      failed(requireSameElement(*this, {getInput(), getUpdates()})))
    return failure();
  if (indices.empty() || indices.back() < 1 || indices.back() > rankOf(getInput()))
    return emitOpError("has indices of shape ")
           << shapeText(indices) << ", whose last axis must hold 1 to " << rankOf(getInput()) << " numbers";
  Shape expected(indices.drop_back());
  llvm::append_range(expected, shape.drop_front(indices.back()));
  if (shapeOf(getUpdates()) != ArrayRef(expected))
    return emitOpError("has updates of shape ")
           << shapeText(shapeOf(getUpdates())) << " but should have " << shapeText(expected);
  if (llvm::is_contained(shape, 0) && tensorOf(getIndices()).getNumElements() != 0)
    return emitOpError("has indices into an operand of shape ")
           << shapeText(shape) << ", which has no elements";
  results.push_back(getInput().getType());
  return success();
}

LogicalResult ScatterNDOp::evaluate(Operands operands, Tensors &results) {
  FailureOr<Update> update = updateOf(*this, getReduction(), getInput());
  int64_t tuple = operands[1]->shape.back();
  for (int64_t i = 0, e = operands[1]->size(); i < e; ++i)
    if (failed(requireInside(*this, operands[1]->getInt(i), operands[0]->shape[i % tuple])))
      return failure();
  if (failed(update))
    return failure();
  results.push_back(reference::scatterND(*operands[0], *operands[1], *operands[2], *update));
  return success();
}

//===----------------------------------------------------------------------===//
// TensorScatter
//===----------------------------------------------------------------------===//

LogicalResult TensorScatterOp::normalize() { return normalizeAxis(*this, getInput()); }

LogicalResult TensorScatterOp::inferTypes(Results &results) {
  Shape shape(shapeOf(getInput())), part(shapeOf(getUpdates()));
  FailureOr<int64_t> axis = resolveAxis(*this, "axis", static_cast<int64_t>(getAxis()), rankOf(getInput()));
  if (failed(axis) || failed(requireSameElement(*this, {getInput(), getUpdates()})))
    return failure();
  if (*axis == 0)
    return emitOpError("has axis 0, which is that of the samples");
  if (!llvm::is_contained({"linear", "circular"}, getMode()))
    return emitOpError("mode is '") << getMode() << "' but must be linear or circular";
  int64_t count = part.size() == shape.size() ? std::exchange(part[*axis], shape[*axis]) : -1;
  if (part != shape || count > shape[*axis])
    return emitOpError("has updates of shape ")
           << shapeText(shapeOf(getUpdates())) << " for an input of shape " << shapeText(shape)
           << "; they should differ along axis " << *axis << " alone, and have no more there";
  if (Value starts = getWriteIndices()) {
    if (failed(requireIndices(*this, starts)))
      return failure();
    if (shapeOf(starts) != ArrayRef<int64_t>{shape[0]})
      return emitOpError("has write_indices of shape ")
             << shapeText(shapeOf(starts)) << " but should have one for each of " << shape[0] << " samples";
  }
  results.push_back(getInput().getType());
  return success();
}

LogicalResult TensorScatterOp::evaluate(Operands operands, Tensors &results) {
  const reference::Tensor &input = *operands[0], &updates = *operands[1];
  const reference::Tensor *indices = operands.size() > 2 ? operands[2] : nullptr;
  auto axis = static_cast<int64_t>(getAxis());
  axis = axis < 0 ? axis + input.rank() : axis;
  bool isCircular = getMode() == "circular";
  std::vector<int64_t> starts(input.shape[0], 0);
  for (auto [b, start] : llvm::enumerate(starts)) {
    start = indices ? indices->getInt(static_cast<int64_t>(b)) : 0;
    if (int64_t last = isCircular ? 1 : updates.shape[axis]; start < 0 || start > input.shape[axis] - last)
      return emitOpError("writes from position ")
             << start << " on, which is not within the " << input.shape[axis] << " of axis " << axis;
  }
  results.push_back(reference::tensorScatter(input, updates, starts, axis));
  return success();
}

//===----------------------------------------------------------------------===//
// GridSample
//===----------------------------------------------------------------------===//

LogicalResult GridSampleOp::inferTypes(Results &results) {
  FailureOr<bool> nhwc = isChannelsLast(*this, getLayout());
  if (failed(nhwc) || failed(requireFloat(*this, "input", getInput())) ||
      failed(requireFloat(*this, "grid", getGrid())) ||
      failed(requireRank(*this, "input", getInput(), 4, 4)) ||
      failed(requireRank(*this, "grid", getGrid(), 4, 4)))
    return failure();
  if (!llvm::is_contained({"linear", "nearest", "cubic"}, getMode()))
    return emitOpError("mode is '") << getMode() << "' but must be linear, nearest or cubic";
  if (!llvm::is_contained({"zeros", "border", "reflection"}, getPaddingMode()))
    return emitOpError("padding_mode is '")
           << getPaddingMode() << "' but must be zeros, border or reflection";
  ArrayRef<int64_t> shape = shapeOf(getInput()), grid = shapeOf(getGrid());
  if (grid[0] != shape[0] || grid[3] != 2)
    return emitOpError("has a grid of shape ")
           << shapeText(grid) << " for an input of shape " << shapeText(shape) << "; it should be "
           << shape[0] << "xHxWx2";
  Shape spatial = spatialOf(shape, *nhwc);
  if (llvm::is_contained(spatial, 0))
    return emitOpError("has an input of shape ") << shapeText(shape) << ", without an element to read";
  return addResult(*this, results, makeShape(shape[0], channelsOf(shape, *nhwc), {grid[1], grid[2]}, *nhwc),
                   elementOf(getInput()));
}

LogicalResult GridSampleOp::evaluate(Operands operands, Tensors &results) {
  using Params = reference::GridSampleParams;
  Params params;
  params.alignCorners = getAlignCorners() != 0;
  params.mode = llvm::StringSwitch<Params::Mode>(getMode())
                    .Case("nearest", Params::Mode::Nearest)
                    .Case("cubic", Params::Mode::Cubic)
                    .Default(Params::Mode::Linear);
  params.padding = llvm::StringSwitch<Params::Padding>(getPaddingMode())
                       .Case("border", Params::Padding::Border)
                       .Case("reflection", Params::Padding::Reflection)
                       .Default(Params::Padding::Zeros);
  bool nhwc = getLayout() == "nhwc";
  reference::Tensor input = nhwc ? reference::transpose(*operands[0], permToChannelsFirst(4)) : *operands[0];
  reference::Tensor result = reference::gridSample(input, *operands[1], params);
  results.push_back(nhwc ? reference::transpose(result, permToChannelsLast(4)) : result);
  return success();
}

LogicalResult GridSampleOp::toChannelsLast() {
  setLayout("nhwc");
  return success();
}
