//===- Functions.cpp - Functions of the model and of ONNX -----------------===//

#include "compiler/import/Contrib.h"
#include "compiler/import/Load.h"
#include "compiler/import/Proto.h"
#include "compiler/import/ToProto.h"

#include "onnx/checker.h"
#include "onnx/defs/schema.h"
#include "onnx/inliner/inliner.h"

#include <unordered_map>

using namespace qcc::import;

namespace {

/// Calls of calls multiply; more nodes than this are an attack.
constexpr int64_t maxInlinedNodes = 100000;

using FunctionKey = std::string;

FunctionKey keyOf(const std::string &domain, const std::string &name) {
  return (domain == "ai.onnx" ? "" : domain) + ":" + name;
}

/// How many nodes each function becomes, and none that calls itself.
class FunctionSizes {
public:
  explicit FunctionSizes(const onnx::ModelProto &model) {
    for (const auto &function : model.functions())
      functions.emplace(keyOf(function.domain(), function.name()), &function);
  }

  int64_t sizeOf(const google::protobuf::RepeatedPtrField<onnx::NodeProto> &nodes, int depth) {
    int64_t total = 0;
    for (const auto &node : nodes) {
      total += sizeOf(node, depth);
      for (const auto &attribute : node.attribute())
        total += attribute.has_g() ? sizeOf(attribute.g().node(), depth) : 0;
      if (total > maxInlinedNodes)
        throw LoadError(node, "the model's functions become more than " + std::to_string(maxInlinedNodes) +
                                  " nodes when they are inlined");
    }
    return total;
  }

private:
  int64_t sizeOf(const onnx::NodeProto &node, int depth) {
    FunctionKey key = keyOf(node.domain(), node.op_type());
    auto found = functions.find(key);
    if (found == functions.end())
      return 1;
    auto [known, isNew] = sizes.emplace(key, -1);
    if (!isNew && known->second == -1)
      throw LoadError(node,
                      "function '" + node.op_type() + "' of domain '" + node.domain() + "' calls itself");
    if (depth > 100)
      throw LoadError(node, "functions call each other more than 100 deep");
    if (isNew) {
      int64_t size = sizeOf(found->second->node(), depth + 1);
      sizes[key] = size;
      return size;
    }
    return known->second;
  }

  std::unordered_map<FunctionKey, const onnx::FunctionProto *> functions;
  std::unordered_map<FunctionKey, int64_t> sizes; ///< -1 while it is being counted
};

const onnx::OpSchema *schemaOf(const Node &node) {
  return onnx::OpSchemaRegistry::Instance()->GetSchema(node.op, Model::opset, node.domain);
}

bool buildBody(const Node &node, const std::vector<ValueInfo> &types, onnx::FunctionProto &body) {
  const onnx::OpSchema *schema = schemaOf(node);
  if (!schema)
    return false;
  if (const onnx::FunctionProto *function = schema->GetFunction(Model::opset)) {
    body = *function;
    return true;
  }
  if (!schema->HasContextDependentFunction())
    return false;
  std::vector<onnx::TypeProto> protos;
  for (const ValueInfo &type : types)
    protos.push_back(toProto(type));
  onnx::NodeProto proto = toProto(node);
  onnx::FunctionBodyBuildContextImpl context(proto, protos);
  return schema->BuildContextDependentFunction(context, body, Model::opset);
}

} // namespace

void qcc::import::inlineFunctions(onnx::ModelProto &model) {
  if (model.functions_size() == 0)
    return;
  FunctionSizes(model).sizeOf(model.graph().node(), 0);
  try {
    onnx::inliner::InlineLocalFunctions(model, /*convert_version=*/true);
  } catch (const std::exception &error) {
    throw LoadError(std::string("the model's functions cannot be inlined: ") + error.what());
  }
}

bool qcc::import::hasFunctionBody(const Node &node) {
  if (hasContribBody(node))
    return true;
  const onnx::OpSchema *schema = schemaOf(node);
  return schema && (schema->HasFunction() || schema->HasContextDependentFunction());
}

bool qcc::import::functionBody(const Node &node, const std::vector<ValueInfo> &types, FunctionBody &result,
                               std::string &error) {
  try {
    if (hasContribBody(node)) {
      result = contribBody(node, types);
      return true;
    }
    onnx::FunctionProto body;
    if (!buildBody(node, types, body))
      return false;
    result.inputs.assign(body.input().begin(), body.input().end());
    result.outputs.assign(body.output().begin(), body.output().end());
    for (const auto &inner : body.node())
      result.nodes.push_back(toNode(inner, {}));
    // Defaults of the function's own attributes, then of the operator's.
    for (const auto &attribute : body.attribute_proto())
      result.defaults.push_back(toNode(
                                    [&] {
                                      onnx::NodeProto n;
                                      *n.add_attribute() = attribute;
                                      return n;
                                    }(),
                                    {})
                                    .attributes.front());
    for (const auto &entry : schemaOf(node)->attributes())
      if (entry.second.default_value.type() != onnx::AttributeProto::UNDEFINED)
        result.defaults.push_back(toNode(
                                      [&] {
                                        onnx::NodeProto n;
                                        *n.add_attribute() = entry.second.default_value;
                                        return n;
                                      }(),
                                      {})
                                      .attributes.front());
    return true;
  } catch (const std::exception &failure) {
    error = failure.what();
  } catch (const LoadError &failure) {
    error = failure.diagnostics.front().message;
  }
  return false;
}
