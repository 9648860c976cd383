//===- ByRow.cpp - Nodes to operations by the table -----------------------===//

#include "compiler/import/Importer.h"
#include "dialects/Constants.h"
#include "llvm/Support/Format.h"

using namespace mlir;
using namespace qcc;
using namespace qcc::import;

namespace {

std::string kindName(Kind kind) {
  switch (kind) {
  case Kind::Int:
    return "an integer";
  case Kind::Float:
  case Kind::Double:
    return "a number";
  case Kind::String:
    return "a string";
  case Kind::Ints:
    return "a list of integers";
  case Kind::Floats:
    return "a list of numbers";
  case Kind::Strings:
    return "a list of strings";
  case Kind::Tensor:
    return "a tensor";
  }
  llvm_unreachable("all kinds are listed");
}

std::string describe(const import::Attribute &attribute) {
  std::string text;
  llvm::raw_string_ostream os(text);
  switch (attribute.kind) {
  case import::Attribute::Float:
    os << "the number " << llvm::format("%g", attribute.f);
    break;
  case import::Attribute::Int:
    os << "the integer " << attribute.i;
    break;
  case import::Attribute::String:
    os << "the string '" << attribute.s << "'";
    break;
  case import::Attribute::Ints:
    os << "the list [";
    llvm::interleaveComma(attribute.ints, os);
    os << "]";
    break;
  case import::Attribute::Floats:
    os << "a list of " << attribute.floats.size() << " numbers";
    break;
  default:
    os << "of another kind";
  }
  return text;
}

/// Resize counts an empty list as absent.
bool isAbsent(const OpRow &row, Value value) {
  return row.onnxName == "Resize" && tensorType(value).getNumElements() == 0;
}

} // namespace

FailureOr<mlir::Attribute> Importer::convertAttribute(const Node &node, const Attribute &attribute,
                                                      Kind kind) {
  using A = Attribute;
  if (kind == Kind::Int && attribute.kind == A::Int)
    return mlir::Attribute(builder.getI64IntegerAttr(attribute.i));
  if (kind == Kind::Float && attribute.kind == A::Float)
    return mlir::Attribute(builder.getF32FloatAttr(attribute.f));
  if (kind == Kind::Double && attribute.kind == A::Float)
    return mlir::Attribute(builder.getF64FloatAttr(attribute.f));
  if (kind == Kind::String && attribute.kind == A::String)
    return mlir::Attribute(builder.getStringAttr(attribute.s));
  if (kind == Kind::Ints && attribute.kind == A::Ints)
    return mlir::Attribute(builder.getDenseI64ArrayAttr(attribute.ints));
  if (kind == Kind::Floats && attribute.kind == A::Floats)
    return mlir::Attribute(builder.getDenseF32ArrayAttr(attribute.floats));
  if (kind == Kind::Strings && attribute.kind == A::Strings) {
    SmallVector<StringRef> strings(attribute.strings.begin(), attribute.strings.end());
    return mlir::Attribute(builder.getStrArrayAttr(strings));
  }
  if (kind == Kind::Tensor && attribute.kind == A::Tensor) {
    Value value = constant(attribute.tensor, locationOf(node));
    if (!value)
      return failure();
    return mlir::Attribute(value.getDefiningOp<ConstantOp>().getValue());
  }
  return error(node) << "attribute '" << attribute.name << "' is " << describe(attribute) << ", but "
                     << kindName(kind) << " is expected";
}

