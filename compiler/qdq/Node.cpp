//===- Node.cpp - Operations to nodes, by the table that imports them -----===//

#include "compiler/import/Importer.h"
#include "compiler/qdq/Qdq.h"
#include "compiler/qdq/Writer.h"
#include "compiler/support/Rewrite.h"
#include "dialects/Constants.h"
#include "dialects/reference/Pointwise.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace qcc;
using namespace qcc::import;
using qdq::Writer;

namespace {

/// Attributes that opset 21 does not have yet; left out where they say what it means anyway.
struct Newer {
  StringRef op, attribute;
  StringRef text;     ///< its default, or
  int64_t number = 0; ///< that
};
const Newer newer[] = {{"Cast", "round_mode", "up"},
                       {"QuantizeLinear", "precision", ""},
                       {"DequantizeLinear", "output_dtype", ""}};

bool isLeftOut(const OpRow &row, StringRef name, mlir::Attribute value) {
  if (row.onnxName == "Split" && name == "num_outputs")
    return true; // the sizes are given
  for (const Newer &entry : newer) {
    if (entry.op != row.onnxName || entry.attribute != name)
      continue;
    if (auto text = dyn_cast<StringAttr>(value))
      return text.getValue() == entry.text;
    return cast<IntegerAttr>(value).getInt() == entry.number;
  }
  return false;
}

/// ONNX's Resize has scales or sizes, ours both: scales that are the rounded
/// ratio of the sizes go, else the sizes.
bool isLeftOut(ResizeOp op, StringRef parameter) {
  if (parameter != "scales" && parameter != "sizes")
    return false;
  ArrayRef<int64_t> shape = qcc::tensorType(op.getInput()).getShape();
  SmallVector<int64_t> every = llvm::to_vector(llvm::seq<int64_t>(0, static_cast<int64_t>(shape.size())));
  bool areRatios = true;
  for (auto [axis, scale, size] : llvm::zip(op.getAxes().value_or(every), *op.getScales(), *op.getSizes()))
    areRatios &= static_cast<float>(static_cast<double>(size) / static_cast<double>(shape[axis])) == scale;
  return areRatios == (parameter == "scales");
}

/// The operands by the names that the table gives them.
std::map<std::string, OperandRange> operandsByName(Operation *op, const OpRow &row) {
  std::map<std::string, OperandRange> groups;
  auto segments = dyn_cast_or_null<DenseI32ArrayAttr>(op->getAttrDictionary().get("operandSegmentSizes"));
  unsigned next = 0, spare = op->getNumOperands() + 1 - static_cast<unsigned>(row.operands.size());
  for (auto [i, name] : llvm::enumerate(row.operands)) {
    unsigned size = 1;
    if (segments)
      size = static_cast<unsigned>(segments[i]);
    else
      for (const InputRow &input : row.inputs)
        if (input.name == name && input.form != InputRow::One)
          size = spare; // at most one group is not of one
    groups.emplace(name, op->getOperands().slice(next, size));
    next += size;
  }
  return groups;
}

import::Attribute toOnnxAttribute(StringRef name, Kind kind, mlir::Attribute value) {
  import::Attribute result;
  result.name = name.str();
  switch (kind) {
  case Kind::Int:
    result.kind = import::Attribute::Int;
    result.i = cast<IntegerAttr>(value).getInt();
    break;
  case Kind::Float:
  case Kind::Double:
    result.kind = import::Attribute::Float;
    result.f = static_cast<float>(cast<FloatAttr>(value).getValueAsDouble());
    break;
  case Kind::String:
    result.kind = import::Attribute::String;
    result.s = cast<StringAttr>(value).str();
    break;
  case Kind::Ints:
    result.kind = import::Attribute::Ints;
    result.ints = cast<DenseI64ArrayAttr>(value).asArrayRef().vec();
    break;
  case Kind::Floats:
    result.kind = import::Attribute::Floats;
    result.floats = cast<DenseF32ArrayAttr>(value).asArrayRef().vec();
    break;
  case Kind::Strings:
    result.kind = import::Attribute::Strings;
    for (StringRef text : cast<ArrayAttr>(value).getAsValueRange<StringAttr>())
      result.strings.push_back(text.str());
    break;
  case Kind::Tensor: // folded long before: nothing that is left has one
    break;
  }
  return result;
}

} // namespace

