//===- LengthWindows.cpp - Windows and sequences along a bounded axis ------===//
//
// The part of the rules for convolutions, pools and recurrent layers.
//
//===----------------------------------------------------------------------===//

#include "compiler/simplify/LengthRules.h"

namespace qcc::simplify {

using namespace mlir;
using namespace lengthRules;

/// Convolutions, pools and the like, whose samples have nothing to do with each other.
LogicalResult lengthRules::samplesOnly(Masker &masker, Operation *op, Results &results) {
  for (auto [i, operand] : llvm::enumerate(op->getOperands()))
    for (auto [axis, extent] : llvm::enumerate(masker.extents(operand)))
      if (!extent.isFixed() && (i != 0 || axis != 0))
        return masker.refuse(op, "mixes the positions of axis " + Twine(axis) + " of operand " + Twine(i));
  Extents extents = fixed(op->getResult(0));
  extents[0] = masker.extents(op->getOperand(0))[0];
  results.push_back(extents);
  return success();
}

/// How many positions windows along an axis give.
static Extent windowsOf(const Extent &from, int64_t pads, int64_t reach, int64_t step) {
  return from.plus(pads - reach).over(step).plus(1);
}

static ArrayRef<int64_t> list(ArrayRef<int64_t> numbers) { return numbers; }
static ArrayRef<int64_t> list(std::optional<ArrayRef<int64_t>> numbers) {
  return numbers.value_or(ArrayRef<int64_t>());
}

/// What a window reads behind the positions that count lies in the padding at the end: that is `fill`.
template <typename OpTy>
static LogicalResult takeWindows(Masker &masker, OpTy op, ArrayRef<int64_t> dilations, double fill,
                                 Extents &spatial) {
  Extents from = masker.extents(op.getInput());
  auto count = static_cast<int64_t>(from.size()) - 2;
  ArrayRef<int64_t> kernel = list(op.getKernelShape()), strides = *op.getStrides(), pads = *op.getPads();
  if (!from[1].isFixed())
    return masker.refuse(op, "has a bounded number of channels");
  for (int64_t i = 0; i < count; ++i) {
    int64_t end = pads[count + i], reach = (kernel[i] - 1) * (dilations.empty() ? 1 : dilations[i]) + 1;
    spatial.push_back(windowsOf(from[i + 2], pads[i] + end, reach, strides[i]));
    if (!from[i + 2].isFixed() && end > 0)
      op.getInputMutable().assign(masker.fillRest(op, op.getInput(), i + 2, fill));
  }
  return success();
}

LogicalResult lengthRules::conv(Masker &masker, Operation *op, Results &results) {
  auto conv = cast<ConvOp>(op);
  if (anyBounded(masker.extents(conv.getFilter())))
    return masker.refuse(op, "has a filter of bounded size");
  Extents extents{masker.extents(conv.getInput())[0], Extent()};
  if (failed(takeWindows(masker, conv, list(conv.getDilations()), 0, extents)))
    return failure();
  results.push_back(extents);
  return success();
}

/// Each position adds to the results that its window reaches: those behind what counts add zeros.
LogicalResult lengthRules::convTranspose(Masker &masker, Operation *op, Results &results) {
  auto conv = cast<ConvTransposeOp>(op);
  Extents from = masker.extents(conv.getInput()), extents = fixed(conv.getResult());
  if (!from[1].isFixed() || anyBounded(masker.extents(conv.getFilter())))
    return masker.refuse(op, "has a bounded number of channels");
  extents[0] = from[0];
  for (size_t i = 0; i + 2 < from.size(); ++i) {
    if (from[i + 2].isFixed())
      continue;
    std::optional<Extent> steps = from[i + 2].times((*conv.getStrides())[i]);
    if (!steps)
      return masker.refuse(op, "multiplies a length that was divided before");
    extents[i + 2] = steps->plus(sizeOf(conv.getResult(), i + 2) -
                                 sizeOf(conv.getInput(), i + 2) * (*conv.getStrides())[i]);
    conv.getInputMutable().assign(masker.fillRest(op, conv.getInput(), i + 2, 0));
  }
  results.push_back(extents);
  return success();
}

/// A window that is cut by the end of the input is one more of `ceil_mode`, and has fewer to divide by.
template <typename OpTy> static LogicalResult pool(Masker &masker, Operation *op, Results &results) {
  auto pool = cast<OpTy>(op);
  Extents from = masker.extents(pool.getInput());
  auto count = static_cast<int64_t>(from.size()) - 2;
  for (int64_t i = 0; i < count; ++i) {
    if (from[i + 2].isFixed())
      continue;
    if (pool.getCeilMode() && (*pool.getStrides())[i] != 1)
      return masker.refuse(op, "rounds the number of its windows up along axis " + Twine(i + 2));
    if constexpr (std::is_same_v<OpTy, AveragePoolOp>)
      if (!pool.getCountIncludePad() && (*pool.getPads())[count + i] > 0)
        return masker.refuse(op, "averages fewer numbers at the end of axis " + Twine(i + 2));
  }
  Extents extents{from[0], Extent()};
  constexpr bool isMax = std::is_same_v<OpTy, MaxPoolOp>;
  double fill = isMax ? lowestOf(tensorType(pool.getInput()).getElementType()) : 0;
  if (failed(takeWindows(masker, pool, list(pool.getDilations()), fill, extents)))
    return failure();
  results.append(op->getNumResults(), extents);
  return success();
}

/// Steps that do not count are not taken: ONNX's sequence_lens says so for each sequence.
template <typename OpTy> static LogicalResult recurrent(Masker &masker, Operation *op, Results &results) {
  auto layer = cast<OpTy>(op);
  bool batchFirst = layer.getLayout() == 1;
  Extents from = masker.extents(layer.getInput());
  Extent steps = from[batchFirst ? 1 : 0], batch = from[batchFirst ? 0 : 1];
  if (!from[2].isFixed())
    return masker.refuse(op, "has a bounded number of features");
  SmallVector<std::pair<Value, int64_t>> beside{{layer.getSequenceLens(), 0},
                                                {layer.getInitialH(), batchFirst ? 0 : 1}};
  if constexpr (std::is_same_v<OpTy, LstmOp>)
    beside.emplace_back(layer.getInitialC(), batchFirst ? 0 : 1);
  for (auto [value, axis] : beside)
    if (value && masker.extents(value)[axis] != batch)
      return masker.refuse(op, "joins batches of different lengths");
  if (!steps.isFixed()) {
    OpBuilder builder(op);
    Type i32 = builder.getI32Type();
    auto type = RankedTensorType::get({sizeOf(layer.getInput(), batchFirst ? 0 : 1)}, i32);
    Value count = masker.countAs(op, steps, i32);
    if (Value given = layer.getSequenceLens())
      count = MinOp::create(builder, op->getLoc(), type, ValueRange{given, count});
    else
      count = ExpandOp::create(builder, op->getLoc(), type, count, type.getShape());
    layer.getSequenceLensMutable().assign(count);
  }
  Extents all = fixed(layer.getAll()), state = fixed(layer.getLastH());
  all[batchFirst ? 1 : 0] = steps;
  all[batchFirst ? 0 : 2] = batch;
  state[batchFirst ? 0 : 1] = batch;
  results.push_back(all);
  results.append(op->getNumResults() - 1, state);
  return success();
}
LogicalResult lengthRules::maxPool(Masker &masker, Operation *op, Results &results) {
  return pool<MaxPoolOp>(masker, op, results);
}

LogicalResult lengthRules::averagePool(Masker &masker, Operation *op, Results &results) {
  return pool<AveragePoolOp>(masker, op, results);
}

/// Over all of an image, or a line: a reduction where that has no fixed size.
LogicalResult lengthRules::globalPool(Masker &masker, Operation *op, Results &results) {
  Extents from = masker.extents(op->getOperand(0));
  if (from.size() < 3 || !anyBounded(Extents(from.begin() + 2, from.end())))
    return samplesOnly(masker, op, results);
  OpBuilder builder(op);
  auto spatial = llvm::to_vector(llvm::seq<int64_t>(2, from.size()));
  auto axes = builder.getDenseI64ArrayAttr(spatial);
  Value input = op->getOperand(0);
  Type type = op->getResult(0).getType();
  Operation *reduction =
      isa<GlobalMaxPoolOp>(op)
          ? ReduceMaxOp::create(builder, op->getLoc(), type, input, axes, /*keepdims=*/1, 0).getOperation()
          : ReduceMeanOp::create(builder, op->getLoc(), type, input, axes, /*keepdims=*/1, 0).getOperation();
  masker.replace(op->getResult(0), reduction->getResult(0));
  return reduce(masker, reduction, results);
}

/// What lies behind what counts along `axis` gets the last numbers that do.
static Value repeatLast(Masker &masker, Operation *user, Value value, int64_t axis) {
  OpBuilder builder(user);
  Location loc = user->getLoc();
  Extents extents = masker.extents(value);
  auto type = RankedTensorType::get({sizeOf(value, axis)}, builder.getI64Type());
  reference::Tensor positions = zeros(type);
  for (int64_t i = 0; i < positions.size(); ++i)
    positions.setInt(i, i);
  Value last = masker.count(extents[axis].plus(-1));
  Value at =
      MinOp::create(builder, loc, type, ValueRange{createConstant(builder, loc, positions, type), last});
  Value repeated = GatherOp::create(builder, loc, value.getType(), value, at, axis);
  masker.setExtents(repeated, extents);
  return repeated;
}

/// Whole multiples of an axis, where a position is read from a place that does not depend on where the axis
/// ends. Beyond the end the last numbers are read again.
LogicalResult lengthRules::resize(Masker &masker, Operation *op, Results &results) {
  auto resize = cast<ResizeOp>(op);
  Extents extents = masker.extents(resize.getInput());
  StringRef places = resize.getCoordinateTransformationMode(), rounding = resize.getNearestMode();
  bool isHalf = places.contains("half_pixel"), isFree = isHalf || places == "asymmetric";
  bool staysInside = resize.getMode() == "nearest" &&
                     (rounding == "floor" || (isHalf && rounding.starts_with("round_prefer")));
  for (auto [axis, extent] : llvm::enumerate(extents)) {
    if (extent.isFixed())
      continue;
    int64_t from = sizeOf(resize.getInput(), axis), factor = sizeOf(resize.getResult(), axis) / from;
    auto scales = resize.getScales();
    bool isWhole = scales && axis < scales->size() && (*scales)[axis] == static_cast<float>(factor);
    if (isWhole && factor == 1 && places != "tf_crop_and_resize")
      continue;
    std::optional<Extent> times = factor ? extent.times(factor) : std::nullopt;
    if (!isWhole || !times || !isFree || resize.getExcludeOutside())
      return masker.refuse(op, "resizes axis " + Twine(axis) +
                                   " by other than a whole factor, or in a way that depends on its end");
    if (!staysInside)
      resize.getInputMutable().assign(repeatLast(masker, op, resize.getInput(), axis));
    extents[axis] = *times;
  }
  results.push_back(extents);
  return success();
}

LogicalResult lengthRules::depthToSpace(Masker &masker, Operation *op, Results &results) {
  auto spread = cast<DepthToSpaceOp>(op);
  Extents extents = masker.extents(spread.getInput());
  if (!extents[1].isFixed())
    return masker.refuse(op, "has a bounded number of channels");
  for (size_t axis = 2; axis < extents.size(); ++axis) {
    if (extents[axis].isFixed())
      continue;
    std::optional<Extent> times = extents[axis].times(spread.getBlocksize());
    if (!times)
      return masker.refuse(op, "multiplies a length that was divided before");
    extents[axis] = *times;
  }
  results.push_back(extents);
  return success();
}

/// Places are parts of an image: that must be there as a whole, they may be any number.
LogicalResult lengthRules::gridSample(Masker &masker, Operation *op, Results &results) {
  Extents image = masker.extents(op->getOperand(0)), grid = masker.extents(op->getOperand(1));
  if (anyBounded(Extents(image.begin() + 1, image.end())))
    return masker.refuse(op, "reads an image of bounded size at parts of it");
  if (image[0] != grid[0])
    return masker.refuse(op, "joins two axes of different lengths");
  results.push_back({image[0], image[1], grid[1], grid[2]});
  return success();
}

LogicalResult lengthRules::rnn(Masker &masker, Operation *op, Results &results) {
  return recurrent<RnnOp>(masker, op, results);
}

LogicalResult lengthRules::gru(Masker &masker, Operation *op, Results &results) {
  return recurrent<GruOp>(masker, op, results);
}

LogicalResult lengthRules::lstm(Masker &masker, Operation *op, Results &results) {
  return recurrent<LstmOp>(masker, op, results);
}

} // namespace qcc::simplify
