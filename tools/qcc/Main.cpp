//===- Main.cpp - The compiler --------------------------------------------===//

#include "tools/qcc/Compile.h"
#include "tools/qcc/Messages.h"
#include "tools/qcc/Options.h"
#include "tools/qcc/Output.h"

#include "llvm/ADT/ArrayRef.h"

using namespace qcc::driver;

namespace {

Status printText(llvm::function_ref<void(llvm::raw_ostream &)> print) {
  std::string error;
  if (writeOutput("-", print, error))
    return Done;
  printError(error);
  return BadInput;
}

} // namespace

static Status run(int argc, char **argv) {
  Options options;
  std::string error;
  if (!parseOptions(llvm::ArrayRef<const char *>(argv, argc).drop_front(argc > 0), options, error)) {
    printError(error);
    return BadUsage;
  }
  if (options.has("--help"))
    return printText(printHelp);
  if (options.has("--version"))
    return printText([](llvm::raw_ostream &os) { os << "qcc " QCC_VERSION "\n"; });
  return compile(options);
}

int main(int argc, char **argv) {
  installHandlers();
  Status status = run(argc, argv);
  // Messages that nobody can read are no fault of the compile.
  llvm::errs().clear_error();
  return status;
}
