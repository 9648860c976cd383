//===- Quant.cpp - Constants and changes of representation ----------------===//

#include "dialects/reference/Quant.h"
#include "dialects/Constants.h"
#include "dialects/QuantTypes.h"
#include "dialects/ops/Common.h"

using namespace mlir;
using namespace qcc;
using namespace qcc::ops;
using reference::DType;
using reference::Granularity;
using reference::Tensor;

//===----------------------------------------------------------------------===//
// Constant
//===----------------------------------------------------------------------===//

OpFoldResult ConstantOp::fold(FoldAdaptor) { return getValue(); }

/// The value may carry the storage of a quantised result.
LogicalResult ConstantOp::inferTypes(Results &results) {
  ShapedType value = getValue().getShapedType();
  auto declared = dyn_cast<RankedTensorType>(getResult().getType());
  if (auto type = dyn_cast<quant::QuantizedType>(declared.getElementType());
      type && value.getElementType() != storageTypeOf(type))
    return emitOpError("has a value of ")
           << value.getElementType() << " but " << type << " stores " << storageTypeOf(type);
  Type element = isa<quant::QuantizedType>(declared.getElementType()) ? declared.getElementType()
                                                                      : value.getElementType();
  if (!findDType(element))
    return emitOpError("has the unsupported element type ") << element;
  if (!isReadable(getValue()))
    return emitOpError("has a value that cannot be read: a resource that is missing or of the wrong size");
  return addResult(*this, results, value.getShape(), element);
}

LogicalResult ConstantOp::evaluate(Operands, Tensors &results) {
  results.push_back(toTensor(getValue()));
  return success();
}

//===----------------------------------------------------------------------===//
// Quantize, Dequantize, Scast: the type carries scales and zero points
//===----------------------------------------------------------------------===//

LogicalResult QuantizeOp::inferTypes(Results &results) {
  ArrayRef<int64_t> shape = shapeOf(getInput());
  if (failed(requireFloat(*this, "input", getInput())) ||
      failed(checkGranularity(declaredElement(*this), shape, [&] { return emitOpError(); })))
    return failure();
  return addResult(*this, results, shape, declaredElement(*this));
}

LogicalResult QuantizeOp::evaluate(Operands operands, Tensors &results) {
  Type element = declaredElement(*this);
  ElementParams scales = elementParams(element, shapeOf(getInput()));
  results.push_back(reference::quantize(*operands[0], scales.params, scales.index, dtypeOf(element)));
  return success();
}

/// A per-axis type would have to follow its axis; weights keep their layout.
static LogicalResult keepsPerTensor(Type element) {
  auto type = dyn_cast<quant::QuantizedType>(element);
  return success(!type || isa<quant::UniformQuantizedType>(type));
}

LogicalResult QuantizeOp::toChannelsLast() { return keepsPerTensor(declaredElement(*this)); }

LogicalResult DequantizeOp::inferTypes(Results &results) {
  ArrayRef<int64_t> shape = shapeOf(getInput());
  if (failed(checkGranularity(elementOf(getInput()), shape, [&] { return emitOpError(); })))
    return failure();
  Type result = declaredElement(*this);
  if (!result.isF32() && !result.isF16() && !result.isBF16() && !result.isF64())
    return emitOpError("has a result of ") << result << " but should have a float type";
  return addResult(*this, results, shape, result);
}

LogicalResult DequantizeOp::evaluate(Operands operands, Tensors &results) {
  ElementParams scales = elementParams(elementOf(getInput()), shapeOf(getInput()));
  results.push_back(
      reference::dequantize(*operands[0], scales.params, scales.index, dtypeOf(declaredElement(*this))));
  return success();
}

LogicalResult DequantizeOp::toChannelsLast() { return keepsPerTensor(elementOf(getInput())); }

LogicalResult ScastOp::inferTypes(Results &results) {
  Type from = elementOf(getInput()), to = declaredElement(*this);
  auto fromQuant = dyn_cast<quant::QuantizedType>(from), toQuant = dyn_cast<quant::QuantizedType>(to);
  Type fromStorage = fromQuant ? storageTypeOf(fromQuant) : from;
  Type toStorage = toQuant ? storageTypeOf(toQuant) : to;
  if ((!fromQuant && !toQuant) || fromStorage != toStorage)
    return emitOpError("changes ") << from << " to " << to
                                   << "; one must be quantised and the stored types must agree";
  return addResult(*this, results, shapeOf(getInput()), to);
}

LogicalResult ScastOp::evaluate(Operands operands, Tensors &results) {
  results.push_back(*operands[0]);
  return success();
}

