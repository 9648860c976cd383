//===- Shape.cpp - Operations that give values another shape --------------===//
//
// Identity, reshaping, transposing and broadcasting, and the operations without
// tensor operands that always fold. Cutting and joining is in Parts.cpp.
//
//===----------------------------------------------------------------------===//

#include "dialects/reference/Shape.h"
#include "dialects/Constants.h"
#include "dialects/PermutedType.h"
#include "dialects/ops/Common.h"
#include "dialects/reference/Elementwise.h"

#include <cmath>

using namespace mlir;
using namespace qcc;
using namespace qcc::ops;

/// A per-axis quantised type says which axis its scales belong to; an operation
/// that moves axes in a way that cannot be followed must not carry one.
static LogicalResult requireNoAxisType(Operation *op, Value input) {
  auto type = dyn_cast<quant::QuantizedType>(elementOf(input));
  if (type && !isa<quant::UniformQuantizedType>(type))
    return op->emitOpError("takes no operand quantised per axis, but has ") << type;
  return success();
}

/// All values in the same order under another shape.
static LogicalResult inferReshaped(Operation *op, Value input, ArrayRef<int64_t> shape, Results &results) {
  if (failed(requireNoAxisType(op, input)))
    return failure();
  return addResult(op, results, shape, elementOf(input));
}

static void evaluateReshaped(Operation *op, Operands operands, Tensors &results) {
  auto shape = toStd(cast<RankedTensorType>(op->getResult(0).getType()).getShape());
  results.push_back(reference::reshape(*operands[0], shape));
}

//===----------------------------------------------------------------------===//
// Identity
//===----------------------------------------------------------------------===//

LogicalResult IdentityOp::inferTypes(Results &results) {
  results.push_back(getInput().getType());
  return success();
}

LogicalResult IdentityOp::evaluate(Operands operands, Tensors &results) {
  results.push_back(*operands[0]);
  return success();
}

LogicalResult IdentityOp::toChannelsLast() { return success(); }

//===----------------------------------------------------------------------===//
// Reshape, Flatten, Squeeze, Unsqueeze
//===----------------------------------------------------------------------===//

/// The operand's size for each 0 (unless `allowZero`), and the size that fits for one -1.
static FailureOr<Shape> resolveReshape(ReshapeOp op) {
  ArrayRef<int64_t> from = shapeOf(op.getInput()), asked = op.getShape();
  Shape shape(asked);
  int64_t known = 1, open = -1;
  for (auto [i, dim] : llvm::enumerate(shape)) {
    if (dim == 0 && !op.getAllowzero()) {
      if (i >= from.size())
        return op.emitOpError("shape ")
               << listText(asked) << " copies axis " << i << " but the operand has rank " << from.size();
      dim = from[i];
    }
    if (dim == -1 && open >= 0)
      return op.emitOpError("shape ") << listText(asked) << " has more than one -1";
    if (dim < -1)
      return op.emitOpError("shape ") << listText(asked) << " has the entry " << dim;
    if (dim == -1)
      open = static_cast<int64_t>(i);
    else if (__builtin_mul_overflow(known, dim, &known))
      return op.emitOpError("shape ") << listText(asked) << " has too many elements";
  }
  int64_t count = tensorOf(op.getInput()).getNumElements();
  bool fits = open < 0 ? known == count : known != 0 && count % known == 0;
  if (!fits)
    return op.emitOpError("shape ") << listText(asked) << " does not fit the operand of shape "
                                    << shapeText(from);
  if (open >= 0)
    shape[open] = count / known;
  return shape;
}

LogicalResult ReshapeOp::normalize() {
  FailureOr<Shape> shape = resolveReshape(*this);
  if (failed(shape))
    return failure();
  setShape(*shape);
  setAllowzero(1); // a 0 that is left is a size
  return success();
}

LogicalResult ReshapeOp::inferTypes(Results &results) {
  FailureOr<Shape> shape = resolveReshape(*this);
  return failed(shape) ? failure() : inferReshaped(*this, getInput(), *shape, results);
}

LogicalResult ReshapeOp::evaluate(Operands operands, Tensors &results) {
  evaluateReshaped(*this, operands, results);
  return success();
}

