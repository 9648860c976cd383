//===- AsUsed.h - The user's own program, run here --------------*- C++ -*-===//
#ifndef QCC_COMPILER_CALIBRATE_ASUSED_H
#define QCC_COMPILER_CALIBRATE_ASUSED_H

#include "compiler/Pipeline.h"
#include "compiler/calibrate/Executor.h"

namespace qcc::calibrate {

/// Compiles a copy of `module`, as it is at the end of stage quantize, with the
/// integer forms that `options` ask for: it computes what the user's object
/// does. Always for the variant `avx2` where this machine has that, so that what
/// follows from it is the same everywhere. It stops nowhere. Null where it
/// reported an error.
std::unique_ptr<Executor> compileAsUsed(mlir::ModuleOp module, const PipelineOptions &options);

} // namespace qcc::calibrate

#endif // QCC_COMPILER_CALIBRATE_ASUSED_H
