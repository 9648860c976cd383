//===- Interpreter.h - The reference as an executor -------------*- C++ -*-===//
#ifndef QCC_COMPILER_CALIBRATE_INTERPRETER_H
#define QCC_COMPILER_CALIBRATE_INTERPRETER_H

#include "compiler/calibrate/Executor.h"
#include "mlir/IR/BuiltinOps.h"

namespace qcc::calibrate {

/// Runs the module's one function by the operations' own definition: right, but
/// hundreds of times slower than compiled code, and at the most of bounded shapes alone. `module` has to
/// outlive it.
std::unique_ptr<Executor> interpret(mlir::ModuleOp module);

} // namespace qcc::calibrate

#endif // QCC_COMPILER_CALIBRATE_INTERPRETER_H