LogicalResult FlattenOp::normalize() {
  auto axis = static_cast<int64_t>(getAxis());
  setAxis(axis < 0 ? axis + rankOf(getInput()) : axis);
  return success();
}

LogicalResult FlattenOp::inferTypes(Results &results) {
  ArrayRef<int64_t> shape = shapeOf(getInput());
  auto axis = static_cast<int64_t>(getAxis()), rank = static_cast<int64_t>(shape.size());
  if (axis < -rank || axis > rank) // unlike other axes, it may be the rank itself
    return emitOpError("axis is ") << axis << " but the operand has rank " << rank;
  if (axis < 0)
    axis += rank;
  int64_t outer = 1, inner = 1;
  for (auto [i, dim] : llvm::enumerate(shape))
    (static_cast<int64_t>(i) < axis ? outer : inner) *= dim;
  return inferReshaped(*this, getInput(), {outer, inner}, results);
}

LogicalResult FlattenOp::evaluate(Operands operands, Tensors &results) {
  evaluateReshaped(*this, operands, results);
  return success();
}

/// The given axes, or every axis of size 1.
static FailureOr<Shape> squeezedAxes(SqueezeOp op) {
  ArrayRef<int64_t> shape = shapeOf(op.getInput());
  if (op.getAxes())
    return resolveAxes(op, "axes", *op.getAxes(), static_cast<int64_t>(shape.size()));
  Shape ones;
  for (auto [i, dim] : llvm::enumerate(shape))
    if (dim == 1)
      ones.push_back(static_cast<int64_t>(i));
  return ones;
}

LogicalResult SqueezeOp::normalize() {
  FailureOr<Shape> axes = squeezedAxes(*this);
  if (failed(axes))
    return failure();
  llvm::sort(*axes);
  setAxes(*axes);
  return success();
}

LogicalResult SqueezeOp::inferTypes(Results &results) {
  FailureOr<Shape> axes = squeezedAxes(*this);
  if (failed(axes))
    return failure();
  Shape shape;
  for (auto [i, dim] : llvm::enumerate(shapeOf(getInput()))) {
    if (!llvm::is_contained(*axes, static_cast<int64_t>(i)))
      shape.push_back(dim);
    else if (dim != 1)
      return emitOpError("axis ") << i << " has size " << dim << " and cannot be squeezed";
  }
  return inferReshaped(*this, getInput(), shape, results);
}

LogicalResult SqueezeOp::evaluate(Operands operands, Tensors &results) {
  evaluateReshaped(*this, operands, results);
  return success();
}

LogicalResult UnsqueezeOp::normalize() {
  auto rank = rankOf(getInput()) + static_cast<int64_t>(getAxes().size());
  FailureOr<Shape> axes = resolveAxes(*this, "axes", getAxes(), rank);
  if (failed(axes))
    return failure();
  llvm::sort(*axes);
  setAxes(*axes);
  return success();
}

LogicalResult UnsqueezeOp::inferTypes(Results &results) {
  auto rank = rankOf(getInput()) + static_cast<int64_t>(getAxes().size());
  FailureOr<Shape> axes = resolveAxes(*this, "axes", getAxes(), rank);
  if (failed(axes))
    return failure();
  Shape shape;
  ArrayRef<int64_t> from = shapeOf(getInput());
  for (int64_t axis = 0; axis < rank; ++axis) {
    bool inserted = llvm::is_contained(*axes, axis);
    shape.push_back(inserted ? 1 : from.front());
    from = from.drop_front(inserted ? 0 : 1);
  }
  return inferReshaped(*this, getInput(), shape, results);
}

LogicalResult UnsqueezeOp::evaluate(Operands operands, Tensors &results) {
  evaluateReshaped(*this, operands, results);
  return success();
}

//===----------------------------------------------------------------------===//
// Transpose
//===----------------------------------------------------------------------===//

/// The given permutation, or the reversed axes.
static Shape permutation(TransposeOp op) {
  if (op.getPerm())
    return Shape(*op.getPerm());
  auto reversed = llvm::reverse(llvm::seq<int64_t>(0, rankOf(op.getInput())));
  return Shape(reversed.begin(), reversed.end());
}

LogicalResult TransposeOp::normalize() {
  setPerm(permutation(*this));
  return success();
}

