//===- qcc-eval.cpp - MLIR text through the reference evaluator -----------===//
//
//   qcc-eval MODEL.mlir OUT_PREFIX [INPUT.npy]...
//
// Runs @main on the inputs, in order, and writes OUT_PREFIX0.npy, OUT_PREFIX1.npy
// and so on. Types that NumPy lacks travel as their bits: bfloat16 as uint16,
// 8-bit and 4-bit floats as uint8, 4-bit integers as one value a byte.
//
//===----------------------------------------------------------------------===//

#include "compiler/support/Npy.h"
#include "dialects/Constants.h"
#include "dialects/Evaluate.h"
#include "mlir/Parser/Parser.h"

#include <cstdio>

using namespace mlir;
using namespace qcc;
using reference::DType;
using reference::Tensor;
using support::NpyArray;
using support::NpyType;

static NpyType npyTypeOf(DType type) {
  switch (type) {
  case DType::Bool:
    return NpyType::Bool;
  case DType::I4:
  case DType::I8:
    return NpyType::I8;
  case DType::I16:
    return NpyType::I16;
  case DType::U16:
  case DType::BF16:
    return NpyType::U16;
  case DType::I32:
    return NpyType::I32;
  case DType::U32:
    return NpyType::U32;
  case DType::I64:
    return NpyType::I64;
  case DType::U64:
    return NpyType::U64;
  case DType::F16:
    return NpyType::F16;
  case DType::F32:
    return NpyType::F32;
  case DType::F64:
    return NpyType::F64;
  default:
    return NpyType::U8;
  }
}

static bool readInput(const char *path, RankedTensorType type, Tensor &tensor) {
  NpyArray array;
  std::string error;
  if (!support::readNpyFile(path, array, error)) {
    std::fprintf(stderr, "qcc-eval: %s\n", error.c_str());
    return false;
  }
  tensor = Tensor(dtypeOf(type.getElementType()), type.getShape().vec());
  if (array.type != npyTypeOf(tensor.type) || array.shape != tensor.shape) {
    std::fprintf(stderr, "qcc-eval: %s is %s of shape %s, which the model's input is not\n", path,
                 support::npyTypeName(array.type), support::npyShapeText(array.shape).c_str());
    return false;
  }
  tensor.bytes = array.data;
  return true;
}

static bool writeOutput(const std::string &path, const Tensor &tensor) {
  std::string error;
  if (support::writeNpyFile(path, {npyTypeOf(tensor.type), tensor.shape, tensor.bytes}, error))
    return true;
  std::fprintf(stderr, "qcc-eval: %s\n", error.c_str());
  return false;
}

int main(int argc, char **argv) {
  if (argc < 3) {
    std::fprintf(stderr, "usage: qcc-eval MODEL.mlir OUT_PREFIX [INPUT.npy]...\n");
    return 2;
  }
  MLIRContext context(MLIRContext::Threading::DISABLED);
  context.loadDialect<QccDialect, quant::QuantDialect, func::FuncDialect>();
  OwningOpRef<ModuleOp> module = parseSourceFile<ModuleOp>(argv[1], &context);
  auto function = module ? module->lookupSymbol<func::FuncOp>("main") : func::FuncOp();
  if (!function || static_cast<int>(function.getNumArguments()) != argc - 3) {
    std::fprintf(stderr, "qcc-eval: no @main that takes %d inputs in %s\n", argc - 3, argv[1]);
    return 1;
  }
  SmallVector<Tensor> inputs(static_cast<size_t>(argc - 3)), outputs;
  for (int i = 3; i < argc; ++i)
    if (!readInput(argv[i], cast<RankedTensorType>(function.getArgumentTypes()[i - 3]), inputs[i - 3]))
      return 1;
  if (failed(evaluateFunction(function, inputs, outputs)))
    return 1;
  for (auto [i, output] : llvm::enumerate(outputs))
    if (!writeOutput(argv[2] + std::to_string(i) + ".npy", output))
      return 1;
  return 0;
}
