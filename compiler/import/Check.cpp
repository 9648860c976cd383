//===- Check.cpp - Is this a well-formed ONNX model? ----------------------===//
//
// ONNX's checker sees one node at a time (checkNodes): it wants sorted nodes and
// names no node when names are wrong, so that graphs are checked here.
//
//===----------------------------------------------------------------------===//

#include "compiler/import/Proto.h"

#include "onnx/checker.h"
#include "onnx/defs/schema.h"

#include <algorithm>
#include <queue>
#include <unordered_map>
#include <unordered_set>

using namespace qcc::import;

namespace {

using NameSet = std::unordered_set<std::string>;
using Nodes = google::protobuf::RepeatedPtrField<onnx::NodeProto>;

/// More than this is no model; it bounds the memory of what follows.
constexpr int64_t maxNodes = 1000000;

template <typename Visit> void forEachSubgraph(const onnx::NodeProto &node, Visit visit) {
  for (const auto &attribute : node.attribute()) {
    if (attribute.has_g())
      visit(attribute.g());
    for (const auto &graph : attribute.graphs())
      visit(graph);
  }
}

void addDefinedNames(const onnx::GraphProto &graph, NameSet &names) {
  for (const auto &input : graph.input())
    names.insert(input.name());
  for (const auto &tensor : graph.initializer())
    names.insert(tensor.name());
  for (const auto &node : graph.node())
    names.insert(node.output().begin(), node.output().end());
}

/// The names that a graph takes from the graphs around it.
void addCapturedNames(const onnx::GraphProto &graph, NameSet &captured) {
  NameSet own, used;
  addDefinedNames(graph, own);
  for (const auto &node : graph.node()) {
    used.insert(node.input().begin(), node.input().end());
    forEachSubgraph(node, [&](const onnx::GraphProto &inner) { addCapturedNames(inner, used); });
  }
  for (const auto &output : graph.output())
    used.insert(output.name());
  for (const std::string &name : used)
    if (!name.empty() && !own.count(name))
      captured.insert(name);
}

NameSet usedNames(const onnx::NodeProto &node) {
  NameSet used(node.input().begin(), node.input().end());
  forEachSubgraph(node, [&](const onnx::GraphProto &graph) { addCapturedNames(graph, used); });
  used.erase("");
  return used;
}

class GraphChecker {
public:
  GraphChecker(onnx::GraphProto &graph, const GraphChecker *outer) : graph(graph), outer(outer) {}

  void run() {
    if (graph.name().empty())
      graph.set_name("graph");
    nameNodes();
    declareInputs();
    declareOutputsOfNodes();
    sort();
    for (const auto &output : graph.output())
      if (!knows(output.name()))
        throw LoadError("output '" + output.name() + "' is computed by no node");
    for (auto &node : *graph.mutable_node())
      for (auto &attribute : *node.mutable_attribute()) {
        if (attribute.has_g())
          GraphChecker(*attribute.mutable_g(), this).run();
        for (auto &inner : *attribute.mutable_graphs())
          GraphChecker(inner, this).run();
      }
  }

private:
  bool knows(const std::string &name) const {
    return names.count(name) || producers.count(name) || (outer && outer->knows(name));
  }

  void nameNodes() {
    for (int i = 0; i < graph.node_size(); ++i) {
      onnx::NodeProto &node = *graph.mutable_node(i);
      if (node.name().empty())
        node.set_name("#" + std::to_string(i));
      if (node.domain() == "ai.onnx")
        node.set_domain("");
      if (node.op_type().empty())
        throw LoadError(node, "has no operator");
    }
  }

  void declareInputs() {
    for (const auto &input : graph.input()) {
      if (input.name().empty())
        throw LoadError("an input has no name");
      if (!names.insert(input.name()).second)
        throw LoadError("input '" + input.name() + "' is declared twice");
    }
    NameSet tensors;
    if (graph.sparse_initializer_size() != 0)
      throw LoadError("initializer '" + graph.sparse_initializer(0).values().name() +
                      "': sparse tensors are not supported");
    for (const auto &tensor : graph.initializer()) {
      if (tensor.name().empty())
        throw LoadError("an initializer has no name");
      if (!tensors.insert(tensor.name()).second)
        throw LoadError("initializer '" + tensor.name() + "' is defined twice");
      names.insert(tensor.name());
    }
  }

