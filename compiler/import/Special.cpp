//===- Special.cpp - Nodes that need more than their row ------------------===//

#include "compiler/import/Importer.h"

using namespace mlir;
using namespace qcc;
using namespace qcc::import;

namespace {

LogicalResult defineConstant(Importer &importer, const Node &node, reference::DType type,
                             std::vector<int64_t> shape, llvm::function_ref<void(reference::Tensor &)> fill) {
  reference::Tensor tensor(type, std::move(shape));
  fill(tensor);
  return importer.defineOutputs(node, importer.constant(tensor, importer.locationOf(node)));
}

LogicalResult importConstant(Importer &importer, const Node &node) {
  using reference::DType;
  using reference::Tensor;
  if (node.attributes.size() != 1)
    return importer.error(node) << "has " << node.attributes.size() << " attributes; one value is expected";
  const import::Attribute &value = node.attributes.front();
  if (value.name == "value" && value.kind == import::Attribute::Tensor) {
    Value constant = importer.constant(value.tensor, importer.locationOf(node));
    return constant ? importer.defineOutputs(node, constant) : failure();
  }
  if (value.name == "value_float")
    return defineConstant(importer, node, DType::F32, {}, [&](Tensor &t) { t.setDouble(0, value.f); });
  if (value.name == "value_int")
    return defineConstant(importer, node, DType::I64, {}, [&](Tensor &t) { t.setInt(0, value.i); });
  if (value.name == "value_floats")
    return defineConstant(importer, node, DType::F32, {static_cast<int64_t>(value.floats.size())},
                          [&](Tensor &t) {
                            for (auto [i, f] : llvm::enumerate(value.floats))
                              t.setDouble(i, f);
                          });
  if (value.name == "value_ints")
    return defineConstant(importer, node, DType::I64, {static_cast<int64_t>(value.ints.size())},
                          [&](Tensor &t) {
                            for (auto [i, n] : llvm::enumerate(value.ints))
                              t.setInt(i, n);
                          });
  return importer.error(node) << "attribute '" << value.name
                              << "' is not supported; numbers and dense tensors are";
}

LogicalResult importIdentity(Importer &importer, const Node &node) {
  Value value = importer.input(node, 0);
  if (!value)
    return importer.error(node) << "input is missing";
  return importer.defineOutputs(node, value);
}

/// In inference Dropout passes its input on; its mask is unused or an error.
LogicalResult importDropout(Importer &importer, const Node &node) {
  if (Value training = importer.input(node, 2)) {
    auto known = importer.constantOf(training);
    if (!known || known->size() != 1 || known->getInt(0) != 0)
      return importer.error(node) << "training_mode must be the constant false";
  }
  return importIdentity(importer, node);
}

LogicalResult importSum(Importer &importer, const Node &node) {
  Value sum = importer.input(node, 0);
  for (size_t i = 1; sum && i < node.inputs.size(); ++i) {
    FailureOr<Values> next = importer.buildInferred(node, "qcc.add", {sum, importer.input(node, i)}, {}, 1);
    if (failed(next))
      return failure();
    sum = next->front();
  }
  return sum ? importer.defineOutputs(node, sum) : failure();
}

LogicalResult importGelu(Importer &importer, const Node &node) {
  const import::Attribute *given = node.find("approximate");
  std::string form = given ? given->s : "none";
  if (form != "none" && form != "tanh")
    return importer.error(node) << "approximate is '" << form << "' but must be none or tanh";
  FailureOr<Values> result = importer.buildInferred(node, form == "tanh" ? "qcc.gelu_tanh" : "qcc.gelu",
                                                    importer.input(node, 0), {}, 1);
  return failed(result) ? failure() : importer.defineOutputs(node, *result);
}

SpecialTable makeTable() {
  SpecialTable table = {
      {":Constant", importConstant}, {":Identity", importIdentity}, {":Dropout", importDropout},
      {":Sum", importSum},           {":Gelu", importGelu},
  };
  addControlImports(table);
  addQuantImports(table);
  addIndexImports(table);
  addMathImports(table);
  addEinsumImport(table);
  return table;
}

} // namespace

SpecialImport qcc::import::findSpecial(const std::string &domain, const std::string &op) {
  static const SpecialTable table = makeTable();
  auto found = table.find(domain + ":" + op);
  return found == table.end() ? nullptr : found->second;
}
