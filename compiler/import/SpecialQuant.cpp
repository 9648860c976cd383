//===- SpecialQuant.cpp - Quantisation that the model brings along --------===//
//
// Scales and zero points that are constants go into the types. ONNX's values
// between a QuantizeLinear and a DequantizeLinear are plain integers: `scast`
// leads to them and back, and vanishes where the two meet.
//
//===----------------------------------------------------------------------===//

#include "compiler/import/BlockQuant.h"
#include "dialects/Constants.h"

#include <cmath>

using namespace mlir;
using namespace qcc;
using namespace qcc::import;
using reference::DType;
using reference::Tensor;

namespace {

/// What MLIR's quantised types can say.
struct Scheme {
  Tensor scale;
  std::optional<Tensor> zeroPoint;
  Type storage; ///< ONNX's element type of the stored integers
  int64_t axis = 0;
};

int64_t attributeOr(const Node &node, const std::string &name, int64_t value) {
  const import::Attribute *attribute = node.find(name);
  return attribute && attribute->kind == import::Attribute::Int ? attribute->i : value;
}

/// Scales of blocks are in types for constants alone (BlockQuant.h).
bool isBlocked(const Node &node) { return attributeOr(node, "block_size", 0) != 0; }

/// Reads scale and zero point; `scheme` stays empty where they are no constants.
LogicalResult readScheme(Importer &importer, const Node &node, Value scale, Value zero,
                         std::optional<Scheme> &scheme) {
  auto scales = importer.constantOf(scale);
  auto zeros = importer.constantOf(zero);
  if (!scales || (zero && !zeros))
    return success();
  for (int64_t i = 0; i < scales->size(); ++i) {
    double s = scales->getDouble(i);
    if (!std::isfinite(s) || s <= 0)
      return importer.error(node) << "scale " << i << " is " << std::to_string(s)
                                  << ", but must be positive and finite";
  }
  if (zeros && zeros->shape != scales->shape && zeros->size() != scales->size())
    return importer.error(node) << "has " << scales->size() << " scales, but " << zeros->size()
                                << " zero points";
  scheme = Scheme();
  scheme->scale = std::move(*scales);
  scheme->zeroPoint = std::move(zeros);
  return success();
}

bool isStorable(Type storage) {
  auto integer = dyn_cast<IntegerType>(storage);
  if (!integer)
    return false;
  unsigned width = integer.getWidth();
  return width == 4 || width == 8 || width == 16 || (width == 32 && !integer.isUnsigned());
}

quant::QuantizedType perTensor(Importer &importer, const Scheme &scheme, unsigned flags, Type storage,
                               int64_t low, int64_t high) {
  int64_t zero = scheme.zeroPoint ? scheme.zeroPoint->getInt(0) : 0;
  return quant::UniformQuantizedType::getChecked([&] { return emitError(importer.builder.getUnknownLoc()); },
                                                 flags, storage, importer.builder.getF32Type(),
                                                 scheme.scale.getDouble(0), zero, low, high);
}

quant::QuantizedType perAxis(Importer &importer, const Scheme &scheme, unsigned flags, Type storage,
                             int64_t low, int64_t high) {
  SmallVector<double> scales;
  SmallVector<int64_t> zeros;
  for (int64_t i = 0; i < scheme.scale.size(); ++i) {
    scales.push_back(scheme.scale.getDouble(i));
    zeros.push_back(scheme.zeroPoint ? scheme.zeroPoint->getInt(i) : 0);
  }
  return quant::UniformQuantizedPerAxisType::getChecked(
      [&] { return emitError(importer.builder.getUnknownLoc()); }, flags, storage,
      importer.builder.getF32Type(), scales, zeros, scheme.axis, low, high);
}

/// The quantised tensor type of values of `shape`. Null without an error where
/// MLIR's types do not reach.
FailureOr<RankedTensorType> quantizedType(Importer &importer, const Node &node, ArrayRef<int64_t> shape,
                                          const Scheme &given) {
  Scheme scheme = given;
  int64_t rank = shape.size();
  if (!isStorable(scheme.storage) || scheme.scale.type != DType::F32)
    return RankedTensorType();
  if (scheme.scale.size() != 1 || scheme.scale.rank() > 1) {
    if (scheme.axis < -rank || scheme.axis >= rank)
      return importer.error(node) << "attribute 'axis' is " << scheme.axis << ", but the input has " << rank
                                  << " dimensions";
    scheme.axis += scheme.axis < 0 ? rank : 0;
    if (scheme.scale.rank() != 1 || scheme.scale.size() != shape[scheme.axis])
      return importer.error(node) << "has " << scheme.scale.size() << " scales, but axis " << scheme.axis
                                  << " of the input has size " << shape[scheme.axis];
  }
  auto integer = cast<IntegerType>(scheme.storage);
  bool isSigned = !integer.isUnsigned();
  unsigned width = integer.getWidth(), flags = isSigned ? quant::QuantizationFlags::Signed : 0;
  int64_t low = quant::QuantizedType::getDefaultMinimumForInteger(isSigned, width);
  int64_t high = quant::QuantizedType::getDefaultMaximumForInteger(isSigned, width);
  Type storage = importer.builder.getIntegerType(width);
  auto make = scheme.scale.size() == 1 ? perTensor : perAxis;
  // MLIR reports what its types cannot say; here that is no error.
  ScopedDiagnosticHandler quiet(importer.builder.getContext(), [](mlir::Diagnostic &) { return success(); });
  quant::QuantizedType element = make(importer, scheme, flags, storage, low, high);
  return element ? RankedTensorType::get(shape, element) : RankedTensorType();
}

/// The integers of `value` under a quantised type.
Value toQuantized(Importer &importer, const Node &node, Value value, RankedTensorType type) {
  if (auto scast = value.getDefiningOp<ScastOp>())
    if (scast.getInput().getType() == type)
      return scast.getInput();
  return importer.build(node, "qcc.scast", value, type);
}

Value toStorage(Importer &importer, const Node &node, Value value) {
  return importer.build(node, "qcc.scast", value, storageTypeOf(tensorType(value)));
}

Value dequantize(Importer &importer, const Node &node, Value value, RankedTensorType type) {
  Value quantized = toQuantized(importer, node, value, type);
  return importer.build(node, "qcc.dequantize", quantized,
                        RankedTensorType::get(type.getShape(), importer.builder.getF32Type()));
}

LogicalResult importGeneric(Importer &importer, const Node &node) {
  Values inputs, results;
  for (size_t i = 0; i < node.inputs.size(); ++i)
    inputs.push_back(importer.input(node, i));
  if (failed(importer.importByRow(node, *findRow("", node.op), inputs, results)))
    return failure();
  return importer.defineOutputs(node, results);
}

LogicalResult checkZeroPointType(Importer &importer, const Node &node, Value zero, Type storage) {
  if (!zero || tensorType(zero).getElementType() == storage)
    return success();
  return importer.error(node) << "zero point has element type "
                              << onnxTypeName(onnxTypeOf(tensorType(zero).getElementType()))
                              << ", but the quantised values have " << onnxTypeName(onnxTypeOf(storage));
}

LogicalResult importQuantizeLinear(Importer &importer, const Node &node) {
  Value input = importer.input(node, 0), scale = importer.input(node, 1), zero = importer.input(node, 2);
  if (!input || !scale)
    return importer.error(node) << "input or scale is missing";
  std::optional<Scheme> scheme;
  if (failed(readScheme(importer, node, scale, zero, scheme)))
    return failure();
  int64_t wanted = attributeOr(node, "output_dtype", 0);
  Type storage = zero ? tensorType(zero).getElementType()
                      : elementTypeOf(importer.builder.getContext(), wanted ? wanted : 2);
  if (zero && wanted &&
      failed(checkZeroPointType(importer, node, zero, elementTypeOf(importer.builder.getContext(), wanted))))
    return failure();
  bool isFloat32 = tensorType(input).getElementType().isF32();
  if (!scheme || !storage || !isFloat32 || isBlocked(node) || attributeOr(node, "precision", 0) > 1)
    return importGeneric(importer, node);
  scheme->storage = storage;
  scheme->axis = attributeOr(node, "axis", 1);
  auto type = quantizedType(importer, node, tensorType(input).getShape(), *scheme);
  if (failed(type))
    return failure();
  if (!*type)
    return importGeneric(importer, node);
  Value quantized = importer.build(node, "qcc.quantize", input, *type);
  return importer.defineOutputs(node, toStorage(importer, node, quantized));
}

/// Scales of blocks are in types, too, where everything is constant.
LogicalResult importBlocked(Importer &importer, const Node &node) {
  auto result = importBlockedDequantize(importer, node, attributeOr(node, "axis", 1),
                                        attributeOr(node, "block_size", 0));
  if (failed(result))
    return failure();
  return *result ? importer.defineOutputs(node, **result) : importGeneric(importer, node);
}

LogicalResult importDequantizeLinear(Importer &importer, const Node &node) {
  Value input = importer.input(node, 0), scale = importer.input(node, 1), zero = importer.input(node, 2);
  if (!input || !scale)
    return importer.error(node) << "input or scale is missing";
  if (int64_t wanted = attributeOr(node, "output_dtype", 0); isBlocked(node) && wanted <= 1)
    return importBlocked(importer, node);
  std::optional<Scheme> scheme;
  Type storage = tensorType(input).getElementType();
  if (failed(checkZeroPointType(importer, node, zero, storage)) ||
      failed(readScheme(importer, node, scale, zero, scheme)))
    return failure();
  int64_t wanted = attributeOr(node, "output_dtype", 0);
  if (!scheme || isBlocked(node) || (wanted != 0 && wanted != 1))
    return importGeneric(importer, node);
  scheme->storage = storage;
  scheme->axis = attributeOr(node, "axis", 1);
  auto type = quantizedType(importer, node, tensorType(input).getShape(), *scheme);
  if (failed(type))
    return failure();
  if (!*type)
    return importGeneric(importer, node);
  return importer.defineOutputs(node, dequantize(importer, node, input, *type));
}

/// An operand of a QLinear operator: its integers, scale and zero point are three
/// inputs from `first` on.
struct QuantizedInput {
  Value real;
  Tensor scale;
};

FailureOr<QuantizedInput> readQuantized(Importer &importer, const Node &node, size_t first, int64_t axis) {
  Value input = importer.input(node, first), scale = importer.input(node, first + 1),
        zero = importer.input(node, first + 2);
  if (!input || !scale)
    return importer.error(node) << "input " << first << " or its scale is missing";
  std::optional<Scheme> scheme;
  Type storage = tensorType(input).getElementType();
  if (failed(checkZeroPointType(importer, node, zero, storage)) ||
      failed(readScheme(importer, node, scale, zero, scheme)))
    return failure();
  if (!scheme)
    return importer.error(node) << "the scale of input " << first << " must be a constant";
  scheme->storage = storage;
  scheme->axis = axis;
  auto type = quantizedType(importer, node, tensorType(input).getShape(), *scheme);
  if (failed(type))
    return failure();
  if (!*type)
    return importer.error(node) << "input " << first << " of type " << tensorType(input)
                                << " cannot be quantised that way";
  return QuantizedInput{dequantize(importer, node, input, *type), scheme->scale};
}

/// Quantises `real` by the scale and zero point at `first` and defines the output.
LogicalResult defineQuantized(Importer &importer, const Node &node, size_t first, Value real) {
  Value scale = importer.input(node, first), zero = importer.input(node, first + 1);
  std::optional<Scheme> scheme;
  if (failed(readScheme(importer, node, scale, zero, scheme)))
    return failure();
  if (!scheme || scheme->scale.size() != 1)
    return importer.error(node) << "the output's scale must be one constant";
  scheme->storage =
      zero ? tensorType(zero).getElementType() : elementTypeOf(importer.builder.getContext(), 2);
  auto type = quantizedType(importer, node, tensorType(real).getShape(), *scheme);
  if (failed(type))
    return failure();
  if (!*type)
    return importer.error(node) << "the output cannot be quantised that way";
  Value quantized = importer.build(node, "qcc.quantize", real, *type);
  return importer.defineOutputs(node, toStorage(importer, node, quantized));
}

/// A bias of int32 has the scale of the products it is added to.
FailureOr<Value> readBias(Importer &importer, const Node &node, Value bias, const Tensor &inputScale,
                          const Tensor &filterScale) {
  Scheme scheme;
  scheme.storage = importer.builder.getIntegerType(32);
  scheme.scale = filterScale;
  for (int64_t i = 0; i < filterScale.size(); ++i)
    scheme.scale.setDouble(i, static_cast<float>(inputScale.getDouble(0)) *
                                  static_cast<float>(filterScale.getDouble(i)));
  if (!tensorType(bias).getElementType().isInteger(32) || tensorType(bias).getRank() != 1)
    return importer.error(node) << "the bias has type " << tensorType(bias)
                                << "; a list of int32 is expected";
  auto type = quantizedType(importer, node, tensorType(bias).getShape(), scheme);
  if (failed(type))
    return failure();
  if (!*type)
    return importer.error(node) << "the products of the scales of input and filter are out of range";
  return dequantize(importer, node, bias, *type);
}

FailureOr<Value> buildFloat(Importer &importer, const Node &node, const std::string &op,
                            ArrayRef<Value> inputs) {
  Values results;
  if (failed(importer.importByRow(node, *findRow("", op), inputs, results)))
    return failure();
  return results.front();
}

LogicalResult importQLinearConv(Importer &importer, const Node &node) {
  auto input = readQuantized(importer, node, 0, 1);
  auto filter = failed(input) ? FailureOr<QuantizedInput>(failure()) : readQuantized(importer, node, 3, 0);
  if (failed(filter))
    return failure();
  Values operands{input->real, filter->real};
  if (Value bias = importer.input(node, 8)) {
    auto real = readBias(importer, node, bias, input->scale, filter->scale);
    if (failed(real))
      return failure();
    operands.push_back(*real);
  }
  auto result = buildFloat(importer, node, "Conv", operands);
  return failed(result) ? failure() : defineQuantized(importer, node, 6, *result);
}

LogicalResult importQLinearMatMul(Importer &importer, const Node &node) {
  auto a = readQuantized(importer, node, 0, -2);
  auto b = failed(a) ? FailureOr<QuantizedInput>(failure()) : readQuantized(importer, node, 3, -1);
  if (failed(b))
    return failure();
  auto result = buildFloat(importer, node, "MatMul", {a->real, b->real});
  return failed(result) ? failure() : defineQuantized(importer, node, 6, *result);
}

LogicalResult importQLinearAdd(Importer &importer, const Node &node) {
  auto a = readQuantized(importer, node, 0, 1);
  auto b = failed(a) ? FailureOr<QuantizedInput>(failure()) : readQuantized(importer, node, 3, 1);
  if (failed(b))
    return failure();
  auto result = buildFloat(importer, node, "Add", {a->real, b->real});
  return failed(result) ? failure() : defineQuantized(importer, node, 6, *result);
}

} // namespace

void qcc::import::addQuantImports(SpecialTable &table) {
  table.emplace(":QuantizeLinear", importQuantizeLinear);
  table.emplace(":DequantizeLinear", importDequantizeLinear);
  table.emplace(":QLinearConv", importQLinearConv);
  table.emplace(":QLinearMatMul", importQLinearMatMul);
  table.emplace("com.microsoft:QLinearAdd", importQLinearAdd);
  table.emplace("com.microsoft:MatMulNBits", importMatMulNBits);
}
