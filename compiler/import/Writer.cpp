//===- Writer.cpp - Operations that stand for a node ----------------------===//

#include "compiler/import/Writer.h"
#include "dialects/Constants.h"

using namespace mlir;
using namespace qcc;
using namespace qcc::import;

int64_t Writer::integer(const char *attribute, int64_t missing) const {
  const import::Attribute *given = node.find(attribute);
  return given && given->kind == import::Attribute::Int ? given->i : missing;
}

float Writer::real(const char *attribute, float missing) const {
  const import::Attribute *given = node.find(attribute);
  return given && given->kind == import::Attribute::Float ? given->f : missing;
}

Value Writer::input(size_t index, const char *name) {
  Value value = importer.input(node, index);
  if (!value)
    error() << "input '" << name << "' is missing";
  return value;
}

std::optional<reference::Tensor> Writer::known(size_t index, const char *name) {
  Value value = input(index, name);
  if (!value)
    return std::nullopt;
  std::optional<reference::Tensor> tensor = importer.constantOf(value);
  if (!tensor)
    error() << "input '" << name
            << "' must be a constant, but is computed from the model's inputs (--set makes an input a "
               "constant, --shape fixes shapes)";
  return tensor;
}

int64_t Writer::axis(int64_t axis, int64_t rank) {
  if (axis >= -rank && axis < rank)
    return axis < 0 ? axis + rank : axis;
  error() << "axis is " << axis << " but the operand has rank " << rank;
  return -1;
}

Value Writer::op(StringRef name, ArrayRef<Value> operands, Attributes attributes) {
  if (llvm::is_contained(operands, Value()))
    return {};
  FailureOr<Values> results = importer.buildInferred(node, name, operands, attributes, 1);
  return failed(results) ? Value() : results->front();
}

NamedAttribute Writer::set(StringRef name, int64_t value) const {
  return importer.builder.getNamedAttr(name, importer.builder.getI64IntegerAttr(value));
}
NamedAttribute Writer::set(StringRef name, List values) const {
  return importer.builder.getNamedAttr(name, importer.builder.getDenseI64ArrayAttr(values));
}
NamedAttribute Writer::setReal(StringRef name, float value) const {
  return importer.builder.getNamedAttr(name, importer.builder.getF32FloatAttr(value));
}

Value Writer::constant(const reference::Tensor &tensor) {
  return importer.constant(tensor, importer.locationOf(node));
}

Value Writer::integers(List values, List shape) {
  reference::Tensor tensor(reference::DType::I64, shape.vec());
  llvm::copy(values, tensor.data<int64_t>());
  return constant(tensor);
}

Value Writer::count(int64_t size, int64_t axis, int64_t rank) {
  if (size > maxMadeElements) {
    error() << "numbers the " << size << " elements of an axis, more than the limit of " << maxMadeElements;
    return {};
  }
  Shape shape(rank, 1);
  shape[axis] = size;
  return integers(llvm::to_vector(llvm::seq<int64_t>(0, size)), shape);
}

Value Writer::number(double value, Value like, List shape) {
  if (!like)
    return {};
  reference::Tensor tensor(dtypeOf(elementOf(like)), shape.vec());
  for (int64_t i = 0, e = tensor.size(); i < e; ++i)
    tensor.setDouble(i, value);
  return constant(tensor);
}

Value Writer::cast(Value value, Type element) {
  return value && elementOf(value) != element ? op("qcc.cast", value, {set("to", onnxTypeOf(element))})
                                              : value;
}

Value Writer::reshape(Value value, List shape) {
  if (value && shapeOf(value) == shape)
    return value;
  return op("qcc.reshape", value, {set("shape", shape), set("allowzero", 1)});
}

Value Writer::transpose(Value value, List perm) {
  return llvm::is_sorted(perm) ? value : op("qcc.transpose", value, {set("perm", perm)});
}

Value Writer::reduce(StringRef name, Value value, List axes, bool keepDims) {
  return op(name, value, {set("axes", axes), set("keepdims", keepDims), set("noop_with_empty_axes", 1)});
}

Value Writer::product(Value a, Value b) {
  // What stage fuse adds is absent.
  auto segments = importer.builder.getDenseI32ArrayAttr({1, 1, 0, 0, 0});
  return op("qcc.matmul", {a, b}, {importer.builder.getNamedAttr("operandSegmentSizes", segments)});
}

Value Writer::slice(Value value, int64_t axis, int64_t begin, int64_t end) {
  return op("qcc.slice", value,
            {set("starts", List(begin)), set("ends", List(end)), set("axes", List(axis))});
}

LogicalResult Writer::define(Value result) {
  return result ? importer.defineOutputs(node, result) : failure();
}
