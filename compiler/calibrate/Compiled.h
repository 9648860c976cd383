//===- Compiled.h - Compiled code as an executor ----------------*- C++ -*-===//
#ifndef QCC_COMPILER_CALIBRATE_COMPILED_H
#define QCC_COMPILER_CALIBRATE_COMPILED_H

#include "compiler/calibrate/Executor.h"
#include "mlir/IR/BuiltinOps.h"

namespace qcc::calibrate {

/// Compiles a copy of `module`, as it is at the end of stage quantize with or
/// without qcc.observe, in float for this machine, always for the variant
/// `avx2` where it has that (q10). Null where it reported an error.
std::unique_ptr<Executor> compileExecutor(mlir::ModuleOp module);

} // namespace qcc::calibrate

#endif // QCC_COMPILER_CALIBRATE_COMPILED_H
