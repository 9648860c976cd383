//===- Qdq.cpp - The quantised graph as an ONNX file ----------------------===//

#include "compiler/qdq/Qdq.h"
#include "compiler/import/Importer.h"
#include "compiler/qdq/Serialize.h"
#include "compiler/qdq/Writer.h"
#include "compiler/support/Rewrite.h"
#include "compiler/support/Weighted.h"
#include "dialects/Constants.h"
#include "llvm/Support/JSON.h"

using namespace mlir;
using namespace qcc;
using qdq::Writer;

std::string qdq::plainName(Location loc) {
  auto name = loc->findInstanceOf<NameLoc>();
  return name ? name.getName().str() : "";
}

int32_t qdq::onnxElementType(Value value) {
  Type element = tensorType(value).getElementType();
  return import::onnxTypeOf(elementTypeOf(value.getContext(), dtypeOf(element)));
}

Value qdq::sameBytes(Value value) {
  while (auto scast = value.getDefiningOp<ScastOp>())
    value = scast.getInput();
  return value;
}

std::string Writer::unique(llvm::StringSet<> &taken, const Twine &name) {
  std::string base = name.str(), result = base.empty() ? "_" : base;
  for (int i = 2; !taken.insert(result).second; ++i)
    result = base + "_" + std::to_string(i);
  return result;
}

std::string Writer::define(Value result, const Twine &name) {
  std::string &known = names[result];
  if (known.empty())
    known = unique(tensorNames, name);
  return known;
}

std::string Writer::nameOf(Value value) {
  value = sameBytes(value);
  auto known = names.find(value);
  if (known != names.end())
    return known->second;
  std::optional<reference::Tensor> tensor = constantOf(value); // all others are defined
  return names[value] = addInitializer(*tensor, plainName(value.getLoc()));
}

import::Node &Writer::addNode(const std::string &name, StringRef kind, std::vector<std::string> inputs,
                              std::string output) {
  import::Node node;
  node.name = unique(nodeNames, name);
  node.op = kind.str();
  node.inputs = std::move(inputs);
  node.outputs = {std::move(output)};
  graph.nodes.push_back(std::move(node));
  return graph.nodes.back();
}

/// Inputs and outputs keep their names, whatever is computed in between.
void Writer::declarePorts() {
  auto describe = [](StringRef name, Value value) {
    import::ValueInfo info{name.str(), onnxElementType(value), true, {}};
    for (int64_t size : tensorType(value).getShape())
      info.dims.push_back({size, ""});
    return info;
  };
  auto inputs = function->getAttrOfType<ArrayAttr>("qcc.input_names").getAsRange<StringAttr>();
  for (auto [name, value] : llvm::zip(inputs, function.getArguments())) {
    names[value] = name.str();
    tensorNames.insert(name.getValue());
    graph.inputs.push_back(describe(name.getValue(), value));
  }
  Operation *end = function.front().getTerminator();
  auto outputs = function->getAttrOfType<ArrayAttr>("qcc.output_names").getAsRange<StringAttr>();
  for (auto [name, value] : llvm::zip(outputs, end->getOperands())) {
    tensorNames.insert(name.getValue());
    graph.outputs.push_back(describe(name.getValue(), value));
    Value source = sameBytes(value);
    if (source.getDefiningOp() && !isConstant(source) && !names.count(source))
      names[source] = name.str();
  }
}

/// Outputs that are inputs, constants, or other outputs as well.
void Writer::writeReturn(func::ReturnOp op) {
  for (auto [output, value] : llvm::zip(graph.outputs, op.getOperands()))
    if (std::string name = nameOf(value); name != output.name)
      addNode(output.name, "Identity", {name}, output.name);
}

LogicalResult Writer::run() {
  declarePorts();
  bool fine = true;
  for (Operation &op : function.front()) {
    if (auto end = dyn_cast<func::ReturnOp>(op))
      writeReturn(end);
    else if (!isa<ConstantOp, ScastOp>(op))
      fine &= succeeded(writeOp(&op));
  }
  return success(fine);
}

/// Nodes with integer weights and arithmetic in float, or on values that are measured at run time.
static std::vector<std::string> weightOnlyNodes(func::FuncOp function) {
  std::vector<std::string> nodes;
  function.walk([&](Operation *op) {
    if (isMeasured(op))
      return nodes.push_back(qdq::plainName(op->getLoc()));
    std::optional<Weighted> weighted = describeWeighted(op);
    auto weights = weighted ? weighted->weights->get().getDefiningOp<DequantizeOp>() : DequantizeOp();
    if (weights && isConstant(weights.getInput()) && !weighted->input->get().getDefiningOp<DequantizeOp>())
      nodes.push_back(qdq::plainName(op->getLoc()));
  });
  return nodes;
}

FailureOr<std::string> qdq::toOnnx(ModuleOp module, const OnnxOptions &options) {
  auto main = module.lookupSymbol<func::FuncOp>("main");
  Writer writer(main);
  if (failed(writer.run()))
    return failure();
  std::string bytes, error;
  FileInfo info{opset, options.producerVersion, options.graphName, options.metadata};
  llvm::json::Array weightOnly;
  for (const std::string &name : weightOnlyNodes(main))
    weightOnly.push_back(llvm::json::fixUTF8(name));
  info.metadata.emplace_back("qcc.weight_only",
                             llvm::formatv("{0}", llvm::json::Value(std::move(weightOnly))).str());
  if (!serialize(writer.graph, info, bytes, error))
    return main.emitError("cannot be written as ONNX of opset ") << opset << ": " << error;
  return bytes;
}
