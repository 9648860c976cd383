//===- Compiled.h - Compiled code as an executor ----------------*- C++ -*-===//
#ifndef QCC_COMPILER_CALIBRATE_COMPILED_H
#define QCC_COMPILER_CALIBRATE_COMPILED_H

#include "compiler/calibrate/Calibrate.h"

namespace qcc::calibrate {

/// Runs models, as they are at the end of stage quantize with or without
/// qcc.observe, compiled for this machine: always for the variant `avx2`
/// where it has that (q10). A kernel that several models have is compiled once,
/// so that a model which differs only in its weights costs no code generation.
/// The executors keep what they need of it.
ExecutorFactory compiledExecutors(unsigned threads);

} // namespace qcc::calibrate

#endif // QCC_COMPILER_CALIBRATE_COMPILED_H
