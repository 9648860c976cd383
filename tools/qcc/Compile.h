//===- Compile.h - From options to output files -----------------*- C++ -*-===//
#ifndef QCC_TOOLS_QCC_COMPILE_H
#define QCC_TOOLS_QCC_COMPILE_H

#include "tools/qcc/Options.h"

namespace qcc::driver {

/// The contract's exit statuses.
enum Status { Done = 0, BadInput = 1, BadUsage = 2 };

/// Compiles the model that the options name; has said why where it does not
/// return Done.
Status compile(const Options &options);

} // namespace qcc::driver

#endif // QCC_TOOLS_QCC_COMPILE_H