LogicalResult TransposeOp::inferTypes(Results &results) {
  Shape perm = permutation(*this);
  int64_t rank = rankOf(getInput());
  if (failed(requireLength(*this, "perm", perm, rank)))
    return failure();
  for (int64_t axis : perm)
    if (axis < 0 || axis >= rank || llvm::count(perm, axis) != 1)
      return emitOpError("perm ") << listText(perm) << " is not a permutation of the " << rank << " axes";
  RankedTensorType type = permutedType(cast<RankedTensorType>(getInput().getType()), perm);
  return addResult(*this, results, type.getShape(), type.getElementType());
}

LogicalResult TransposeOp::evaluate(Operands operands, Tensors &results) {
  results.push_back(reference::transpose(*operands[0], toStd(permutation(*this))));
  return success();
}

//===----------------------------------------------------------------------===//
// Expand, Tile
//===----------------------------------------------------------------------===//

static FailureOr<Shape> expandedShape(ExpandOp op) {
  std::vector<int64_t> shape;
  ArrayRef<int64_t> asked = op.getShape();
  bool negative = llvm::any_of(asked, [](int64_t dim) { return dim < 0; });
  if (negative || !reference::broadcastShapes(toStd(shapeOf(op.getInput())), toStd(asked), shape))
    return op.emitOpError("shape ") << listText(asked) << " does not broadcast with the operand of shape "
                                    << shapeText(shapeOf(op.getInput()));
  return Shape(shape.begin(), shape.end());
}

LogicalResult ExpandOp::normalize() {
  FailureOr<Shape> shape = expandedShape(*this);
  if (failed(shape))
    return failure();
  setShape(*shape);
  return success();
}

LogicalResult ExpandOp::inferTypes(Results &results) {
  FailureOr<Shape> shape = expandedShape(*this);
  return failed(shape) ? failure() : inferReshaped(*this, getInput(), *shape, results);
}

LogicalResult ExpandOp::evaluate(Operands operands, Tensors &results) {
  results.push_back(reference::broadcastTo(*operands[0], toStd(tensorOf(getResult()).getShape())));
  return success();
}

LogicalResult ExpandOp::toChannelsLast() {
  if (static_cast<int64_t>(getShape().size()) != rankOf(getInput()))
    return failure();
  setShape(channelsLastList(getShape()));
  return success();
}

LogicalResult TileOp::inferTypes(Results &results) {
  Shape shape(shapeOf(getInput()));
  if (failed(requireLength(*this, "repeats", getRepeats(), static_cast<int64_t>(shape.size()))))
    return failure();
  for (auto [dim, repeat] : llvm::zip(shape, getRepeats())) {
    if (repeat < 0 || repeat > maxExtent)
      return emitOpError("repeats ") << listText(getRepeats()) << " has the entry " << repeat
                                     << " but each must be in 0.." << maxExtent;
    dim *= repeat;
  }
  return inferReshaped(*this, getInput(), shape, results);
}

LogicalResult TileOp::evaluate(Operands operands, Tensors &results) {
  results.push_back(reference::tile(*operands[0], toStd(getRepeats())));
  return success();
}

LogicalResult TileOp::toChannelsLast() {
  setRepeats(channelsLastList(getRepeats()));
  return success();
}

//===----------------------------------------------------------------------===//
// Shape, Size, Range, ConstantOfShape: always fold
//===----------------------------------------------------------------------===//

/// ONNX clamps start and end into the shape instead of refusing them.
static ArrayRef<int64_t> wantedDims(ShapeOp op) {
  ArrayRef<int64_t> shape = shapeOf(op.getInput());
  auto rank = static_cast<int64_t>(shape.size());
  auto clamp = [&](int64_t i) { return std::clamp<int64_t>(i < 0 ? i + rank : i, 0, rank); };
  int64_t start = clamp(static_cast<int64_t>(op.getStart()));
  int64_t end = op.getEnd() ? clamp(static_cast<int64_t>(*op.getEnd())) : rank;
  return shape.slice(start, std::max<int64_t>(end - start, 0));
}

LogicalResult ShapeOp::inferTypes(Results &results) {
  Type i64 = IntegerType::get(getContext(), 64);
  return addResult(*this, results, {static_cast<int64_t>(wantedDims(*this).size())}, i64);
}

