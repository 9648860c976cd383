//===- SeparateOutputs.cpp - Outputs that may be the memory of inputs ------===//
//
// A state that one run gives and the next one takes may stay in one place: an
// output may be the memory of an input of its type and shape. Runs before the
// plan, on the final list of steps.
//
//===----------------------------------------------------------------------===//

#include "compiler/memory/Passes.h"

#include "compiler/kernels/GeneralSpec.h"
#include "dialects/Constants.h"
#include "mlir/IR/SymbolTable.h"
#include "llvm/Support/MathExtras.h"

namespace qcc::memory {
#define GEN_PASS_DEF_SEPARATEOUTPUTS
#include "compiler/memory/Passes.h.inc"

using namespace mlir;

namespace {
/// What a step may read behind a buffer's end.
constexpr int64_t slack = 64;

RankedTensorType tensorOf(Attribute type) {
  return storageTypeOf(cast<RankedTensorType>(cast<TypeAttr>(type).getValue()));
}

struct SeparateOutputs : impl::SeparateOutputsBase<SeparateOutputs> {
  func::FuncOp program;

  /// Whether the step may write `output` while both are one place, seen from the other pointers.
  static bool mayOverwrite(SymbolTable &symbols, InvokeOp step, Value input, Value output) {
    auto kernel = symbols.lookup<KernelOp>(step.getKernel());
    OperandRange pointers = step.getPointers();
    if (!kernel || step.getWritten() != 1 || pointers.back() != output)
      return false;
    for (auto [index, pointer] : llvm::enumerate(pointers.drop_back()))
      if (pointer == input && !kernels::mayOverwrite(kernel.getSpec(), index))
        return false;
    return true;
  }

  /// Whether some step reads the input when the output may have been written already.
  bool collide(SymbolTable &symbols, Value input, Value output) {
    bool written = false;
    for (InvokeOp step : program.getOps<InvokeOp>()) {
      OperandRange pointers = step.getPointers();
      bool reads = llvm::is_contained(pointers.drop_back(step.getWritten()), input) ||
                   llvm::is_contained(step.getGuards(), input);
      bool writes = llvm::is_contained(pointers.take_back(step.getWritten()), output);
      if (reads && (written || (writes && !mayOverwrite(symbols, step, input, output))))
        return true;
      written |= writes;
    }
    return false;
  }

  /// All steps use a buffer instead, whose bytes a last one copies.
  void separate(SymbolTable &symbols, Value output, int64_t bytes, StringRef name) {
    OpBuilder builder(program.getBody());
    Value buffer = BufferOp::create(builder, program.getLoc(), output.getType(), bytes + slack, IntegerAttr(),
                                    builder.getStringAttr(name));
    output.replaceAllUsesWith(buffer);
    auto view = kernels::View::rowMajor(builder.getIntegerType(8, /*isSigned=*/false), {bytes});
    DictionaryAttr spec = kernels::generalSpec(builder, "identity", {view, view});
    OpBuilder atModule(program);
    auto kernel = KernelOp::create(atModule, program.getLoc(), "state", spec);
    StringAttr symbol = symbols.insert(kernel, Block::iterator(program));
    builder.setInsertionPoint(program.getBody().front().getTerminator());
    InvokeOp::create(builder, program.getLoc(), symbol.getValue(), ValueRange{buffer, output},
                     /*guards=*/ValueRange(), 1, name, 0, /*no_barrier=*/false, DenseBoolArrayAttr());
  }

  void runOnOperation() override {
    program = getOperation().lookupSymbol<func::FuncOp>("main");
    if (!program)
      return;
    auto inputs = program->getAttrOfType<ArrayAttr>("qcc.input_types"),
         outputs = program->getAttrOfType<ArrayAttr>("qcc.output_types"),
         names = program->getAttrOfType<ArrayAttr>("qcc.output_names");
    if (!inputs || !outputs)
      return;
    SymbolTable symbols(getOperation());
    for (auto [o, outputType] : llvm::enumerate(outputs)) {
      RankedTensorType type = tensorOf(outputType);
      Value output = program.getArgument(inputs.size() + o);
      for (auto [i, inputType] : llvm::enumerate(inputs))
        if (tensorOf(inputType) == type && collide(symbols, program.getArgument(i), output)) {
          int64_t bytes = type.getNumElements() * llvm::divideCeil(type.getElementTypeBitWidth(), 8);
          separate(symbols, output, bytes, names ? cast<StringAttr>(names[o]).getValue() : "");
          break;
        }
    }
  }
};
} // namespace
} // namespace qcc::memory
