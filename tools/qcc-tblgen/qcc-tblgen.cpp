//===- qcc-tblgen.cpp - Tables made from dialects/QccOps.td ---------------===//
//
// Prints one row per operation that comes from ONNX, for compiler/import/Table.h.
//
//===----------------------------------------------------------------------===//

#include "llvm/ADT/StringSet.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/TableGen/Error.h"
#include "llvm/TableGen/Main.h"
#include "llvm/TableGen/Record.h"

using namespace llvm;

namespace {

struct Argument {
  StringRef name;
  const Record *type;
  bool isAttribute() const { return type->isSubClassOf("Attr"); }
};

/// The attribute's definition without Optional, Default and Confined around it.
const Record *baseAttribute(const Record *attribute) {
  while (const Record *base = attribute->getValueAsOptionalDef("baseAttr"))
    attribute = base;
  return attribute;
}

StringRef kindOf(const Record *op, const Argument &argument) {
  StringRef name = baseAttribute(argument.type)->getName();
  StringRef kind = StringSwitch<StringRef>(name)
                       .Case("I64Attr", "Int")
                       .Case("F32Attr", "Float")
                       .Case("F64Attr", "Double")
                       .Case("StrAttr", "String")
                       .Case("DenseI64ArrayAttr", "Ints")
                       .Case("DenseF32ArrayAttr", "Floats")
                       .Case("StrArrayAttr", "Strings")
                       .Case("ElementsAttr", "Tensor")
                       .Default("");
  if (kind.empty())
    PrintFatalError(op->getLoc(), "attribute '" + argument.name + "' has type " + name +
                                      ", which the importer cannot set: name it in `decisions`");
  return kind;
}

bool isRequired(const Argument &argument) {
  return !argument.type->getValueAsBit("isOptional") && !argument.type->isSubClassOf("DefaultValuedAttr");
}

std::vector<Argument> argumentsOf(const Record *op) {
  const DagInit *dag = op->getValueAsDag("arguments");
  std::vector<Argument> arguments;
  for (unsigned i = 0; i < dag->getNumArgs(); ++i)
    arguments.push_back({dag->getArgNameStr(i), cast<DefInit>(dag->getArg(i))->getDef()});
  return arguments;
}

StringRef arityOf(const Argument &argument) {
  if (argument.type->isSubClassOf("Variadic"))
    return "Variadic";
  return argument.type->isSubClassOf("Optional") ? "Optional" : "One";
}

void emitRow(raw_ostream &os, const Record *op) {
  const Record *source = op->getValueAsDef("onnx");
  std::vector<Argument> arguments = argumentsOf(op);
  StringSet<> decided;
  for (StringRef name : op->getValueAsListOfStrings("decisions"))
    decided.insert(name);
  std::vector<StringRef> inputs = source->getValueAsListOfStrings("inputs");
  if (inputs.empty())
    for (const Argument &argument : arguments)
      if (!argument.isAttribute() && !decided.contains(argument.name))
        inputs.push_back(argument.name);

  os << "{\"" << source->getValueAsString("name") << "\", \"" << source->getValueAsString("domain")
     << "\", \"qcc." << op->getValueAsString("opName") << "\",\n  /*inputs=*/{";
  StringSet<> asInput;
  for (StringRef input : inputs) {
    StringRef name = input.ltrim('@');
    auto found = find_if(arguments, [&](const Argument &a) { return a.name == name; });
    if (found == arguments.end() || found->isAttribute() != input.starts_with("@"))
      PrintFatalError(op->getLoc(), "input '" + input + "' is none of the operation's arguments");
    asInput.insert(name);
    if (found->isAttribute())
      os << "{\"" << name << "\", InputRow::Attribute, Kind::" << kindOf(op, *found) << ", "
         << (isRequired(*found) ? "true" : "false") << "}, ";
    else
      os << "{\"" << name << "\", InputRow::" << arityOf(*found) << ", Kind::Int, "
         << (arityOf(*found) == "One" ? "true" : "false") << "}, ";
  }
  os << "},\n  /*operands=*/{";
  for (const Argument &argument : arguments)
    if (!argument.isAttribute())
      os << "\"" << argument.name << "\", ";
  os << "},\n  /*attributes=*/{";
  for (const Argument &argument : arguments)
    if (argument.isAttribute() && !decided.contains(argument.name) && !asInput.contains(argument.name))
      os << "{\"" << argument.name << "\", Kind::" << kindOf(op, argument) << ", "
         << (isRequired(argument) ? "true" : "false") << "}, ";
  os << "},\n  /*ignored=*/{";
  for (StringRef name : source->getValueAsListOfStrings("ignored"))
    os << "\"" << name << "\", ";
  bool segments = any_of(op->getValueAsListOfDefs("traits"),
                         [](const Record *trait) { return trait->getName() == "AttrSizedOperandSegments"; });
  const DagInit *results = op->getValueAsDag("results");
  bool variadic =
      results->getNumArgs() == 1 && cast<DefInit>(results->getArg(0))->getDef()->isSubClassOf("Variadic");
  os << "},\n  /*segments=*/" << (segments ? "true" : "false") << ", /*results=*/"
     << (variadic ? -1 : static_cast<int>(results->getNumArgs())) << "},\n";
}

bool emitTable(raw_ostream &os, const RecordKeeper &records) {
  os << "// Made by qcc-tblgen from dialects/QccOps.td.\n";
  for (const Record *op : records.getAllDerivedDefinitions("Qcc_Op"))
    if (!op->getValueAsDef("onnx")->getValueAsString("name").empty())
      emitRow(os, op);
  return false;
}

} // namespace

int main(int argc, char **argv) {
  InitLLVM y(argc, argv);
  cl::ParseCommandLineOptions(argc, argv, "tables made from dialects/QccOps.td\n");
  return TableGenMain(argv[0],
                      [](raw_ostream &os, const RecordKeeper &records) { return emitTable(os, records); });
}