  void declareOutputsOfNodes() {
    for (int i = 0; i < graph.node_size(); ++i)
      for (const std::string &output : graph.node(i).output()) {
        if (output.empty())
          continue;
        if (names.count(output) || !producers.emplace(output, i).second)
          throw LoadError(graph.node(i), "output '" + output + "' is defined twice");
      }
  }

  /// Puts every node behind those it reads, else leaves the order alone.
  void sort() {
    int count = graph.node_size();
    std::vector<std::vector<int>> users(count);
    std::vector<int> missing(count, 0);
    for (int i = 0; i < count; ++i)
      for (const std::string &name : usedNames(graph.node(i))) {
        auto producer = producers.find(name);
        if (producer != producers.end()) {
          users[producer->second].push_back(i);
          ++missing[i];
        } else if (!knows(name)) {
          throw LoadError(graph.node(i), "input '" + name + "' is defined nowhere");
        }
      }
    std::priority_queue<int, std::vector<int>, std::greater<int>> ready;
    for (int i = 0; i < count; ++i)
      if (missing[i] == 0)
        ready.push(i);
    Nodes sorted;
    sorted.Reserve(count);
    for (; !ready.empty();) {
      int i = ready.top();
      ready.pop();
      sorted.Add()->Swap(graph.mutable_node(i));
      for (int user : users[i])
        if (--missing[user] == 0)
          ready.push(user);
    }
    if (sorted.size() != count)
      failOnCycle(missing);
    graph.mutable_node()->Swap(&sorted);
  }

  /// Walks backwards from any node that waits: it ends in a cycle.
  [[noreturn]] void failOnCycle(const std::vector<int> &missing) {
    int node = static_cast<int>(std::find_if(missing.begin(), missing.end(), [](int n) { return n > 0; }) -
                                missing.begin());
    std::vector<bool> seen(missing.size(), false);
    while (!seen[node]) {
      seen[node] = true;
      for (const std::string &name : usedNames(graph.node(node))) {
        auto producer = producers.find(name);
        if (producer != producers.end() && missing[producer->second] > 0) {
          node = producer->second;
          break;
        }
      }
    }
    throw LoadError(graph.node(node), "depends on its own output: the graph has a cycle");
  }

  onnx::GraphProto &graph;
  const GraphChecker *outer;
  NameSet names; ///< inputs and initializers
  std::unordered_map<std::string, int> producers;
};

void checkDeclaredType(const onnx::ValueInfoProto &value, const std::string &what) {
  if (value.name().empty())
    throw LoadError("an " + what + " has no name");
  static const char *const kinds[] = {"nothing",         "a tensor",   "", "",
                                      "a sequence",      "a map",      "", "an opaque value",
                                      "a sparse tensor", "an optional"};
  int kind = value.type().value_case();
  if (kind != onnx::TypeProto::kTensorType)
    throw LoadError(what + " '" + value.name() + "' is " + (kind < 10 ? kinds[kind] : "of an unknown kind") +
                    "; only tensors are supported");
}

int64_t countNodes(onnx::ModelProto &model) {
  int64_t count = 0;
  forEachGraph(*model.mutable_graph(), [&](onnx::GraphProto &graph) { count += graph.node_size(); });
  for (const auto &function : model.functions())
    count += function.node_size();
  return count;
}

/// The checker's messages go on with context that the diagnostic has already.
std::string firstLine(const std::string &text) { return text.substr(0, text.find('\n')); }

} // namespace

std::string qcc::import::domainOf(const onnx::NodeProto &node) {
  return node.domain() == "ai.onnx" ? "" : node.domain();
}

void qcc::import::forEachGraph(onnx::GraphProto &graph,
                               const std::function<void(onnx::GraphProto &)> &visit) {
  visit(graph);
  for (auto &node : *graph.mutable_node())
    for (auto &attribute : *node.mutable_attribute()) {
      if (attribute.has_g())
        forEachGraph(*attribute.mutable_g(), visit);
      for (auto &inner : *attribute.mutable_graphs())
        forEachGraph(inner, visit);
    }
}

int64_t qcc::import::defaultOpset(const onnx::ModelProto &model) {
  for (const auto &import : model.opset_import())
    if (import.domain().empty() || import.domain() == "ai.onnx")
      return import.version();
  return 0;
}