LogicalResult ScastOp::toChannelsLast() {
  return success(succeeded(keepsPerTensor(elementOf(getInput()))) &&
                 succeeded(keepsPerTensor(declaredElement(*this))));
}

//===----------------------------------------------------------------------===//
// QuantizeLinear, DequantizeLinear: scales and zero points are operands
//===----------------------------------------------------------------------===//

/// The shape that scale and zero point must have, by ONNX's three granularities.
template <typename Op> static LogicalResult checkScaleShape(Op op) {
  ArrayRef<int64_t> shape = shapeOf(op.getInput()), scale = shapeOf(op.getScale());
  auto rank = static_cast<int64_t>(shape.size()), block = static_cast<int64_t>(op.getBlockSize());
  if (op.getZeroPoint() && shapeOf(op.getZeroPoint()) != scale &&
      tensorOf(op.getZeroPoint()).getNumElements() != tensorOf(op.getScale()).getNumElements())
    return op.emitOpError("has a scale of shape ")
           << shapeText(scale) << " but a zero point of shape " << shapeText(shapeOf(op.getZeroPoint()));
  if (!block && tensorOf(op.getScale()).getNumElements() == 1)
    return success();
  FailureOr<int64_t> axis = resolveAxis(op, "axis", static_cast<int64_t>(op.getAxis()), rank);
  if (failed(axis))
    return failure();
  Shape expected = {shape[*axis]};
  if (block < 0 || block > maxExtent)
    return op.emitOpError("block_size is ") << block;
  if (block) {
    expected.assign(shape.begin(), shape.end());
    expected[*axis] = (shape[*axis] + block - 1) / block;
  }
  if (Shape(scale) != expected)
    return op.emitOpError("has a scale of shape ")
           << shapeText(scale) << " but should have " << shapeText(expected) << " for axis " << *axis
           << " of an operand of shape " << shapeText(shape);
  return success();
}

template <typename Op> static Granularity granularityOf(Op op) {
  auto axis = static_cast<int64_t>(op.getAxis());
  return {axis < 0 ? axis + rankOf(op.getInput()) : axis, static_cast<int64_t>(op.getBlockSize())};
}

template <typename Op> static LogicalResult normalizeQuantAxis(Op op) {
  if (tensorOf(op.getScale()).getNumElements() == 1 && !op.getBlockSize())
    return success(); // the axis has no meaning, and often no valid value
  FailureOr<int64_t> axis =
      resolveAxis(op, "axis", static_cast<int64_t>(op.getAxis()), rankOf(op.getInput()));
  if (failed(axis))
    return failure();
  op.setAxis(*axis);
  return success();
}

/// The type that an ONNX attribute names, `otherwise` for 0.
template <typename Op>
static FailureOr<Type> onnxType(Op op, StringRef attribute, int64_t code, Type otherwise) {
  if (code == 0)
    return otherwise;
  std::optional<DType> type = findOnnxDType(code);
  if (!type)
    return op.emitOpError() << attribute << " is " << code << ", which is no supported data type";
  return elementTypeOf(op.getContext(), *type);
}

LogicalResult QuantizeLinearOp::normalize() { return normalizeQuantAxis(*this); }

LogicalResult QuantizeLinearOp::inferTypes(Results &results) {
  if (failed(requireFloat(*this, "scale", getScale())) || failed(checkScaleShape(*this)))
    return failure();
  if (!elementOf(getInput()).isSignlessInteger(32) && failed(requireFloat(*this, "input", getInput())))
    return failure();
  Type byZero = getZeroPoint() ? elementOf(getZeroPoint()) : elementTypeOf(getContext(), DType::U8);
  FailureOr<Type> element = onnxType(*this, "output_dtype", static_cast<int64_t>(getOutputDtype()), byZero);
  if (failed(element) ||
      failed(onnxType(*this, "precision", static_cast<int64_t>(getPrecision()), elementOf(getScale()))))
    return failure();
  if (getZeroPoint() && *element != byZero)
    return emitOpError("has a zero point of ") << byZero << " but output_dtype asks for " << *element;
  return addResult(*this, results, shapeOf(getInput()), *element);
}

LogicalResult QuantizeLinearOp::evaluate(Operands operands, Tensors &results) {
  FailureOr<Type> precision =
      onnxType(*this, "precision", static_cast<int64_t>(getPrecision()), elementOf(getScale()));
  if (failed(precision))
    return failure();
  results.push_back(reference::quantizeLinear(*operands[0], *operands[1], optional(operands, 2),
                                              granularityOf(*this), dtypeOf(declaredElement(*this)),
                                              dtypeOf(*precision), getSaturate()));
  return success();
}

