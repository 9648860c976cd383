//===- Common.cpp - What the families of operations share -----------------===//

#include "dialects/ops/Common.h"
#include "dialects/reference/Elementwise.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;

namespace qcc::ops {

Type declaredElement(Operation *op, unsigned index) {
  return cast<RankedTensorType>(op->getResult(index).getType()).getElementType();
}

std::string shapeText(ArrayRef<int64_t> shape) {
  if (shape.empty())
    return "scalar";
  return llvm::join(llvm::map_range(shape, [](int64_t dim) { return std::to_string(dim); }), "x");
}

std::string listText(ArrayRef<int64_t> values) {
  return "[" + llvm::join(llvm::map_range(values, [](int64_t v) { return std::to_string(v); }), ", ") + "]";
}

LogicalResult addResult(Operation *op, Results &results, ArrayRef<int64_t> shape, Type element) {
  int64_t count = 1;
  bool empty = llvm::is_contained(shape, 0);
  for (int64_t dim : shape) {
    if (dim < 0)
      return op->emitOpError("gives a result of shape ") << shapeText(shape) << ", which has a negative size";
    if (!empty && (__builtin_mul_overflow(count, dim, &count) || count > maxElements))
      return op->emitOpError("gives a result of shape ")
             << shapeText(shape) << ", more than the limit of " << maxElements << " elements";
  }
  results.push_back(RankedTensorType::get(shape, element));
  return success();
}

FailureOr<int64_t> resolveAxis(Operation *op, StringRef attribute, int64_t axis, int64_t rank) {
  if (axis < -rank || axis >= rank)
    return op->emitOpError() << attribute << " is " << axis << " but the operand has rank " << rank;
  return axis < 0 ? axis + rank : axis;
}

FailureOr<Shape> resolveAxes(Operation *op, StringRef attribute, ArrayRef<int64_t> axes, int64_t rank) {
  Shape resolved;
  for (int64_t axis : axes) {
    FailureOr<int64_t> one = resolveAxis(op, attribute, axis, rank);
    if (failed(one))
      return failure();
    if (llvm::is_contained(resolved, *one))
      return op->emitOpError() << attribute << " " << listText(axes) << " names axis " << *one << " twice";
    resolved.push_back(*one);
  }
  return resolved;
}

LogicalResult requireLength(Operation *op, StringRef attribute, ArrayRef<int64_t> list, int64_t length) {
  if (static_cast<int64_t>(list.size()) != length)
    return op->emitOpError() << attribute << " " << listText(list) << " has " << list.size()
                             << " entries but should have " << length;
  return success();
}

LogicalResult requireRank(Operation *op, StringRef operand, Value value, int64_t least, int64_t most) {
  int64_t rank = rankOf(value);
  if (rank >= least && rank <= most)
    return success();
  InFlightDiagnostic error = op->emitOpError()
                             << "operand '" << operand << "' has rank " << rank << " but should have ";
  if (least == most)
    return error << least;
  return error << least << " to " << most;
}

LogicalResult requireFloat(Operation *op, StringRef operand, Value value) {
  Type element = elementOf(value);
  if (element.isF32() || element.isF64() || element.isF16() || element.isBF16())
    return success();
  return op->emitOpError() << "operand '" << operand << "' has element type " << element
                           << " but should have a float type";
}

LogicalResult requireNumber(Operation *op, StringRef operand, Value value) {
  Type element = elementOf(value);
  if (element.isF32() || element.isF64() || element.isF16() || element.isBF16() ||
      (isa<IntegerType>(element) && !element.isSignlessInteger(1)))
    return success();
  return op->emitOpError() << "operand '" << operand << "' has element type " << element
                           << " but should have an integer or float type";
}

LogicalResult requireBool(Operation *op, StringRef operand, Value value) {
  if (elementOf(value).isSignlessInteger(1))
    return success();
  return op->emitOpError() << "operand '" << operand << "' has element type " << elementOf(value)
                           << " but should be boolean (i1)";
}

LogicalResult requireSameElement(Operation *op, ValueRange values) {
  for (Value value : values)
    if (elementOf(value) != elementOf(values.front()))
      return op->emitOpError("has operands of different element types, ")
             << elementOf(values.front()) << " and " << elementOf(value);
  return success();
}

FailureOr<Shape> broadcast(Operation *op, ValueRange values) {
  std::vector<int64_t> shape;
  for (Value value : values) {
    std::vector<int64_t> next;
    if (!reference::broadcastShapes(shape, toStd(shapeOf(value)), next)) {
      InFlightDiagnostic error = op->emitOpError("has operands whose shapes do not broadcast: ");
      llvm::interleaveComma(values, error, [&](Value v) { error << shapeText(shapeOf(v)); });
      return error;
    }
    shape = next;
  }
  return Shape(shape.begin(), shape.end());
}

Shape Window::pads() const {
  Shape both = padsBegin;
  both.append(padsEnd);
  return both;
}

/// The list or, where absent, `value` for each axis; all in [least, maxExtent].
static FailureOr<Shape> listOr(Operation *op, StringRef name, DenseI64ArrayAttr list, size_t length,
                               int64_t value, int64_t least) {
  if (!list)
    return Shape(length, value);
  if (failed(requireLength(op, name, list, static_cast<int64_t>(length))))
    return failure();
  for (int64_t entry : list.asArrayRef())
    if (entry < least || entry > maxExtent)
      return op->emitOpError() << name << " " << listText(list) << " has the entry " << entry
                               << " but each must be in " << least << ".." << maxExtent;
  return Shape(list.asArrayRef());
}

FailureOr<Window> resolveStrides(Operation *op, ArrayRef<int64_t> kernel, const WindowAttrs &attrs) {
  size_t rank = kernel.size();
  FailureOr<Shape> strides = listOr(op, "strides", attrs.strides, rank, 1, 1);
  FailureOr<Shape> dilations = listOr(op, "dilations", attrs.dilations, rank, 1, 1);
  if (failed(strides) || failed(dilations))
    return failure();
  for (int64_t size : kernel)
    if (size < 1 || size > maxExtent)
      return op->emitOpError("kernel_shape ")
             << listText(kernel) << " has the entry " << size << " but each must be in 1.." << maxExtent;
  Shape zeros(rank, 0);
  return Window{Shape(kernel), *strides, *dilations, zeros, zeros};
}

/// SAME: as many positions as the stride gives steps; the odd pad goes to the end or the begin.
static void padToSame(Window &window, ArrayRef<int64_t> spatial, bool upper) {
  for (size_t i = 0; i < spatial.size(); ++i) {
    int64_t positions = (spatial[i] + window.strides[i] - 1) / window.strides[i];
    int64_t total = std::max<int64_t>((positions - 1) * window.strides[i] + window.extent(i) - spatial[i], 0);
    window.padsBegin[i] = upper ? total / 2 : total - total / 2;
    window.padsEnd[i] = total - window.padsBegin[i];
  }
}

FailureOr<Window> resolveWindow(Operation *op, ArrayRef<int64_t> spatial, ArrayRef<int64_t> kernel,
                                const WindowAttrs &attrs) {
  size_t rank = spatial.size();
  if (failed(requireLength(op, "kernel_shape", kernel, static_cast<int64_t>(rank))))
    return failure();
  FailureOr<Window> window = resolveStrides(op, kernel, attrs);
  FailureOr<Shape> pads = listOr(op, "pads", attrs.pads, 2 * rank, 0, 0);
  if (failed(window) || failed(pads))
    return failure();
  if (attrs.autoPad == "SAME_UPPER" || attrs.autoPad == "SAME_LOWER") {
    padToSame(*window, spatial, attrs.autoPad == "SAME_UPPER");
  } else if (attrs.autoPad == "NOTSET") {
    window->padsBegin.assign(pads->begin(), pads->begin() + rank);
    window->padsEnd.assign(pads->begin() + rank, pads->end());
  } else if (attrs.autoPad != "VALID") {
    return op->emitOpError("auto_pad is '")
           << attrs.autoPad << "' but must be NOTSET, SAME_UPPER, SAME_LOWER or VALID";
  }
  return window;
}

FailureOr<Shape> windowPositions(Operation *op, ArrayRef<int64_t> spatial, const Window &window,
                                 bool ceilMode) {
  Shape positions;
  for (size_t i = 0; i < spatial.size(); ++i) {
    int64_t padded = spatial[i] + window.padsBegin[i] + window.padsEnd[i];
    int64_t room = padded - window.extent(i);
    if (room < 0)
      return op->emitOpError("kernel reaches over ")
             << window.extent(i) << " elements but the padded input has " << padded << " in spatial axis "
             << i;
    int64_t count = (room + (ceilMode ? window.strides[i] - 1 : 0)) / window.strides[i] + 1;
    // A window that starts in the padding at the end is not counted (opset 22).
    if (ceilMode && (count - 1) * window.strides[i] >= spatial[i] + window.padsBegin[i])
      --count;
    positions.push_back(count);
  }
  return positions;
}

FailureOr<bool> isChannelsLast(Operation *op, StringRef layout) {
  if (layout != "nchw" && layout != "nhwc")
    return op->emitOpError("layout is '") << layout << "' but must be nchw or nhwc";
  return layout == "nhwc";
}

Shape spatialOf(ArrayRef<int64_t> shape, bool nhwc) {
  return Shape(nhwc ? shape.drop_front().drop_back() : shape.drop_front(2));
}

int64_t channelsOf(ArrayRef<int64_t> shape, bool nhwc) { return nhwc ? shape.back() : shape[1]; }

Shape makeShape(int64_t batch, int64_t channels, ArrayRef<int64_t> spatial, bool nhwc) {
  Shape shape = {batch};
  if (!nhwc)
    shape.push_back(channels);
  shape.append(spatial.begin(), spatial.end());
  if (nhwc)
    shape.push_back(channels);
  return shape;
}

std::vector<int64_t> permToChannelsFirst(int64_t rank) {
  std::vector<int64_t> perm;
  for (int64_t axis = 0; axis < rank; ++axis)
    perm.push_back(channelsLastAxis(axis, rank));
  return perm;
}

std::vector<int64_t> permToChannelsLast(int64_t rank) {
  std::vector<int64_t> perm(rank);
  for (int64_t axis = 0; axis < rank; ++axis)
    perm[channelsLastAxis(axis, rank)] = axis;
  return perm;
}

} // namespace qcc::ops