void qcc::import::checkVersions(const onnx::ModelProto &model) {
  if (!model.has_graph())
    throw LoadError("holds no graph: this is no ONNX model");
  if (!model.has_ir_version() || model.ir_version() < 3 || model.ir_version() > onnx::Version::IR_VERSION)
    throw LoadError("has IR version " + std::to_string(model.ir_version()) + "; versions 3 to " +
                    std::to_string(onnx::Version::IR_VERSION) + " are supported");
  NameSet domains;
  for (const auto &import : model.opset_import()) {
    std::string domain = import.domain() == "ai.onnx" ? "" : import.domain();
    if (!domains.insert(domain).second)
      throw LoadError("imports two opsets of domain '" + import.domain() + "'");
  }
  int64_t opset = defaultOpset(model);
  if (!domains.count(""))
    throw LoadError("imports no opset of ONNX's own domain");
  if (opset < 1 || opset > Model::opset)
    throw LoadError("has opset " + std::to_string(opset) + "; opsets 1 to " + std::to_string(Model::opset) +
                    " are supported");
}

void qcc::import::checkStructure(onnx::ModelProto &model) {
  for (auto &import : *model.mutable_opset_import())
    if (import.domain() == "ai.onnx")
      import.set_domain("");
  if (int64_t count = countNodes(model); count > maxNodes)
    throw LoadError("has " + std::to_string(count) + " nodes; at most " + std::to_string(maxNodes) +
                    " are supported");
  onnx::GraphProto &graph = *model.mutable_graph();
  for (const auto &input : graph.input())
    checkDeclaredType(input, "input");
  for (const auto &output : graph.output())
    checkDeclaredType(output, "output");
  if (graph.output_size() == 0)
    throw LoadError("has no outputs: there is nothing to compute");
  GraphChecker(graph, nullptr).run();
}

void qcc::import::dropDeadNodes(onnx::GraphProto &graph) {
  NameSet live;
  for (const auto &output : graph.output())
    live.insert(output.name());
  Nodes kept;
  for (int i = graph.node_size() - 1; i >= 0; --i) {
    onnx::NodeProto &node = *graph.mutable_node(i);
    bool needed = std::any_of(node.output().begin(), node.output().end(),
                              [&](const std::string &name) { return !name.empty() && live.count(name); });
    if (!needed)
      continue;
    for (const std::string &name : usedNames(node))
      live.insert(name);
    kept.Add()->Swap(&node);
  }
  std::reverse(kept.pointer_begin(), kept.pointer_end());
  graph.mutable_node()->Swap(&kept);
}

/// ONNX says of these that they are 0 or 1, which its checker does not look at.
static void checkFlags(const onnx::NodeProto &node, Diagnostics &errors) {
  static const NameSet flags{"align_corners",
                             "allowzero",
                             "antialias",
                             "ceil_mode",
                             "count_include_pad",
                             "exclude_outside",
                             "exclusive",
                             "fmod",
                             "keepdims",
                             "largest",
                             "linear_before_reset",
                             "noop_with_empty_axes",
                             "reverse",
                             "select_last_index",
                             "sorted",
                             "transA",
                             "transB",
                             "upper"};
  for (const auto &attribute : node.attribute())
    if (node.domain().empty() && flags.count(attribute.name()) && attribute.i() != 0 && attribute.i() != 1)
      errors.push_back({node.name(), node.op_type(),
                        attribute.name() + " is " + std::to_string(attribute.i()) + " but must be 0 or 1"});
  forEachSubgraph(node, [&](const onnx::GraphProto &graph) {
    for (const auto &inner : graph.node())
      checkFlags(inner, errors);
  });
}

void qcc::import::checkNodes(const onnx::ModelProto &model) {
  onnx::checker::CheckerContext context;
  context.set_ir_version(static_cast<int>(model.ir_version()));
  std::unordered_map<std::string, int> imports;
  for (const auto &import : model.opset_import())
    imports[import.domain()] = static_cast<int>(import.version());
  context.set_opset_imports(imports);

  onnx::checker::LexicalScopeContext scope;
  for (const auto &input : model.graph().input())
    scope.add(input.name());
  for (const auto &tensor : model.graph().initializer())
    scope.add(tensor.name());
  Diagnostics errors;
  for (const auto &node : model.graph().node()) {
    try {
      onnx::checker::check_node(node, context, scope);
    } catch (const std::exception &error) {
      errors.push_back({node.name(), node.op_type(), firstLine(error.what())});
    }
    checkFlags(node, errors);
    for (const std::string &output : node.output())
      scope.add(output);
  }
  if (!errors.empty())
    throw LoadError(std::move(errors));
}
