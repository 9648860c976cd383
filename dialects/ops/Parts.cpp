//===- Parts.cpp - Operations that cut, join and pick values --------------===//

#include "dialects/QuantTypes.h"
#include "dialects/ops/Common.h"
#include "dialects/reference/Shape.h"

using namespace mlir;
using namespace qcc;
using namespace qcc::ops;

/// Moves an `axis` attribute along with a channels-last operand.
template <typename Op> static LogicalResult moveAxis(Op op, Value operand) {
  FailureOr<int64_t> axis = resolveAxis(op, "axis", static_cast<int64_t>(op.getAxis()), rankOf(operand));
  if (failed(axis))
    return failure();
  op.setAxis(channelsLastAxis(*axis, rankOf(operand)));
  return success();
}

//===----------------------------------------------------------------------===//
// Concat, Split
//===----------------------------------------------------------------------===//

LogicalResult ConcatOp::normalize() {
  if (getInputs().empty())
    return emitOpError("has no operands");
  return normalizeAxis(*this, getInputs().front());
}

LogicalResult ConcatOp::inferTypes(Results &results) {
  if (getInputs().empty())
    return emitOpError("has no operands");
  if (failed(requireSameElement(*this, getInputs())))
    return failure();
  Shape shape(shapeOf(getInputs().front()));
  FailureOr<int64_t> axis =
      resolveAxis(*this, "axis", static_cast<int64_t>(getAxis()), static_cast<int64_t>(shape.size()));
  if (failed(axis))
    return failure();
  shape[*axis] = 0;
  for (Value input : getInputs()) {
    Shape other(shapeOf(input));
    int64_t size = other.size() == shape.size() ? std::exchange(other[*axis], shape[*axis]) : 0;
    if (other != shape)
      return emitOpError("has operands of shapes ")
             << shapeText(shapeOf(getInputs().front())) << " and " << shapeText(shapeOf(input))
             << ", which differ outside axis " << *axis;
    shape[*axis] += size;
  }
  return addResult(*this, results, shape, elementOf(getInputs().front()));
}

LogicalResult ConcatOp::evaluate(Operands operands, Tensors &results) {
  int64_t rank = operands[0]->rank();
  auto axis = static_cast<int64_t>(getAxis());
  results.push_back(reference::concat({operands.begin(), operands.end()}, axis < 0 ? axis + rank : axis));
  return success();
}

LogicalResult ConcatOp::toChannelsLast() { return moveAxis(*this, getInputs().front()); }

/// The sizes as given or, where only a number of parts is, equal ones with a smaller last part.
static FailureOr<Shape> partSizes(SplitOp op, int64_t axis) {
  int64_t size = shapeOf(op.getInput())[axis];
  if (op.getSplit()) {
    Shape sizes(*op.getSplit());
    int64_t sum = 0;
    for (int64_t part : sizes) {
      if (part < 0 || part > maxExtent)
        return op.emitOpError("split ") << listText(sizes) << " has the entry " << part;
      sum += part;
    }
    if (sum != size)
      return op.emitOpError("split ")
             << listText(sizes) << " adds up to " << sum << " but axis " << axis << " has size " << size;
    return sizes;
  }
  auto count = static_cast<int64_t>(op.getNumOutputs() ? op.getNumOutputs() : op.getNumResults());
  if (count < 1 || count > maxExtent)
    return op.emitOpError("num_outputs is ") << count;
  int64_t part = (size + count - 1) / count;
  if (part * (count - 1) > size)
    return op.emitOpError("axis ") << axis << " has size " << size << " and cannot be split into " << count
                                   << " parts";
  Shape sizes(count, part);
  sizes.back() = size - part * (count - 1);
  return sizes;
}

