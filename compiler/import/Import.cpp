//===- Import.cpp - Stage import: an ONNX file to the qcc dialect ---------===//

#include "compiler/import/Import.h"
#include "compiler/import/Importer.h"
#include "compiler/import/Inputs.h"
#include "compiler/import/Lengths.h"
#include "compiler/support/Lengths.h"
#include "dialects/Constants.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include <cmath>

using namespace mlir;
using namespace qcc;
using namespace qcc::import;

namespace {

bool isSupported(const std::string &domain, const std::string &op) {
  return findRow(domain, op) || findSpecial(domain, op);
}

/// The numbers of `--set=NAME=VALUE`: one for all elements, or a list of them.
FailureOr<reference::Tensor> parseValues(const ValueInfo &input, Type element, StringRef text,
                                         std::string &reason) {
  std::vector<int64_t> shape;
  for (const Dim &dim : input.dims)
    shape.push_back(dim.size);
  reference::Tensor tensor(dtypeOf(element), shape);
  SmallVector<StringRef> words;
  text.split(words, ',');
  if (words.size() != 1 && static_cast<int64_t>(words.size()) != tensor.size()) {
    reason = "has " + std::to_string(words.size()) + " values, but the input has " +
             std::to_string(tensor.size()) + " elements";
    return failure();
  }
  for (int64_t i = 0; i < tensor.size(); ++i) {
    StringRef word = words[words.size() == 1 ? 0 : i].trim();
    double real = 0;
    int64_t integer = 0;
    bool isTruth = word == "true" || word == "false";
    if (isTruth)
      integer = word == "true";
    bool isInteger = isTruth || !word.getAsInteger(10, integer);
    if (reference::isFloat(tensor.type) && !isTruth && !word.getAsDouble(real))
      tensor.setDouble(i, real);
    else if (!reference::isFloat(tensor.type) && isInteger)
      tensor.setInt(i, integer);
    else
      reason = "'" + word.str() + "' is no value of type " + reference::name(tensor.type);
    if (reason.empty() && isInteger && !reference::isFloat(tensor.type) && tensor.getInt(i) != integer)
      reason = "'" + word.str() + "' does not fit the type " + reference::name(tensor.type);
    if (!reason.empty())
      return failure();
  }
  return tensor;
}

class ModuleBuilder {
public:
  ModuleBuilder(MLIRContext &context, const Model &model, ImportFault &fault)
      : context(context), graph(model.graph), fault(fault), unknown(UnknownLoc::get(&context)),
        builder(&context), importer(builder, model.graph) {}

  OwningOpRef<ModuleOp> run(const Inputs &inputs) {
    OwningOpRef<ModuleOp> module = ModuleOp::create(unknown);
    importer.foldsNumbersOnly = inputs.foldsNumbersOnly;
    if (!createFunction(*module, inputs.arguments) || !defineConstants(inputs) ||
        !importer.importGraph(graph) || !createReturn())
      return {};
    removeUnused();
    if (failed(verify(*module))) {
      fault = ImportFault::Input;
      return {};
    }
    fault = ImportFault::None;
    return module;
  }

private:
  void report(const std::string &message, bool isUsage = false) {
    emitError(unknown) << message;
    fault = isUsage ? ImportFault::Usage : ImportFault::Input;
  }

  Type elementType(const ValueInfo &value, const char *what) {
    Type type = elementTypeOf(&context, value.type);
    if (!type)
      report(std::string(what) + " '" + value.name + "' has element type " + onnxTypeName(value.type) +
             ", which is not supported");
    return type;
  }

  bool createFunction(ModuleOp module, ArrayRef<ValueInfo> arguments) {
    SmallVector<Type> types;
    SmallVector<mlir::Attribute> names;
    for (const ValueInfo &argument : arguments) {
      Type element = elementType(argument, "input");
      if (!element)
        return false;
      SmallVector<int64_t> shape;
      for (const Dim &dim : argument.dims)
        shape.push_back(dim.size);
      types.push_back(RankedTensorType::get(shape, element));
      names.push_back(builder.getStringAttr(argument.name));
    }
    builder.setInsertionPointToEnd(module.getBody());
    function = func::FuncOp::create(builder, unknown, "main", builder.getFunctionType(types, {}));
    function->setAttr("qcc.input_names", builder.getArrayAttr(names));
    builder.setInsertionPointToEnd(function.addEntryBlock());
    for (auto [argument, value] : llvm::zip(arguments, function.getArguments())) {
      value.setLoc(NameLoc::get(builder.getStringAttr(argument.name)));
      importer.define(argument.name, value);
    }
    return true;
  }

  bool defineConstants(const Inputs &inputs) {
    for (const auto &[input, text] : inputs.constants) {
      Type element = elementType(input, "input");
      if (!element)
        return false;
      std::string reason;
      FailureOr<reference::Tensor> tensor = parseValues(input, element, text, reason);
      if (failed(tensor)) {
        report("--set=" + input.name + "=" + text + ": " + reason, /*isUsage=*/true);
        return false;
      }
      importer.define(input.name,
                      importer.constant(*tensor, NameLoc::get(builder.getStringAttr(input.name))));
    }
    return true;
  }

