//===- Program.cpp - What the outside sees of a compiled model ------------===//

#include "compiler/emit/Program.h"

#include "compiler/emit/Names.h"
#include "compiler/memory/Passes.h"
#include "compiler/support/Lengths.h"
#include "mlir/IR/AsmState.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "qcc/runtime.h"

using namespace mlir;
using namespace qcc;
using namespace qcc::emit;

namespace {
/// 0 where the C interface has no such type.
uint32_t abiType(Type element) {
  if (auto quantised = dyn_cast<quant::QuantizedType>(element)) {
    auto sign = quantised.isSigned() ? IntegerType::Signless : IntegerType::Unsigned;
    return abiType(IntegerType::get(element.getContext(), quantised.getStorageTypeIntegralWidth(), sign));
  }
  if (element.isF32())
    return QCC_TYPE_F32;
  if (element.isF64())
    return QCC_TYPE_F64;
  if (element.isF16())
    return QCC_TYPE_F16;
  if (element.isBF16())
    return QCC_TYPE_BF16;
  auto integer = dyn_cast<IntegerType>(element);
  if (!integer)
    return 0;
  bool isUnsigned = integer.isUnsigned();
  switch (integer.getWidth()) {
  case 1:
    return QCC_TYPE_BOOL;
  case 8:
    return isUnsigned ? QCC_TYPE_U8 : QCC_TYPE_I8;
  case 16:
    return isUnsigned ? QCC_TYPE_U16 : QCC_TYPE_I16;
  case 32:
    return isUnsigned ? QCC_TYPE_U32 : QCC_TYPE_I32;
  case 64:
    return isUnsigned ? QCC_TYPE_U64 : QCC_TYPE_I64;
  default:
    return 0;
  }
}

LogicalResult readPorts(func::FuncOp main, StringRef kind, std::vector<Port> &ports) {
  auto types = main->getAttrOfType<ArrayAttr>(("qcc." + kind + "_types").str());
  auto names = main->getAttrOfType<ArrayAttr>(("qcc." + kind + "_names").str());
  if (!types || !names || types.size() != names.size())
    return main.emitError("has no matching qcc.") << kind << "_types and qcc." << kind << "_names";
  std::vector<std::string> plain;
  for (auto name : names.getAsRange<StringAttr>())
    plain.push_back(name.getValue().str());
  std::vector<std::string> mangled = mangleAll(plain);
  for (size_t i = 0; i < plain.size(); ++i) {
    auto type = cast<RankedTensorType>(cast<TypeAttr>(types[i]).getValue());
    Port port{plain[i], mangled[i], type, abiType(type.getElementType()), 0};
    if (!port.abiType)
      return main.emitError() << kind << " '" << plain[i] << "' has elements of type "
                              << type.getElementType() << ", which the C interface lacks";
    unsigned bits = 8;
    if (auto quantised = dyn_cast<quant::UniformQuantizedType>(type.getElementType())) {
      port.scale = quantised.getScale();
      port.zeroPoint = quantised.getZeroPoint();
      bits = quantised.getStorageTypeIntegralWidth();
    } else {
      bits = std::max(8u, type.getElementTypeBitWidth());
    }
    port.bytes = type.getNumElements() * bits / 8;
    ports.push_back(port);
  }
  return success();
}

/// Takes the shapes from behind the ports.
std::vector<Port> takeShapes(std::vector<Port> &ports, ArrayRef<int64_t> owners) {
  std::vector<Port> shapes(ports.end() - owners.size(), ports.end());
  ports.resize(ports.size() - owners.size());
  return shapes;
}

/// The rows of qcc_tensor_info.min_shape.
void readBounds(func::FuncOp main, StringRef name, ArrayRef<Length> lengths, std::vector<Port> &ports) {
  auto all = main->getAttrOfType<ArrayAttr>(name);
  SmallVector<int64_t> least;
  for (const Length &length : lengths)
    least.push_back(length.least);
  bool isInput = name == inputExtentsAttr;
  for (size_t i = 0; all && i < ports.size() && i < all.size(); ++i) {
    Extents extents = extentsFromAttr(all[i], ports[i].type.getRank());
    if (!anyBounded(extents))
      continue;
    for (auto [axis, extent] : llvm::enumerate(extents)) {
      auto term = [&](size_t which) {
        return isInput && which < extent.terms.size() ? extent.terms[which].first : -1;
      };
      ports[i].least.push_back(extent.isFixed() ? ports[i].type.getDimSize(axis) : extent.at(least));
      ports[i].lengths.push_back(term(0));
      ports[i].more.push_back(term(1));
      ports[i].offsets.push_back(isInput && !extent.isFixed() ? extent.offset : 0);
      ports[i].steps.push_back(isInput && !extent.isFixed() ? lengths[term(0)].step : 1);
    }
  }
}
} // namespace

FailureOr<Program> Program::of(ModuleOp module) {
  Program program{module, module.lookupSymbol<func::FuncOp>("main"), {}, {}, {}, {}, {}, {}, {}, {}, 0};
  if (!program.main)
    return module.emitError("has no function named 'main'");
  if (failed(readPorts(program.main, "input", program.inputs)) ||
      failed(readPorts(program.main, "output", program.outputs)))
    return failure();
  program.shapeInputs = shapesAmong(program.main, shapeInputsAttr).vec();
  program.shapeOutputs = shapesAmong(program.main, shapeOutputsAttr).vec();
  program.inputShapes = takeShapes(program.inputs, program.shapeInputs);
  program.outputShapes = takeShapes(program.outputs, program.shapeOutputs);
  SmallVector<Length> lengths = lengthsOf(program.main);
  readBounds(program.main, inputExtentsAttr, lengths, program.inputs);
  readBounds(program.main, outputExtentsAttr, lengths, program.outputs);
  for (InvokeOp step : program.main.getOps<InvokeOp>())
    program.steps.push_back(step);
  if (auto blob = module.lookupSymbol<BlobOp>("weights"))
    if (auto data = dyn_cast<DenseResourceElementsAttr>(blob.getData()))
      program.blob = data.getData();
  int64_t planned = memory::plannedBytes(program.main);
  program.workspaceBytes = planned ? planned + QCC_WORK_ALIGN : 0;
  return program;
}
