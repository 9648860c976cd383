//===- Convert.cpp - One opset for all models -----------------------------===//
//
// ONNX's converter, one graph at a time: it does not go into subgraphs itself.
//
//===----------------------------------------------------------------------===//

#include "compiler/import/Proto.h"

#include "onnx/shape_inference/implementation.h"
#include "onnx/version_converter/convert.h"

#include <unordered_set>

using namespace qcc::import;

namespace {

/// Marks a node whose subgraphs wait in `detached`.
constexpr const char *markName = "qcc_subgraphs";

/// Up to this opset some operators are converted by the shapes they see.
constexpr int64_t lastOpsetThatNeedsShapes = 12;

class Converter {
public:
  Converter(const onnx::ModelProto &model) : from(defaultOpset(model)) {
    frame.set_ir_version(model.ir_version());
    *frame.mutable_opset_import() = model.opset_import();
  }

  void convert(onnx::GraphProto &graph) {
    std::vector<std::vector<onnx::AttributeProto>> detached;
    for (auto &node : *graph.mutable_node())
      detach(node, detached);
    int inputs = graph.input_size();
    declareCaptured(graph);

    onnx::ModelProto model = frame;
    model.mutable_graph()->Swap(&graph);
    convertAlone(model);
    graph.Swap(model.mutable_graph());

    while (graph.input_size() > inputs)
      graph.mutable_input()->RemoveLast();
    for (auto &node : *graph.mutable_node())
      attach(node, detached);
  }

private:
  void detach(onnx::NodeProto &node, std::vector<std::vector<onnx::AttributeProto>> &detached) {
    std::vector<onnx::AttributeProto> graphs;
    for (int i = node.attribute_size() - 1; i >= 0; --i)
      if (node.attribute(i).has_g()) {
        convert(*node.mutable_attribute(i)->mutable_g());
        graphs.push_back(node.attribute(i));
        node.mutable_attribute()->DeleteSubrange(i, 1);
      }
    if (graphs.empty())
      return;
    auto *mark = node.add_attribute();
    mark->set_name(markName);
    mark->set_type(onnx::AttributeProto::INT);
    mark->set_i(static_cast<int64_t>(detached.size()));
    detached.push_back(std::move(graphs));
  }

  static void attach(onnx::NodeProto &node, std::vector<std::vector<onnx::AttributeProto>> &detached) {
    for (int i = 0; i < node.attribute_size(); ++i)
      if (node.attribute(i).name() == markName) {
        auto &graphs = detached.at(static_cast<size_t>(node.attribute(i).i()));
        node.mutable_attribute()->DeleteSubrange(i, 1);
        for (auto &graph : graphs)
          *node.add_attribute() = std::move(graph);
        return;
      }
  }

  /// Gives the names from outside a place among the inputs, at the end.
  static void declareCaptured(onnx::GraphProto &graph) {
    std::unordered_set<std::string> known{""};
    for (const auto &input : graph.input())
      known.insert(input.name());
    for (const auto &tensor : graph.initializer())
      known.insert(tensor.name());
    for (const auto &node : graph.node())
      known.insert(node.output().begin(), node.output().end());
    auto declare = [&](const std::string &name) {
      if (known.insert(name).second)
        graph.add_input()->set_name(name);
    };
    for (const auto &node : graph.node())
      for (const std::string &name : node.input())
        declare(name);
    for (const auto &output : graph.output())
      declare(output.name());
  }

  void convertAlone(onnx::ModelProto &model) {
    try {
      if (from <= lastOpsetThatNeedsShapes)
        onnx::shape_inference::InferShapes(model);
      model = converter.convert_version(model, onnx::OpSetID(from), onnx::OpSetID(Model::opset));
    } catch (const std::exception &error) {
      fail(model, error.what());
    }
  }

  /// The converter names the operator, at best; the first such node stands for it.
  [[noreturn]] void fail(const onnx::ModelProto &model, const std::string &reason) const {
    std::string message = "cannot be converted from opset " + std::to_string(from) + " to " +
                          std::to_string(Model::opset) + ": " + reason.substr(0, reason.find('\n')) +
                          " (export the model with opset 17 or later)";
    for (const auto &node : model.graph().node())
      if (reason.find(" for " + node.op_type()) != std::string::npos ||
          reason.find("'" + node.op_type() + "'") != std::string::npos)
        throw LoadError(node, message);
    throw LoadError("the model " + message);
  }

  int64_t from;
  onnx::ModelProto frame;
  onnx::version_conversion::DefaultVersionConverter converter;
};

/// Until opset 10 Resize and Upsample knew one way to place samples, which the
/// converter forgets to write down: later opsets have another default.
constexpr int64_t lastOpsetOfAsymmetricResize = 10;

void setIfAbsent(onnx::NodeProto &node, const char *name, const char *value) {
  for (const auto &attribute : node.attribute())
    if (attribute.name() == name)
      return;
  auto *attribute = node.add_attribute();
  attribute->set_name(name);
  attribute->set_type(onnx::AttributeProto::STRING);
  attribute->set_s(value);
}

void keepAsymmetricResize(onnx::GraphProto &graph) {
  for (auto &node : *graph.mutable_node())
    if (node.op_type() == "Resize" && node.domain().empty()) {
      setIfAbsent(node, "coordinate_transformation_mode", "asymmetric");
      setIfAbsent(node, "nearest_mode", "floor");
    }
}

/// Until opset 8 a Scan's tensors had an axis for the batch, which the converter takes off the model's
/// inputs.
constexpr int64_t lastOpsetOfBatchedScan = 8;

void refuseBatchedScan(onnx::GraphProto &graph) {
  for (const auto &node : graph.node())
    if (node.op_type() == "Scan" && node.domain().empty())
      throw LoadError(node, "is of opset 8, with a batch: export the model with opset 9 or later");
}

/// Nodes that the converter added are named for what they compute.
void nameAddedNodes(onnx::GraphProto &graph) {
  for (auto &node : *graph.mutable_node())
    if (node.name().empty() && node.output_size() != 0)
      node.set_name("for " + node.output(0));
}

} // namespace

void qcc::import::convertOpset(onnx::ModelProto &model) {
  if (defaultOpset(model) == Model::opset)
    return;
  int64_t from = defaultOpset(model);
  if (from <= lastOpsetOfBatchedScan)
    forEachGraph(*model.mutable_graph(), refuseBatchedScan);
  Converter(model).convert(*model.mutable_graph());
  if (from <= lastOpsetOfAsymmetricResize)
    forEachGraph(*model.mutable_graph(), keepAsymmetricResize);
  forEachGraph(*model.mutable_graph(), nameAddedNodes);
  for (auto &import : *model.mutable_opset_import())
    if (import.domain().empty())
      import.set_version(Model::opset);
}