  bool createReturn() {
    SmallVector<mlir::Attribute> names;
    SmallVector<Value> values;
    for (const ValueInfo &output : graph.outputs) {
      Value value = importer.lookup(output.name);
      if (!value)
        return false;
      Type declared = elementTypeOf(&context, output.type);
      if (output.type != 0 && declared != tensorType(value).getElementType()) {
        report("output '" + output.name + "' is declared with element type " + onnxTypeName(output.type) +
               ", but its node computes " + onnxTypeName(onnxTypeOf(tensorType(value).getElementType())));
        return false;
      }
      names.push_back(builder.getStringAttr(output.name));
      values.push_back(value);
    }
    func::ReturnOp::create(builder, unknown, values);
    function->setAttr("qcc.output_names", builder.getArrayAttr(names));
    function.setFunctionType(
        builder.getFunctionType(function.getArgumentTypes(), ValueRange(values).getTypes()));
    return true;
  }

  /// Constants that became attributes, scasts that met their inverse.
  void removeUnused() {
    for (Operation &op : llvm::make_early_inc_range(llvm::reverse(function.getBody().front())))
      if (isOpTriviallyDead(&op))
        op.erase();
  }

  MLIRContext &context;
  const Graph &graph;
  ImportFault &fault;
  Location unknown;
  OpBuilder builder;
  Importer importer;
  func::FuncOp function;
};

/// What of the model, imported at its longest, depends on the lengths that callers choose.
LogicalResult findLengths(ModuleOp module, const Model &model, const Inputs &inputs, ImportFault &fault) {
  auto main = module.lookupSymbol<func::FuncOp>("main");
  SmallVector<qcc::Length> lengths;
  std::vector<std::string> names;
  SmallVector<int64_t> most;
  SmallVector<Extents> extents = extentsOf(main, inputExtentsAttr, main.getArgumentTypes());
  SmallVector<std::pair<int64_t, int64_t>> bounds;
  for (auto [i, length] : llvm::enumerate(inputs.lengths)) {
    const Place &place = *llvm::find_if(inputs.places, [&, i = i, step = length.step](const Place &at) {
      return at.extent == Extent(static_cast<int64_t>(i), step);
    });
    lengths.push_back({static_cast<int64_t>(place.argument), static_cast<int64_t>(place.axis), length.least,
                       length.most, length.step});
    names.push_back(length.step == 1 ? length.name : length.name + "/" + std::to_string(length.step));
    most.push_back(length.most);
    bounds.emplace_back(length.least, length.most);
  }
  for (const Place &place : inputs.places)
    extents[place.argument][place.axis] = place.extent;
  setLengths(main, lengths);
  setExtents(main, inputExtentsAttr, extents);

  std::vector<OwningOpRef<ModuleOp>> modules;
  SmallVector<Shorter> shorter;
  for (const SmallVector<int64_t> &values : shorterLengths(bounds)) {
    Inputs fewer = inputs;
    for (const Place &place : inputs.places)
      fewer.arguments[place.argument].dims[place.axis].size = place.extent.at(values);
    ScopedDiagnosticHandler explain(module.getContext(), [&](mlir::Diagnostic &diagnostic) {
      if (diagnostic.getSeverity() == DiagnosticSeverity::Error) {
        diagnostic << "; this is";
        for (auto [name, value] : llvm::zip(names, values))
          diagnostic << " with '" << name << "' = " << value;
      }
      return success(diagnostic.getSeverity() != DiagnosticSeverity::Error);
    });
    modules.push_back(ModuleBuilder(*module.getContext(), model, fault).run(fewer));
    if (!modules.back())
      return failure();
    shorter.push_back({values, modules.back()->lookupSymbol<func::FuncOp>("main")});
  }
  fault = ImportFault::Input;
  if (failed(compareLengths(main, shorter, names, most)))
    return failure();
  fault = ImportFault::None;
  return success();
}
} // namespace

OwningOpRef<ModuleOp> qcc::import::importModel(MLIRContext &context, const std::string &path,
                                               const ImportOptions &options, ImportFault &fault) {
  fault = ImportFault::Input;
  context.loadDialect<QccDialect, func::FuncDialect, quant::QuantDialect>();
  Model model;
  Diagnostics diagnostics;
  bool loaded = loadModel(path, isSupported, model, diagnostics);
  for (const Diagnostic &d : diagnostics) {
    Location loc = d.op.empty() ? Location(UnknownLoc::get(&context)) : nodeLocation(&context, d.node, d.op);
    emitError(loc) << d.message;
  }
  if (!loaded)
    return {};
  std::vector<InputError> errors;
  Inputs inputs = resolveInputs(model.graph, options, errors);
  for (const InputError &error : errors) {
    emitError(UnknownLoc::get(&context)) << error.message;
    fault = error.isUsage ? ImportFault::Usage : ImportFault::Input;
  }
  if (!errors.empty())
    return {};
  for (const std::string &remark : inputs.remarks)
    emitRemark(UnknownLoc::get(&context)) << remark;
  OwningOpRef<ModuleOp> module = ModuleBuilder(context, model, fault).run(inputs);
  if (!module || inputs.lengths.empty())
    return module;
  {
    ScopedDiagnosticHandler quiet(&context, [](mlir::Diagnostic &) { return success(); });
    if (succeeded(findLengths(*module, model, inputs, fault)))
      return module;
  }
  // Rows picked from a table by a length are other constants for each; as operations they follow it.
  inputs.foldsNumbersOnly = true;
  module = ModuleBuilder(context, model, fault).run(inputs);
  if (!module || failed(findLengths(*module, model, inputs, fault)))
    return {};
  return module;
}