LogicalResult DequantizeLinearOp::normalize() { return normalizeQuantAxis(*this); }

LogicalResult DequantizeLinearOp::inferTypes(Results &results) {
  if (failed(requireFloat(*this, "scale", getScale())) || failed(checkScaleShape(*this)))
    return failure();
  if (getZeroPoint() && elementOf(getZeroPoint()) != elementOf(getInput()))
    return emitOpError("has a zero point of ")
           << elementOf(getZeroPoint()) << " but values of " << elementOf(getInput());
  FailureOr<Type> element =
      onnxType(*this, "output_dtype", static_cast<int64_t>(getOutputDtype()), elementOf(getScale()));
  return failed(element) ? failure() : addResult(*this, results, shapeOf(getInput()), *element);
}

LogicalResult DequantizeLinearOp::evaluate(Operands operands, Tensors &results) {
  results.push_back(reference::dequantizeLinear(*operands[0], *operands[1], optional(operands, 2),
                                                granularityOf(*this), dtypeOf(declaredElement(*this))));
  return success();
}

LogicalResult DynamicQuantizeLinearOp::inferTypes(Results &results) {
  if (!elementOf(getInput()).isF32())
    return emitOpError("operand 'input' has element type ") << elementOf(getInput()) << " but should be f32";
  Type byte = elementTypeOf(getContext(), DType::U8);
  return success(succeeded(addResult(*this, results, shapeOf(getInput()), byte)) &&
                 succeeded(addResult(*this, results, {}, elementOf(getInput()))) &&
                 succeeded(addResult(*this, results, {}, byte)));
}

LogicalResult DynamicQuantizeLinearOp::evaluate(Operands operands, Tensors &results) {
  reference::DynamicQuantized quantized = reference::dynamicQuantizeLinear(*operands[0]);
  results.push_back(std::move(quantized.values));
  results.push_back(std::move(quantized.scale));
  results.push_back(std::move(quantized.zeroPoint));
  return success();
}

//===----------------------------------------------------------------------===//
// Cast, Lookup
//===----------------------------------------------------------------------===//

LogicalResult CastOp::inferTypes(Results &results) {
  FailureOr<Type> element = onnxType(*this, "to", static_cast<int64_t>(getTo()), Type());
  if (failed(element))
    return failure();
  if (!*element || isQuantized(getInput()))
    return emitOpError("changes ") << elementOf(getInput()) << " to data type " << getTo()
                                   << ", which is not possible";
  return addResult(*this, results, shapeOf(getInput()), *element);
}

LogicalResult CastOp::evaluate(Operands operands, Tensors &results) {
  results.push_back(reference::cast(*operands[0], dtypeOf(declaredElement(*this)), getSaturate()));
  return success();
}

LogicalResult CastOp::toChannelsLast() { return success(); }

/// The table's last axis has the 256 entries, of bytes or float32; axes before it broadcast to the operand:
/// (1, 1, 1, C, 256) are tables for each channel of an image (q12).
LogicalResult LookupOp::inferTypes(Results &results) {
  std::optional<DType> from = findDType(elementOf(getInput())), to = findDType(elementOf(getTable()));
  auto isByte = [](std::optional<DType> type) { return type == DType::U8 || type == DType::I8; };
  ArrayRef<int64_t> table = shapeOf(getTable()), shape = shapeOf(getInput());
  bool fits =
      !table.empty() && table.back() == 256 && (table.size() == 1 || table.size() == shape.size() + 1);
  for (size_t axis = 0; fits && axis + 1 < table.size(); ++axis)
    fits = table[axis] == 1 || table[axis] == shape[axis];
  if (!isByte(from) || !(isByte(to) || to == DType::F32) || !fits)
    return emitOpError("has an operand of ")
           << getInput().getType() << " and a table of " << getTable().getType()
           << " but needs 8-bit values and 256 entries, bytes or f32, for all or along axes of the operand";
  Type result = declaredElement(*this);
  if (findDType(result) != to)
    return emitOpError("has a result of ") << result << " but a table of " << elementOf(getTable());
  return addResult(*this, results, shapeOf(getInput()), result);
}

LogicalResult LookupOp::evaluate(Operands operands, Tensors &results) {
  results.push_back(reference::lookUp(*operands[0], *operands[1], dtypeOf(declaredElement(*this))));
  return success();
}

/// Tables along axes come after stage layout.
LogicalResult LookupOp::toChannelsLast() { return success(rankOf(getTable()) == 1); }