LogicalResult ShapeOp::evaluate(Operands, Tensors &results) {
  ArrayRef<int64_t> dims = wantedDims(*this);
  reference::Tensor result(reference::DType::I64, {static_cast<int64_t>(dims.size())});
  llvm::copy(dims, result.data<int64_t>());
  results.push_back(std::move(result));
  return success();
}

LogicalResult SizeOp::inferTypes(Results &results) {
  return addResult(*this, results, {}, IntegerType::get(getContext(), 64));
}

LogicalResult SizeOp::evaluate(Operands, Tensors &results) {
  reference::Tensor result(reference::DType::I64, {});
  result.setInt(0, tensorOf(getInput()).getNumElements());
  results.push_back(std::move(result));
  return success();
}

/// The three numbers of a Range as tensors of one element.
static FailureOr<std::array<reference::Tensor, 3>> rangeBounds(RangeOp op) {
  std::array<reference::Tensor, 3> bounds;
  std::array<ElementsAttr, 3> attrs = {op.getStart(), op.getLimit(), op.getDelta()};
  for (auto [bound, attr] : llvm::zip(bounds, attrs)) {
    if (attr.getNumElements() != 1)
      return op.emitOpError("start, limit and delta must have one element, but one has ")
             << attr.getNumElements();
    if (!isReadable(attr))
      return op.emitOpError("has bounds of the unsupported type ") << attr.getShapedType();
    bound = toTensor(attr);
  }
  return bounds;
}

static FailureOr<int64_t> rangeCount(RangeOp op) {
  FailureOr<std::array<reference::Tensor, 3>> bounds = rangeBounds(op);
  if (failed(bounds))
    return failure();
  double start = (*bounds)[0].getDouble(0), limit = (*bounds)[1].getDouble(0),
         delta = (*bounds)[2].getDouble(0);
  if (delta == 0)
    return op.emitOpError("delta is 0");
  double count = std::max(std::ceil((limit - start) / delta), 0.0);
  if (!(count <= static_cast<double>(maxFoldedElements)))
    return op.emitOpError("from ") << start << " to " << limit << " in steps of " << delta
                                   << " has more than the limit of " << maxFoldedElements << " elements";
  return static_cast<int64_t>(count);
}

LogicalResult RangeOp::inferTypes(Results &results) {
  FailureOr<int64_t> count = rangeCount(*this);
  return failed(count) ? failure() : addResult(*this, results, {*count}, getStart().getElementType());
}

LogicalResult RangeOp::evaluate(Operands, Tensors &results) {
  FailureOr<int64_t> count = rangeCount(*this);
  FailureOr<std::array<reference::Tensor, 3>> bounds = rangeBounds(*this);
  if (failed(count) || failed(bounds))
    return failure();
  const auto &[start, limit, delta] = *bounds;
  reference::Tensor result(start.type, {*count});
  for (int64_t i = 0; i < *count; ++i) {
    if (reference::isFloat(start.type))
      result.setDouble(i, start.getDouble(0) + static_cast<double>(i) * delta.getDouble(0));
    else
      result.setInt(i, start.getInt(0) + i * delta.getInt(0));
  }
  results.push_back(std::move(result));
  return success();
}

LogicalResult ConstantOfShapeOp::inferTypes(Results &results) {
  Type element = Float32Type::get(getContext());
  if (ElementsAttr value = getValueAttr()) {
    if (value.getNumElements() != 1)
      return emitOpError("value must have one element but has ") << value.getNumElements();
    if (!isReadable(value))
      return emitOpError("has a value of the unsupported type ") << value.getShapedType();
    element = value.getElementType();
  }
  if (failed(addResult(*this, results, getShape(), element)))
    return failure();
  int64_t count = cast<RankedTensorType>(results.back()).getNumElements();
  if (count > maxFoldedElements)
    return emitOpError("shape ") << listText(getShape()) << " has " << count
                                 << " elements, more than the limit of " << maxFoldedElements
                                 << " for a constant";
  return success();
}

LogicalResult ConstantOfShapeOp::evaluate(Operands, Tensors &results) {
  reference::Tensor one(reference::DType::F32, {});
  if (ElementsAttr value = getValueAttr())
    one = reference::reshape(toTensor(value), {});
  results.push_back(reference::broadcastTo(one, toStd(getShape())));
  return success();
}