/// A constant input that became an attribute, as an initializer again.
std::string Writer::writeParameter(Operation *op, const InputRow &row) {
  mlir::Attribute value = op->getAttrDictionary().get(row.name);
  if (auto resize = dyn_cast<ResizeOp>(op); !value || (resize && isLeftOut(resize, row.name)))
    return "";
  using reference::DType;
  reference::Tensor tensor;
  if (auto ints = dyn_cast<DenseI64ArrayAttr>(value)) {
    tensor = reference::Tensor(DType::I64, {ints.size()});
    llvm::copy(ints.asArrayRef(), tensor.data<int64_t>());
  } else if (auto floats = dyn_cast<DenseF32ArrayAttr>(value)) {
    tensor = reference::Tensor(DType::F32, {floats.size()});
    llvm::copy(floats.asArrayRef(), tensor.data<float>());
  } else if (auto number = dyn_cast<FloatAttr>(value)) {
    tensor = reference::Tensor(dtypeOf(tensorType(op->getOperand(0)).getElementType()), {});
    tensor.setDouble(0, number.getValueAsDouble());
  } else if (auto integer = dyn_cast<IntegerAttr>(value)) {
    tensor = reference::Tensor(DType::I64, {});
    tensor.setInt(0, integer.getInt());
  } else {
    tensor = toTensor(cast<ElementsAttr>(value));
  }
  return addInitializer(tensor, plainName(op->getLoc()) + "_" + row.name);
}

void Writer::writeAttributes(Operation *op, const OpRow &row, Node &node) {
  DictionaryAttr values = op->getAttrDictionary();
  for (const AttributeRow &known : row.attributes)
    if (mlir::Attribute value = values.get(known.name); value && !isLeftOut(row, known.name, value))
      node.attributes.push_back(toOnnxAttribute(known.name, known.kind, value));
}

LogicalResult Writer::writeByRow(Operation *op, const OpRow &row) {
  std::map<std::string, OperandRange> groups = operandsByName(op, row);
  std::vector<std::string> inputs;
  for (const InputRow &known : row.inputs) {
    auto group = groups.find(known.name);
    if (known.form == InputRow::Attribute)
      inputs.push_back(writeParameter(op, known));
    else if (group->second.empty() && known.form != InputRow::Variadic)
      inputs.push_back("");
    if (group == groups.end())
      continue;
    for (Value operand : group->second) {
      FailureOr<std::string> input = realNameOf(op, operand);
      if (failed(input))
        return failure();
      inputs.push_back(*input);
    }
    groups.erase(group);
  }
  while (!inputs.empty() && inputs.back().empty())
    inputs.pop_back();
  // What is left is no input of the operator. A product's bias is added behind it.
  auto bias = groups.find("bias");
  bool hasBias = bias != groups.end() && !bias->second.empty();
  groups.erase("image_scale"); // of an input that is written as it was before it was measured
  for (auto &[name, operands] : groups)
    if (name != "bias" && !operands.empty())
      return op->emitError("has a fused operand '") << name << "', which ONNX's " << row.onnxName << " lacks";

  std::string name = plainName(op->getLoc());
  std::vector<std::string> outputs;
  for (Value result : op->getResults())
    outputs.push_back(hasBias ? unique(tensorNames, name + "_product") : define(result, name));
  Node &node = addNode(name, row.onnxName, std::move(inputs), "");
  node.domain = row.domain;
  node.outputs = outputs;
  writeAttributes(op, row, node);
  if (auto functions = op->getAttrOfType<ArrayAttr>("functions"))
    writeActivations(functions, node);
  if (hasBias)
    addNode(name, "Add", {outputs[0], nameOf(bias->second[0])}, define(op->getResult(0), name));
  return success();
}

