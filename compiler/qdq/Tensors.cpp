//===- Tensors.cpp - Numbers, scales and zero points ----------------------===//

#include "compiler/import/Importer.h"
#include "compiler/qdq/Qdq.h"
#include "compiler/qdq/Writer.h"
#include "compiler/support/Rewrite.h"
#include "dialects/Constants.h"

using namespace mlir;
using namespace qcc;
using qdq::Writer;
using reference::DType;
using reference::Tensor;

namespace {

bool isHalfByte(DType type) { return type == DType::I4 || type == DType::U4 || type == DType::F4E2M1; }

/// ONNX's raw layout: 4-bit values in pairs, the first in the low half.
std::vector<uint8_t> rawBytes(const Tensor &tensor) {
  if (!isHalfByte(tensor.type))
    return tensor.bytes;
  std::vector<uint8_t> pairs((tensor.bytes.size() + 1) / 2);
  for (auto [i, byte] : llvm::enumerate(tensor.bytes))
    pairs[i / 2] |= static_cast<uint8_t>((byte & 15) << (i % 2 * 4));
  return pairs;
}

/// Scales and zero points as ONNX has them.
struct Scaling {
  SmallVector<double> scales;
  SmallVector<int64_t> zeroPoints;
  std::vector<int64_t> shape; ///< of both
  int64_t axis = -1;          ///< where there is more than one
  int64_t block = 0;          ///< where they stand for blocks along the axis
};

std::optional<Scaling> perBlock(quant::UniformQuantizedSubChannelType type) {
  Scaling result;
  for (auto [axis, size] : llvm::zip(type.getQuantizedDimensions(), type.getBlockSizes())) {
    if (size == 1)
      continue;
    if (result.block)
      return std::nullopt; // ONNX has blocks along one axis
    result.axis = axis;
    result.block = size;
  }
  for (APFloat scale : type.getScales().getValues<APFloat>())
    result.scales.push_back(scale.convertToFloat());
  for (APInt zero : type.getZeroPoints().getValues<APInt>())
    result.zeroPoints.push_back(type.isSigned() ? zero.getSExtValue()
                                                : static_cast<int64_t>(zero.getZExtValue()));
  result.shape = type.getScales().getType().getShape().vec();
  return result.block ? std::optional(result) : std::nullopt;
}

std::optional<Scaling> scalingOf(Type element) {
  if (auto type = dyn_cast<quant::UniformQuantizedType>(element))
    return Scaling{{type.getScale()}, {type.getZeroPoint()}, {}};
  if (auto type = dyn_cast<quant::UniformQuantizedSubChannelType>(element))
    return perBlock(type);
  auto type = cast<quant::UniformQuantizedPerAxisType>(element);
  Scaling result;
  result.scales.assign(type.getScales().begin(), type.getScales().end());
  result.zeroPoints.assign(type.getZeroPoints().begin(), type.getZeroPoints().end());
  result.shape = {static_cast<int64_t>(result.scales.size())};
  result.axis = type.getQuantizedDimension();
  return result;
}

import::Attribute integer(const char *name, int64_t value) {
  import::Attribute attribute;
  attribute.name = name;
  attribute.kind = import::Attribute::Int;
  attribute.i = value;
  return attribute;
}

} // namespace

std::string Writer::addInitializer(const Tensor &tensor, const Twine &name) {
  auto bytes = std::make_shared<std::vector<uint8_t>>(rawBytes(tensor));
  import::TensorData data;
  data.name = unique(tensorNames, name);
  data.type = import::onnxTypeOf(elementTypeOf(function.getContext(), tensor.type));
  data.dims = tensor.shape;
  data.data = reinterpret_cast<const char *>(bytes->data());
  data.bytes = bytes->size();
  data.owner = bytes;
  graph.initializers.push_back(data);
  return data.name;
}

LogicalResult Writer::addScaling(Operation *op, StringRef kind, Type element, std::string input,
                                 std::string output, StringRef base) {
  std::optional<Scaling> scaling = scalingOf(element);
  if (!scaling)
    return op->emitError("has blocks along more than one axis, which ONNX's ") << kind << " lacks";
  Tensor scales(DType::F32, scaling->shape), zeros(dtypeOf(element), scaling->shape);
  for (auto [i, scale] : llvm::enumerate(scaling->scales))
    scales.setDouble(static_cast<int64_t>(i), scale);
  for (auto [i, zero] : llvm::enumerate(scaling->zeroPoints))
    zeros.setInt(static_cast<int64_t>(i), zero);
  std::vector<std::string> inputs = {std::move(input), addInitializer(scales, base + "_scale")};
  // int32 has no zero point in ONNX.
  if (zeros.type != DType::I32)
    inputs.push_back(addInitializer(zeros, base + "_zero_point"));
  import::Node &node = addNode((base + "_" + kind).str(), kind, std::move(inputs), std::move(output));
  if (scaling->axis >= 0)
    node.attributes.push_back(integer("axis", scaling->axis));
  if (scaling->block)
    node.attributes.push_back(integer("block_size", scaling->block));
  return success();
}

LogicalResult Writer::writeScaling(Operation *op, StringRef kind, Value quantized) {
  std::string base = plainName(op->getLoc()), input = nameOf(op->getOperand(0));
  StringRef suffix = kind == "QuantizeLinear" ? "_quantized" : "_dequantized";
  std::string output = define(op->getResult(0), base + suffix);
  return addScaling(op, kind, tensorType(quantized).getElementType(), input, output, base);
}

FailureOr<std::string> Writer::realNameOf(Operation *op, Value operand) {
  Type element = tensorType(operand).getElementType();
  if (!isa<quant::QuantizedType>(element) || operand.getDefiningOp<DynamicQuantizeOp>())
    return nameOf(operand);
  std::string input = nameOf(operand), output = unique(tensorNames, input + "_dequantized");
  if (failed(addScaling(op, "DequantizeLinear", element, input, output, input)))
    return failure();
  return output;
}