/// An input that has to be known now, as the attribute that it becomes.
FailureOr<mlir::Attribute> Importer::convertInput(const Node &node, const InputRow &row, Value value) {
  std::optional<reference::Tensor> tensor = constantOf(value);
  if (!tensor)
    return error(node)
           << "input '" << row.name
           << "' must be a constant, but is computed from the model's inputs (--set makes an input a "
              "constant, --shape fixes shapes)";
  if (row.kind == Kind::Tensor)
    return mlir::Attribute(value.getDefiningOp<ConstantOp>().getValue());
  bool isList = row.kind == Kind::Ints || row.kind == Kind::Floats;
  bool isInteger = row.kind == Kind::Ints || row.kind == Kind::Int;
  if (tensor->rank() > 1 || (!isList && tensor->size() != 1))
    return error(node) << "input '" << row.name << "' has " << tensor->size() << " elements in "
                       << tensor->rank() << " dimensions, but " << kindName(row.kind) << " is expected";
  if (isInteger && reference::isFloat(tensor->type)) // an integer is a number, too
    return error(node) << "input '" << row.name << "' has elements of type " << reference::name(tensor->type)
                       << ", but " << kindName(row.kind) << " is expected";
  SmallVector<int64_t> ints;
  SmallVector<float> floats;
  for (int64_t i = 0; i < tensor->size(); ++i)
    isInteger ? ints.push_back(tensor->getInt(i))
              : floats.push_back(static_cast<float>(tensor->getDouble(i)));
  switch (row.kind) {
  case Kind::Int:
    return mlir::Attribute(builder.getI64IntegerAttr(ints[0]));
  case Kind::Float:
    return mlir::Attribute(builder.getF32FloatAttr(floats[0]));
  case Kind::Double:
    return mlir::Attribute(builder.getF64FloatAttr(tensor->getDouble(0)));
  case Kind::Ints:
    return mlir::Attribute(builder.getDenseI64ArrayAttr(ints));
  default:
    return mlir::Attribute(builder.getDenseF32ArrayAttr(floats));
  }
}

FailureOr<Attributes> Importer::convertAttributes(const Node &node, const OpRow &row) {
  Attributes attributes;
  for (const Attribute &attribute : node.attributes) {
    if (llvm::is_contained(row.ignored, attribute.name))
      continue;
    std::optional<Kind> kind;
    for (const AttributeRow &known : row.attributes)
      if (known.name == attribute.name)
        kind = known.kind;
    // Bodies of functions may be of an older opset, where it was an attribute.
    for (const InputRow &known : row.inputs)
      if (known.form == InputRow::Attribute && known.name == attribute.name)
        kind = known.kind;
    if (!kind)
      return error(node) << "attribute '" << attribute.name << "', " << describe(attribute)
                         << ", is not supported";
    FailureOr<mlir::Attribute> converted = convertAttribute(node, attribute, *kind);
    if (failed(converted))
      return failure();
    attributes.emplace_back(builder.getStringAttr(attribute.name), *converted);
  }
  for (const AttributeRow &known : row.attributes)
    if (known.required && !node.find(known.name))
      return error(node) << "attribute '" << known.name << "' is missing";
  return attributes;
}

LogicalResult Importer::importByRow(const Node &node, const OpRow &row, ArrayRef<Value> inputs,
                                    Values &results) {
  FailureOr<Attributes> attributes = convertAttributes(node, row);
  if (failed(attributes))
    return failure();
  std::unordered_map<std::string, Values> operands;
  size_t next = 0;
  for (const InputRow &known : row.inputs) {
    if (known.form == InputRow::Variadic) {
      for (; next < inputs.size(); ++next)
        operands[known.name].push_back(inputs[next]);
      continue;
    }
    Value value = next < inputs.size() ? inputs[next] : Value();
    ++next;
    if (!value || (known.form == InputRow::Attribute && isAbsent(row, value))) {
      if (known.required && !node.find(known.name))
        return error(node) << "input '" << known.name << "' is missing";
      continue;
    }
    if (known.form != InputRow::Attribute) {
      operands[known.name].push_back(value);
      continue;
    }
    FailureOr<mlir::Attribute> converted = convertInput(node, known, value);
    if (failed(converted))
      return failure();
    attributes->emplace_back(builder.getStringAttr(known.name), *converted);
  }
  if (next < inputs.size())
    return error(node) << "has " << inputs.size() << " inputs, but at most " << next << " are supported";

  Values flat;
  SmallVector<int32_t> segments;
  for (const std::string &name : row.operands) {
    segments.push_back(operands[name].size());
    flat.append(operands[name]);
  }
  for (Value value : flat)
    if (!value)
      return error(node) << "an input in the middle of the list is missing";
  if (row.segments)
    attributes->emplace_back(builder.getStringAttr("operandSegmentSizes"),
                             builder.getDenseI32ArrayAttr(segments));
  unsigned count = row.results < 0 ? node.outputs.size() : row.results;
  FailureOr<Values> built = buildInferred(node, row.opName, flat, *attributes, count);
  if (succeeded(built))
    results = *built;
  return built;
}
