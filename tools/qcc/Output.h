//===- Output.h - Writing files that are whole or not there -----*- C++ -*-===//
#ifndef QCC_TOOLS_QCC_OUTPUT_H
#define QCC_TOOLS_QCC_OUTPUT_H

#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/raw_ostream.h"

#include "llvm/ADT/ArrayRef.h"

#include <functional>
#include <string>
#include <system_error>

namespace qcc::driver {

/// Lets `write` fill a temporary file beside `path`, which then takes its place.
/// A device or a pipe is written directly, "-" is standard output. Returns false
/// and why, with no file changed, where that does not work to the last byte.
bool writeOutput(llvm::StringRef path, llvm::function_ref<void(llvm::raw_ostream &)> write,
                 std::string &error);

struct OutputFile {
  std::string path;
  std::function<void(llvm::raw_ostream &)> write;
  /// Lies beside the first: left out where that goes into a device or a pipe.
  bool isCompanion = false;
};

/// The same for several files: all of them change, or none.
bool writeOutputs(llvm::ArrayRef<OutputFile> files, std::string &error);

/// A file for what is between two steps: it goes when this does, or when a signal
/// ends the program.
struct Temporary {
  explicit Temporary(llvm::StringRef suffix);
  ~Temporary();
  Temporary(const Temporary &) = delete;
  Temporary &operator=(const Temporary &) = delete;

  std::string path;
  std::error_code error; ///< why there is none
};

} // namespace qcc::driver

#endif // QCC_TOOLS_QCC_OUTPUT_H
