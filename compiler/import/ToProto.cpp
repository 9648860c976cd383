//===- ToProto.cpp - Parts of a plain model as ONNX's messages ------------===//

#include "compiler/import/ToProto.h"

onnx::TypeProto qcc::import::toProto(const ValueInfo &type) {
  onnx::TypeProto proto;
  if (type.type == 0)
    return proto;
  auto &tensor = *proto.mutable_tensor_type();
  tensor.set_elem_type(type.type);
  if (type.hasShape)
    tensor.mutable_shape(); // rank 0 is a shape, too
  for (const Dim &dim : type.dims)
    tensor.mutable_shape()->add_dim()->set_dim_value(dim.size);
  return proto;
}

onnx::TensorProto qcc::import::toProto(const TensorData &tensor) {
  onnx::TensorProto proto;
  proto.set_name(tensor.name);
  proto.set_data_type(tensor.type);
  for (int64_t dim : tensor.dims)
    proto.add_dims(dim);
  proto.set_raw_data(tensor.data, tensor.bytes);
  return proto;
}

onnx::AttributeProto qcc::import::toProto(const Attribute &attribute) {
  onnx::AttributeProto proto;
  proto.set_name(attribute.name);
  proto.set_type(static_cast<onnx::AttributeProto::AttributeType>(attribute.kind));
  switch (attribute.kind) {
  case Attribute::Float:
    proto.set_f(attribute.f);
    break;
  case Attribute::Int:
    proto.set_i(attribute.i);
    break;
  case Attribute::String:
    proto.set_s(attribute.s);
    break;
  case Attribute::Tensor:
    *proto.mutable_t() = toProto(attribute.tensor);
    break;
  default:
    *proto.mutable_floats() = {attribute.floats.begin(), attribute.floats.end()};
    *proto.mutable_ints() = {attribute.ints.begin(), attribute.ints.end()};
    for (const std::string &s : attribute.strings)
      proto.add_strings(s);
  }
  return proto;
}

onnx::NodeProto qcc::import::toProto(const Node &node) {
  onnx::NodeProto proto;
  proto.set_name(node.name);
  proto.set_op_type(node.op);
  proto.set_domain(node.domain);
  for (const std::string &input : node.inputs)
    proto.add_input(input);
  for (const std::string &output : node.outputs)
    proto.add_output(output);
  for (const Attribute &attribute : node.attributes)
    *proto.add_attribute() = toProto(attribute);
  return proto;
}