static FailureOr<std::pair<int64_t, Shape>> resolveSplit(SplitOp op) {
  FailureOr<int64_t> axis =
      resolveAxis(op, "axis", static_cast<int64_t>(op.getAxis()), rankOf(op.getInput()));
  if (failed(axis))
    return failure();
  FailureOr<Shape> sizes = partSizes(op, *axis);
  if (failed(sizes))
    return failure();
  if (sizes->size() != op.getNumResults())
    return op.emitOpError("splits into ")
           << sizes->size() << " parts but has " << op.getNumResults() << " results";
  return std::make_pair(*axis, *sizes);
}

LogicalResult SplitOp::normalize() {
  FailureOr<std::pair<int64_t, Shape>> split = resolveSplit(*this);
  if (failed(split))
    return failure();
  setAxis(split->first);
  setSplit(split->second);
  return success();
}

LogicalResult SplitOp::inferTypes(Results &results) {
  FailureOr<std::pair<int64_t, Shape>> split = resolveSplit(*this);
  if (failed(split))
    return failure();
  for (int64_t size : split->second) {
    Shape shape(shapeOf(getInput()));
    shape[split->first] = size;
    if (failed(addResult(*this, results, shape, elementOf(getInput()))))
      return failure();
  }
  return success();
}

LogicalResult SplitOp::evaluate(Operands operands, Tensors &results) {
  FailureOr<std::pair<int64_t, Shape>> split = resolveSplit(*this);
  if (failed(split))
    return failure();
  int64_t begin = 0;
  for (int64_t size : split->second) {
    results.push_back(reference::part(*operands[0], split->first, begin, size));
    begin += size;
  }
  return success();
}

LogicalResult SplitOp::toChannelsLast() { return moveAxis(*this, getInput()); }

//===----------------------------------------------------------------------===//
// Slice
//===----------------------------------------------------------------------===//

namespace {
/// One entry for each axis of the operand.
struct FullSlice {
  Shape starts, steps, shape;
};
} // namespace

/// ONNX's clamping of one axis; `start` and `end` as written, negative ones from the back.
static void clampSlice(int64_t dim, int64_t &start, int64_t &end, int64_t step) {
  auto fromFront = [&](int64_t i, int64_t before) {
    return i < -dim ? before : i < 0 ? i + dim : std::min(i, dim);
  };
  if (step > 0) {
    start = fromFront(start, 0);
    end = std::max(fromFront(end, 0), start);
  } else {
    start = std::min(fromFront(start, 0), dim - 1);
    end = std::min(fromFront(end, -1), start);
  }
}

static FailureOr<FullSlice> resolveSlice(SliceOp op) {
  ArrayRef<int64_t> dims = shapeOf(op.getInput());
  size_t count = op.getStarts().size();
  auto upTo = llvm::seq<int64_t>(0, static_cast<int64_t>(count));
  Shape given = op.getAxes() ? Shape(*op.getAxes()) : Shape(upTo.begin(), upTo.end());
  Shape steps = op.getSteps() ? Shape(*op.getSteps()) : Shape(count, 1);
  if (failed(requireLength(op, "ends", op.getEnds(), static_cast<int64_t>(count))) ||
      failed(requireLength(op, "axes", given, static_cast<int64_t>(count))) ||
      failed(requireLength(op, "steps", steps, static_cast<int64_t>(count))))
    return failure();
  FailureOr<Shape> axes = resolveAxes(op, "axes", given, static_cast<int64_t>(dims.size()));
  if (failed(axes))
    return failure();
  FullSlice full = {Shape(dims.size(), 0), Shape(dims.size(), 1), Shape(dims)};
  for (size_t i = 0; i < count; ++i) {
    int64_t axis = (*axes)[i], start = op.getStarts()[i], end = op.getEnds()[i];
    if (steps[i] == 0)
      return op.emitOpError("steps ") << listText(steps) << " has the entry 0";
    int64_t step = std::clamp(steps[i], -maxExtent, maxExtent); // a longer one picks one element as well
    clampSlice(dims[axis], start, end, step);
    full.starts[axis] = start;
    full.steps[axis] = step;
    full.shape[axis] = (end - start + step - (step > 0 ? 1 : -1)) / step;
  }
  return full;
}