/// x * sigmoid(x), which has no operator of its own before opset 24.
void Writer::writeSilu(SiluOp op) {
  std::string name = plainName(op.getLoc()), input = nameOf(op.getInput());
  std::string factor = unique(tensorNames, name + "_sigmoid");
  addNode(name, "Sigmoid", {input}, factor);
  addNode(name, "Mul", {input, factor}, define(op.getResult(), name));
}

/// In opset 20, with an attribute that says which.
void Writer::writeGelu(Operation *op) {
  std::string name = plainName(op->getLoc());
  Node &node = addNode(name, "Gelu", {nameOf(op->getOperand(0))}, define(op->getResult(0), name));
  import::Attribute form;
  form.name = "approximate";
  form.kind = import::Attribute::String;
  form.s = isa<GeluTanhOp>(op) ? "tanh" : "none";
  node.attributes.push_back(form);
}

/// What is measured at run time has no operator with a scale for each row: the weights alone are quantised.
LogicalResult Writer::writeDynamicMatMul(DynamicMatMulOp op) {
  std::string name = plainName(op.getLoc());
  FailureOr<std::string> weights = realNameOf(op, op.getB());
  if (failed(weights))
    return failure();
  std::string input = nameOf(op.getA().getDefiningOp<DynamicQuantizeOp>().getInput());
  std::string product = op.getBias() ? unique(tensorNames, name + "_product") : define(op.getResult(), name);
  addNode(name, "MatMul", {input, *weights}, product);
  if (op.getBias())
    addNode(name, "Add", {product, nameOf(op.getBias())}, define(op.getResult(), name));
  return success();
}

/// The steps that `normalize` has made of the lists of activations, as these lists.
void Writer::writeActivations(ArrayAttr functions, Node &node) {
  import::Attribute names, lists[2];
  names.name = "activations";
  names.kind = import::Attribute::Strings;
  lists[0].name = "activation_alpha";
  lists[1].name = "activation_beta";
  for (auto step : functions.getAsRange<DictionaryAttr>()) {
    auto op = step.getAs<StringAttr>("op");
    names.strings.push_back(llvm::convertToCamelFromSnakeCase(op.getValue(), /*capitalizeFirst=*/true));
    const reference::PointwiseFunction *function = reference::findPointwise(op.str());
    for (int i = 0; i < 2; ++i)
      if (function->parameters[i])
        lists[i].floats.push_back(step.getAs<FloatAttr>(function->parameters[i]).getValue().convertToFloat());
  }
  node.attributes.push_back(names);
  for (import::Attribute &list : lists) {
    list.kind = import::Attribute::Floats;
    if (!list.floats.empty())
      node.attributes.push_back(list);
  }
}

LogicalResult Writer::writeOp(Operation *op) {
  if (auto quantize = dyn_cast<QuantizeOp>(op))
    return writeScaling(op, "QuantizeLinear", quantize.getResult());
  if (auto dequantize = dyn_cast<DequantizeOp>(op))
    return writeScaling(op, "DequantizeLinear", dequantize.getInput());
  if (auto silu = dyn_cast<SiluOp>(op)) {
    writeSilu(silu);
    return success();
  }
  if (isa<GeluOp, GeluTanhOp>(op)) {
    writeGelu(op);
    return success();
  }
  if (auto measured = dyn_cast<DynamicQuantizeOp>(op)) { // its users read what it reads
    names[measured.getResult()] = nameOf(measured.getInput());
    return success();
  }
  if (auto product = dyn_cast<DynamicMatMulOp>(op))
    return writeDynamicMatMul(product);
  if (const OpRow *row = findRowOf(op->getName().getStringRef().str()))
    return writeByRow(op, *row);
  return op->emitError("'") << op->getName().stripDialect() << "' has no operator in ONNX's opset " << opset;
}
