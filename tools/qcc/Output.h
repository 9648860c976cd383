//===- Output.h - Writing files that are whole or not there -----*- C++ -*-===//
#ifndef QCC_TOOLS_QCC_OUTPUT_H
#define QCC_TOOLS_QCC_OUTPUT_H

#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/raw_ostream.h"

#include "llvm/ADT/ArrayRef.h"

#include <functional>
#include <string>

namespace qcc::driver {

/// Lets `write` fill a temporary file beside `path`, which then takes its place.
/// A device or a pipe is written directly, "-" is standard output. Returns false
/// and why, with no file changed, where that does not work to the last byte.
bool writeOutput(llvm::StringRef path, llvm::function_ref<void(llvm::raw_ostream &)> write,
                 std::string &error);

struct OutputFile {
  std::string path;
  std::function<void(llvm::raw_ostream &)> write;
};

/// The same for several files: all of them change, or none.
bool writeOutputs(llvm::ArrayRef<OutputFile> files, std::string &error);

} // namespace qcc::driver

#endif // QCC_TOOLS_QCC_OUTPUT_H
