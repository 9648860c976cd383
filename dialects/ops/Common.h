//===- Common.h - What the families of operations share ---------*- C++ -*-===//
//
// Checks and shape arithmetic for `inferTypes` and `normalize`. Everything that
// can fail emits its error at the operation, with the name of the operand or
// attribute and the value it has.
//
//===----------------------------------------------------------------------===//
#ifndef QCC_DIALECTS_OPS_COMMON_H
#define QCC_DIALECTS_OPS_COMMON_H

#include "dialects/Qcc.h"

namespace qcc::ops {

using llvm::ArrayRef;
using llvm::FailureOr;
using llvm::LogicalResult;
using llvm::SmallVector;
using llvm::SmallVectorImpl;
using llvm::StringRef;
using Shape = SmallVector<int64_t>;
using Results = SmallVectorImpl<mlir::Type>;
using Operands = ArrayRef<const reference::Tensor *>;
using Tensors = SmallVectorImpl<reference::Tensor>;

/// No tensor may have more elements; beyond it, offsets into buffers would not
/// fit the 32-bit arithmetic of kernels.
constexpr int64_t maxElements = (int64_t(1) << 31) - 1;
/// Operations without tensor operands always fold into a constant, so a few
/// bytes of model could ask for any amount of memory.
constexpr int64_t maxFoldedElements = int64_t(1) << 24;
/// Bound of every size, stride, dilation and pad: sums and products of two stay in int64.
constexpr int64_t maxExtent = (int64_t(1) << 31) - 1;

inline mlir::RankedTensorType tensorOf(mlir::Value value) {
  return llvm::cast<mlir::RankedTensorType>(value.getType());
}
inline ArrayRef<int64_t> shapeOf(mlir::Value value) { return tensorOf(value).getShape(); }
inline int64_t rankOf(mlir::Value value) { return tensorOf(value).getRank(); }
inline mlir::Type elementOf(mlir::Value value) { return tensorOf(value).getElementType(); }
inline bool isQuantized(mlir::Value value) { return llvm::isa<mlir::quant::QuantizedType>(elementOf(value)); }
/// The element type that the operation's result was declared with, for results
/// whose type is a decision and not a consequence.
mlir::Type declaredElement(mlir::Operation *op, unsigned index = 0);

inline std::vector<int64_t> toStd(ArrayRef<int64_t> values) { return {values.begin(), values.end()}; }
std::string shapeText(ArrayRef<int64_t> shape); ///< "1x3x224x224", "scalar"
std::string listText(ArrayRef<int64_t> values); ///< "[1, 2]"

/// Appends tensor<shape x element> to `results`; an error where the shape is
/// too large.
LogicalResult addResult(mlir::Operation *op, Results &results, ArrayRef<int64_t> shape, mlir::Type element);

/// `axis` counted from the front, or an error that names `attribute`.
FailureOr<int64_t> resolveAxis(mlir::Operation *op, StringRef attribute, int64_t axis, int64_t rank);
/// The same for an operation's own `axis`, an axis of `operand`.
template <typename Op> LogicalResult normalizeAxis(Op op, mlir::Value operand) {
  FailureOr<int64_t> axis = resolveAxis(op, "axis", static_cast<int64_t>(op.getAxis()), rankOf(operand));
  if (failed(axis))
    return mlir::failure();
  op.setAxis(*axis);
  return mlir::success();
}
/// All of them, each at most once.
FailureOr<Shape> resolveAxes(mlir::Operation *op, StringRef attribute, ArrayRef<int64_t> axes, int64_t rank);
LogicalResult requireLength(mlir::Operation *op, StringRef attribute, ArrayRef<int64_t> list, int64_t length);
LogicalResult requireRank(mlir::Operation *op, StringRef operand, mlir::Value value, int64_t least,
                          int64_t most);
LogicalResult requireFloat(mlir::Operation *op, StringRef operand, mlir::Value value);
/// Integers or floats, not booleans and not quantised.
LogicalResult requireNumber(mlir::Operation *op, StringRef operand, mlir::Value value);
LogicalResult requireBool(mlir::Operation *op, StringRef operand, mlir::Value value);
LogicalResult requireSameElement(mlir::Operation *op, mlir::ValueRange values);
FailureOr<Shape> broadcast(mlir::Operation *op, mlir::ValueRange values);

/// Where the channels-last layout puts ONNX's axis: (N, C, spatial...) becomes
/// (N, spatial..., C).
inline int64_t channelsLastAxis(int64_t axis, int64_t rank) {
  return rank < 3 || axis == 0 ? axis : axis == 1 ? rank - 1 : axis - 1;
}
/// A list with one entry for each axis, in channels-last order.
template <typename T> SmallVector<T> channelsLastList(ArrayRef<T> list) {
  SmallVector<T> permuted(list.size());
  for (size_t axis = 0; axis < list.size(); ++axis)
    permuted[channelsLastAxis(axis, list.size())] = list[axis];
  return permuted;
}

/// The operand in that slot, or null if it is absent or beyond the list.
inline const reference::Tensor *optional(Operands operands, size_t slot) {
  return slot < operands.size() ? operands[slot] : nullptr;
}

/// A sliding window over the spatial axes, every list with one entry for each.
struct Window {
  Shape kernel, strides, dilations, padsBegin, padsEnd;

  int64_t extent(size_t axis) const { return (kernel[axis] - 1) * dilations[axis] + 1; }
  Shape pads() const; ///< begins, then ends, as ONNX writes them
};

/// The attributes of convolutions and pools as they stand; absent lists are null.
struct WindowAttrs {
  StringRef autoPad;
  mlir::DenseI64ArrayAttr strides, dilations, pads;
};

/// Applies ONNX's defaults and `auto_pad`, and checks every value.
FailureOr<Window> resolveWindow(mlir::Operation *op, ArrayRef<int64_t> spatial, ArrayRef<int64_t> kernel,
                                const WindowAttrs &attrs);
/// Defaults and checks of kernel, strides and dilations alone.
FailureOr<Window> resolveStrides(mlir::Operation *op, ArrayRef<int64_t> kernel, const WindowAttrs &attrs);
/// Positions of the window along each axis; fails where the kernel does not fit.
FailureOr<Shape> windowPositions(mlir::Operation *op, ArrayRef<int64_t> spatial, const Window &window,
                                 bool ceilMode = false);

/// Splits a shape in either layout. `nhwc` is read from the `layout` attribute.
FailureOr<bool> isChannelsLast(mlir::Operation *op, StringRef layout);
Shape spatialOf(ArrayRef<int64_t> shape, bool nhwc);
int64_t channelsOf(ArrayRef<int64_t> shape, bool nhwc);
Shape makeShape(int64_t batch, int64_t channels, ArrayRef<int64_t> spatial, bool nhwc);

/// The axes that turn a tensor of `rank` into NCHW and back.
std::vector<int64_t> permToChannelsFirst(int64_t rank);
std::vector<int64_t> permToChannelsLast(int64_t rank);

} // namespace qcc::ops

#endif // QCC_DIALECTS_OPS_COMMON_H
