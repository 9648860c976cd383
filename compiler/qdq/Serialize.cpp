//===- Serialize.cpp - Plain graphs to the bytes of an ONNX file ----------===//

#include "compiler/qdq/Serialize.h"

#include "onnx/checker.h"
#include "onnx/onnx_pb.h"
#include "onnx/shape_inference/implementation.h"

#include <limits>

using namespace qcc::import;

namespace {

/// The newest that belongs to opset 21.
constexpr int64_t irVersion = 10;

void toProto(const ValueInfo &value, onnx::ValueInfoProto &proto) {
  proto.set_name(value.name);
  auto &type = *proto.mutable_type()->mutable_tensor_type();
  type.set_elem_type(value.type);
  type.mutable_shape(); // rank 0 is a shape, too
  for (const Dim &dim : value.dims)
    type.mutable_shape()->add_dim()->set_dim_value(dim.size);
}

void toProto(const TensorData &tensor, onnx::TensorProto &proto) {
  proto.set_name(tensor.name);
  proto.set_data_type(tensor.type);
  for (int64_t dim : tensor.dims)
    proto.add_dims(dim);
  proto.set_raw_data(tensor.data, tensor.bytes);
}

void toProto(const Attribute &attribute, onnx::AttributeProto &proto) {
  proto.set_name(attribute.name);
  proto.set_type(static_cast<onnx::AttributeProto_AttributeType>(attribute.kind));
  switch (attribute.kind) {
  case Attribute::Float:
    return proto.set_f(attribute.f);
  case Attribute::Int:
    return proto.set_i(attribute.i);
  case Attribute::String:
    return proto.set_s(attribute.s);
  case Attribute::Tensor:
    return toProto(attribute.tensor, *proto.mutable_t());
  default:
    *proto.mutable_floats() = {attribute.floats.begin(), attribute.floats.end()};
    *proto.mutable_ints() = {attribute.ints.begin(), attribute.ints.end()};
    for (const std::string &s : attribute.strings)
      proto.add_strings(s);
  }
}

void toProto(const Node &node, onnx::NodeProto &proto) {
  proto.set_name(node.name);
  proto.set_op_type(node.op);
  proto.set_domain(node.domain);
  for (const std::string &input : node.inputs)
    proto.add_input(input);
  for (const std::string &output : node.outputs)
    proto.add_output(output);
  for (const Attribute &attribute : node.attributes)
    toProto(attribute, *proto.add_attribute());
}

onnx::ModelProto toProto(const Graph &graph, const qcc::qdq::FileInfo &info) {
  onnx::ModelProto model;
  model.set_ir_version(irVersion);
  model.set_producer_name("qcc");
  model.set_producer_version(info.producerVersion);
  model.add_opset_import()->set_version(info.opset);
  for (const auto &[key, value] : info.metadata) {
    auto *entry = model.add_metadata_props();
    entry->set_key(key);
    entry->set_value(value);
  }
  onnx::GraphProto &proto = *model.mutable_graph();
  proto.set_name(info.graphName);
  for (const ValueInfo &input : graph.inputs)
    toProto(input, *proto.add_input());
  for (const ValueInfo &output : graph.outputs)
    toProto(output, *proto.add_output());
  for (const TensorData &tensor : graph.initializers)
    toProto(tensor, *proto.add_initializer());
  for (const Node &node : graph.nodes)
    toProto(node, *proto.add_node());
  return model;
}

} // namespace

bool qcc::qdq::serialize(const Graph &graph, const FileInfo &info, std::string &bytes, std::string &error) {
  try {
    onnx::ModelProto model = toProto(graph, info);
    onnx::checker::check_model(model);
    onnx::shape_inference::InferShapes(model, onnx::OpSchemaRegistry::Instance(),
                                       onnx::ShapeInferenceOptions(/*check_type=*/true, /*strict=*/1));
    size_t size = model.ByteSizeLong(), limit = std::numeric_limits<int32_t>::max();
    if (size <= limit && model.SerializeToString(&bytes))
      return true;
    error = "the file would have " + std::to_string(size) + " bytes; an ONNX file has at most " +
            std::to_string(limit);
  } catch (const std::exception &problem) {
    error = std::string("ONNX's checker objects: ") + problem.what();
  }
  return false;
}