/// After this, every axis is listed and `ends` are starts + steps * size.
static void setSlice(SliceOp op, const FullSlice &full) {
  Shape ends, axes;
  for (size_t axis = 0; axis < full.shape.size(); ++axis) {
    int64_t start = full.starts[axis], step = full.steps[axis], size = full.shape[axis];
    int64_t last = start + (size - 1) * step;
    // An end below 0 would count from the back: the most negative one means "past the front".
    int64_t end = size == 0 ? start : step > 0 ? last + 1 : last - 1;
    ends.push_back(end < 0 ? INT64_MIN : end);
    axes.push_back(static_cast<int64_t>(axis));
  }
  op.setStarts(full.starts);
  op.setEnds(ends);
  op.setAxes(axes);
  op.setSteps(full.steps);
}

LogicalResult SliceOp::normalize() {
  FailureOr<FullSlice> full = resolveSlice(*this);
  if (failed(full))
    return failure();
  setSlice(*this, *full);
  return success();
}

LogicalResult SliceOp::inferTypes(Results &results) {
  FailureOr<FullSlice> full = resolveSlice(*this);
  return failed(full) ? failure() : addResult(*this, results, full->shape, elementOf(getInput()));
}

LogicalResult SliceOp::evaluate(Operands operands, Tensors &results) {
  FailureOr<FullSlice> full = resolveSlice(*this);
  if (failed(full))
    return failure();
  results.push_back(
      reference::slice(*operands[0], toStd(full->starts), toStd(full->steps), toStd(full->shape)));
  return success();
}

LogicalResult SliceOp::toChannelsLast() {
  FailureOr<FullSlice> full = resolveSlice(*this);
  if (failed(full))
    return failure();
  setSlice(*this, {channelsLastList<int64_t>(full->starts), channelsLastList<int64_t>(full->steps),
                   channelsLastList<int64_t>(full->shape)});
  return success();
}

//===----------------------------------------------------------------------===//
// Pad
//===----------------------------------------------------------------------===//

static FailureOr<reference::PadMode> padMode(PadOp op) {
  StringRef mode = op.getMode();
  if (mode == "constant")
    return reference::PadMode::Constant;
  if (mode == "reflect")
    return reference::PadMode::Reflect;
  if (mode == "edge")
    return reference::PadMode::Edge;
  if (mode == "wrap")
    return reference::PadMode::Wrap;
  return op.emitOpError("mode is '") << mode << "' but must be constant, reflect, edge or wrap";
}

/// Begins, then ends, of every axis.
static FailureOr<Shape> fullPads(PadOp op) {
  int64_t rank = rankOf(op.getInput());
  auto all = llvm::seq<int64_t>(0, rank);
  Shape given = op.getAxes() ? Shape(*op.getAxes()) : Shape(all.begin(), all.end());
  FailureOr<Shape> axes = resolveAxes(op, "axes", given, rank);
  auto count = static_cast<int64_t>(given.size());
  if (failed(axes) || failed(requireLength(op, "pads", op.getPads(), 2 * count)))
    return failure();
  Shape pads(2 * rank, 0);
  for (int64_t i = 0; i < 2 * count; ++i) {
    int64_t value = op.getPads()[i];
    if (value < -maxExtent || value > maxExtent)
      return op.emitOpError("pads ") << listText(op.getPads()) << " has the entry " << value
                                     << ", beyond the limit of " << maxExtent;
    pads[(*axes)[i % count] + (i < count ? 0 : rank)] = value;
  }
  return pads;
}

LogicalResult PadOp::normalize() {
  FailureOr<Shape> pads = fullPads(*this);
  if (failed(pads))
    return failure();
  setPads(*pads);
  removeAxesAttr();
  return success();
}

