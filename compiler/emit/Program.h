//===- Program.h - What the outside sees of a compiled model ----*- C++ -*-===//
#ifndef QCC_COMPILER_EMIT_PROGRAM_H
#define QCC_COMPILER_EMIT_PROGRAM_H

#include "dialects/Qcc.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include <string>
#include <vector>

namespace qcc::emit {

/// One input or output of the model.
struct Port {
  std::string name;  ///< as the ONNX graph has it
  std::string cName; ///< member of PREFIX_inputs or PREFIX_outputs
  mlir::RankedTensorType type;
  uint32_t abiType; ///< a qcc_type of runtime.h
  uint64_t bytes;   ///< of the caller's buffer
  double scale = 0; ///< 0: the values mean themselves
  int64_t zeroPoint = 0;
  /// Of bounded shape: for each extent the least, which length of the run it is and which is added (-1: none,
  /// or of outputs), and a number that is added. Else empty.
  std::vector<int64_t> least = {}, lengths = {}, more = {}, offsets = {}, steps = {};

  bool isBounded() const { return !least.empty(); }
};

/// A view of the lowered module for everything that stage emit writes.
struct Program {
  mlir::ModuleOp module;
  mlir::func::FuncOp main;
  std::vector<Port> inputs, outputs;
  /// Shapes of the run: arguments behind the inputs and results behind the outputs, and whose they are.
  std::vector<Port> inputShapes, outputShapes;
  std::vector<int64_t> shapeInputs, shapeOutputs;
  std::vector<InvokeOp> steps;
  llvm::ArrayRef<char> blob; ///< packed constants; empty where there are none
  int64_t workspaceBytes;    ///< slack for alignment included

  size_t argumentCount() const { return inputs.size() + inputShapes.size(); }

  /// Fails, with an error, where the module is not what stage memory leaves.
  static llvm::FailureOr<Program> of(mlir::ModuleOp module);
};

} // namespace qcc::emit

#endif // QCC_COMPILER_EMIT_PROGRAM_H
