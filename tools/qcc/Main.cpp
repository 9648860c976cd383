//===- Main.cpp - The compiler --------------------------------------------===//

#include "compiler/import/Import.h"
#include "tools/qcc/Messages.h"
#include "tools/qcc/Options.h"
#include "tools/qcc/Output.h"

#include "mlir/IR/MLIRContext.h"
#include "llvm/ADT/ArrayRef.h"

using namespace mlir;
using namespace qcc::driver;

namespace {

/// The contract's exit statuses.
enum Status { Done = 0, BadInput = 1, BadUsage = 2 };

Status compile(const Options &options) {
  MLIRContext context(MLIRContext::Threading::DISABLED);
  MessagePrinter printer(context, options.model, options.has("-q"));
  qcc::import::ImportOptions importOptions{options.all("--shape"), options.all("--set")};
  qcc::import::ImportFault fault;
  OwningOpRef<ModuleOp> module = qcc::import::importModel(context, options.model, importOptions, fault);
  if (!module)
    return fault == qcc::import::ImportFault::Usage ? BadUsage : BadInput;

  auto print = [&](llvm::raw_ostream &os) {
    module->print(os, OpPrintingFlags().enableDebugInfo());
    os << "\n";
  };
  std::string error;
  if (writeOutput(options.get("-o", "-"), print, error))
    return Done;
  printError(error);
  return BadInput;
}

Status printText(llvm::function_ref<void(llvm::raw_ostream &)> print) {
  std::string error;
  if (writeOutput("-", print, error))
    return Done;
  printError(error);
  return BadInput;
}

} // namespace

int main(int argc, char **argv) {
  installHandlers();
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