LogicalResult PadOp::inferTypes(Results &results) {
  FailureOr<reference::PadMode> mode = padMode(*this);
  FailureOr<Shape> pads = fullPads(*this);
  if (failed(mode) || failed(pads))
    return failure();
  Shape shape(shapeOf(getInput()));
  size_t rank = shape.size();
  for (size_t axis = 0; axis < rank; ++axis) {
    int64_t begin = (*pads)[axis], end = (*pads)[rank + axis];
    int64_t kept = shape[axis] + std::min<int64_t>(begin, 0) + std::min<int64_t>(end, 0);
    bool grows = begin > 0 || end > 0;
    if (kept < 0 || (kept == 0 && grows && *mode != reference::PadMode::Constant))
      return emitOpError("pads ") << listText(*pads) << " leave " << kept << " elements of the "
                                  << shape[axis] << " in axis " << axis << (grows ? " to pad from" : "");
    shape[axis] += begin + end;
  }
  return addResult(*this, results, shape, elementOf(getInput()));
}

/// The value to pad with, as stored: for a quantised operand the real value's integer (q1).
static double storedPadValue(PadOp op) {
  double value = op.getValue() ? op.getValue()->convertToDouble() : 0.0;
  std::optional<reference::QuantParams> params = quantParams(elementOf(op.getInput()));
  return params ? static_cast<double>(reference::quantize(static_cast<float>(value), *params)) : value;
}

LogicalResult PadOp::evaluate(Operands operands, Tensors &results) {
  FailureOr<reference::PadMode> mode = padMode(*this);
  FailureOr<Shape> pads = fullPads(*this);
  if (failed(mode) || failed(pads))
    return failure();
  results.push_back(reference::pad(*operands[0], toStd(*pads), *mode, storedPadValue(*this)));
  return success();
}

LogicalResult PadOp::toChannelsLast() {
  FailureOr<Shape> pads = fullPads(*this);
  if (failed(pads))
    return failure();
  ArrayRef<int64_t> both = *pads;
  Shape permuted = channelsLastList(both.take_front(both.size() / 2));
  permuted.append(channelsLastList(both.drop_front(both.size() / 2)));
  setPads(permuted);
  removeAxesAttr();
  return success();
}

//===----------------------------------------------------------------------===//
// Gather, DepthToSpace
//===----------------------------------------------------------------------===//

LogicalResult GatherOp::normalize() { return normalizeAxis(*this, getInput()); }

/// Indices that are known now must lie in the axis; others are the caller's duty at run time.
static LogicalResult checkIndices(GatherOp op, int64_t dim) {
  DenseIntElementsAttr indices;
  auto constant = op.getIndices().getDefiningOp<ConstantOp>();
  if (!constant || !(indices = dyn_cast<DenseIntElementsAttr>(constant.getValue())))
    return success();
  for (const APInt &index : indices)
    if (index.getSExtValue() < -dim || index.getSExtValue() >= dim)
      return op.emitOpError("has the index ") << index.getSExtValue() << " but the axis has size " << dim;
  return success();
}

LogicalResult GatherOp::inferTypes(Results &results) {
  ArrayRef<int64_t> shape = shapeOf(getInput());
  FailureOr<int64_t> axis =
      resolveAxis(*this, "axis", static_cast<int64_t>(getAxis()), static_cast<int64_t>(shape.size()));
  if (failed(axis))
    return failure();
  Type index = elementOf(getIndices());
  if (!index.isSignlessInteger(32) && !index.isSignlessInteger(64))
    return emitOpError("operand 'indices' has element type ") << index << " but should be i32 or i64";
  if (failed(checkIndices(*this, shape[*axis])))
    return failure();
  Shape result(shape.take_front(*axis));
  llvm::append_range(result, shapeOf(getIndices()));
  llvm::append_range(result, shape.drop_front(*axis + 1));
  return addResult(*this, results, result, elementOf(getInput()));
}

