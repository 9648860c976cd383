//===- ToModel.cpp - ONNX's messages to plain structs ---------------------===//

#include "compiler/import/Proto.h"

using namespace qcc::import;

static ValueInfo toValueInfo(const onnx::ValueInfoProto &value) {
  ValueInfo info;
  info.name = value.name();
  const auto &type = value.type().tensor_type();
  info.type = type.elem_type();
  info.hasShape = type.has_shape();
  for (const auto &dim : type.shape().dim()) {
    Dim d;
    if (dim.has_dim_value())
      d.size = dim.dim_value();
    else
      d.name = dim.dim_param();
    info.dims.push_back(std::move(d));
  }
  return info;
}

static qcc::import::Attribute toAttribute(const onnx::AttributeProto &source, const TensorStore &store) {
  Attribute attribute;
  attribute.name = source.name();
  attribute.reference = source.ref_attr_name();
  // Graphs (10), tensors (9), types and sparse tensors are what nothing here takes.
  attribute.kind = source.type() <= 8 ? static_cast<Attribute::Kind>(source.type()) : Attribute::Unsupported;
  attribute.f = source.f();
  attribute.i = source.i();
  attribute.s = source.s();
  attribute.floats.assign(source.floats().begin(), source.floats().end());
  attribute.ints.assign(source.ints().begin(), source.ints().end());
  attribute.strings.assign(source.strings().begin(), source.strings().end());
  if (source.has_t())
    attribute.tensor = readTensor(source.t(), store);
  if (source.has_g())
    attribute.graph = std::make_shared<Graph>(toGraph(source.g(), store));
  return attribute;
}

Node qcc::import::toNode(const onnx::NodeProto &source, const TensorStore &store) {
  Node node;
  node.name = source.name();
  node.op = source.op_type();
  node.domain = domainOf(source);
  node.inputs.assign(source.input().begin(), source.input().end());
  node.outputs.assign(source.output().begin(), source.output().end());
  for (const auto &attribute : source.attribute())
    node.attributes.push_back(toAttribute(attribute, store));
  return node;
}

Graph qcc::import::toGraph(const onnx::GraphProto &source, const TensorStore &store) {
  Graph graph;
  for (const auto &input : source.input())
    graph.inputs.push_back(toValueInfo(input));
  for (const auto &output : source.output())
    graph.outputs.push_back(toValueInfo(output));
  for (const auto &tensor : source.initializer())
    graph.initializers.push_back(readTensor(tensor, store));
  for (const auto &node : source.node())
    graph.nodes.push_back(toNode(node, store));
  return graph;
}
