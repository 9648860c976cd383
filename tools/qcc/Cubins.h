//===- Cubins.h - NVIDIA's assembler, where there is one --------*- C++ -*-===//
#ifndef QCC_TOOLS_QCC_CUBINS_H
#define QCC_TOOLS_QCC_CUBINS_H

#include "compiler/emit/Device.h"
#include "llvm/Support/Error.h"

namespace qcc::driver {

/// Adds to each image its assembled form. `program` is the value of --ptxas: a program, "none", or nothing
/// for the ptxas that is on the path, if any. `notes` gets a line for the summary; an error is that a program
/// which was named fails.
llvm::Error addCubins(emit::DeviceCode &code, const std::string &program, unsigned threads,
                      std::vector<std::string> &notes);

} // namespace qcc::driver

#endif // QCC_TOOLS_QCC_CUBINS_H