LogicalResult GatherOp::evaluate(Operands operands, Tensors &results) {
  auto axis = static_cast<int64_t>(getAxis());
  axis = axis < 0 ? axis + operands[0]->rank() : axis;
  int64_t dim = operands[0]->shape[axis];
  for (int64_t i = 0, e = operands[1]->size(); i < e; ++i)
    if (int64_t index = operands[1]->getInt(i); index < -dim || index >= dim)
      return emitOpError("has the index ") << index << " but the axis has size " << dim;
  results.push_back(reference::gather(*operands[0], *operands[1], axis));
  return success();
}

LogicalResult GatherNDOp::inferTypes(Results &results) {
  ArrayRef<int64_t> shape = shapeOf(getInput()), indices = shapeOf(getIndices());
  auto batch = static_cast<int64_t>(getBatchDims());
  Type index = elementOf(getIndices());
  if (!index.isSignlessInteger(64) && !index.isSignlessInteger(32))
    return emitOpError("operand 'indices' has element type ") << index << " but should be i64";
  if (batch < 0 || batch >= std::min(rankOf(getInput()), rankOf(getIndices())) ||
      shape.take_front(batch) != indices.take_front(batch))
    return emitOpError("batch_dims is ")
           << batch << " but the operands have shapes " << shapeText(shape) << " and " << shapeText(indices);
  int64_t tuple = indices.back();
  if (tuple < 1 || batch + tuple > rankOf(getInput()))
    return emitOpError("has index tuples of ")
           << tuple << " but an operand of shape " << shapeText(shape) << " with batch_dims " << batch;
  Shape result(indices.drop_back());
  llvm::append_range(result, shape.drop_front(batch + tuple));
  return addResult(*this, results, result, elementOf(getInput()));
}

LogicalResult GatherNDOp::evaluate(Operands operands, Tensors &results) {
  auto batch = static_cast<int64_t>(getBatchDims());
  int64_t tuple = operands[1]->shape.back();
  for (int64_t i = 0, e = operands[1]->size(); i < e; ++i) {
    int64_t dim = operands[0]->shape[batch + i % tuple], index = operands[1]->getInt(i);
    if (index < -dim || index >= dim)
      return emitOpError("has the index ") << index << " but the axis has size " << dim;
  }
  results.push_back(reference::gatherND(*operands[0], *operands[1], batch));
  return success();
}

LogicalResult DepthToSpaceOp::inferTypes(Results &results) {
  FailureOr<bool> nhwc = isChannelsLast(*this, getLayout());
  if (failed(nhwc) || failed(requireRank(*this, "input", getInput(), 4, 4)))
    return failure();
  auto block = static_cast<int64_t>(getBlocksize());
  ArrayRef<int64_t> shape = shapeOf(getInput());
  int64_t channels = channelsOf(shape, *nhwc);
  if (block < 1 || block > 65535)
    return emitOpError("blocksize is ") << block << " but must be in 1..65535";
  if (channels % (block * block))
    return emitOpError("blocksize is ")
           << block << ", whose square does not divide the " << channels << " channels";
  if (getMode() != "DCR" && getMode() != "CRD")
    return emitOpError("mode is '") << getMode() << "' but must be DCR or CRD";
  Shape spatial = spatialOf(shape, *nhwc);
  for (int64_t &dim : spatial)
    dim *= block;
  return addResult(*this, results, makeShape(shape[0], channels / (block * block), spatial, *nhwc),
                   elementOf(getInput()));
}

LogicalResult DepthToSpaceOp::evaluate(Operands operands, Tensors &results) {
  auto block = static_cast<int64_t>(getBlocksize());
  bool nhwc = getLayout() == "nhwc";
  reference::Tensor input = nhwc ? reference::transpose(*operands[0], permToChannelsFirst(4)) : *operands[0];
  reference::Tensor result = reference::depthToSpace(input, block, getMode() == "CRD");
  results.push_back(nhwc ? reference::transpose(result, permToChannelsLast(4)) : result);
  return success();
}

LogicalResult DepthToSpaceOp::toChannelsLast() {
  setLayout("nhwc");
  return success();
}
