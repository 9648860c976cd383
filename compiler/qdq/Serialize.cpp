//===- Serialize.cpp - Plain graphs to the bytes of an ONNX file ----------===//

#include "compiler/qdq/Serialize.h"
#include "compiler/import/ToProto.h"

#include "onnx/checker.h"
#include "onnx/shape_inference/implementation.h"

#include <limits>

using namespace qcc::import;

namespace {

/// The newest that belongs to opset 21.
constexpr int64_t irVersion = 10;

void describe(const ValueInfo &value, onnx::ValueInfoProto &proto) {
  proto.set_name(value.name);
  *proto.mutable_type() = toProto(value);
}

onnx::ModelProto modelOf(const Graph &graph, const qcc::qdq::FileInfo &info) {
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
    describe(input, *proto.add_input());
  for (const ValueInfo &output : graph.outputs)
    describe(output, *proto.add_output());
  for (const TensorData &tensor : graph.initializers)
    *proto.add_initializer() = toProto(tensor);
  for (const Node &node : graph.nodes)
    *proto.add_node() = toProto(node);
  return model;
}

} // namespace

bool qcc::qdq::serialize(const Graph &graph, const FileInfo &info, std::string &bytes, std::string &error) {
  try {
    onnx::ModelProto model = modelOf(graph, info);
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
