//===- Messages.h - What qcc says, on standard error ------------*- C++ -*-===//
#ifndef QCC_TOOLS_QCC_MESSAGES_H
#define QCC_TOOLS_QCC_MESSAGES_H

#include "mlir/IR/Diagnostics.h"
#include "tools/qcc/Options.h"

#include <chrono>
#include <string>

namespace qcc::driver {

/// Prints MLIR's diagnostics as `model.onnx: node 'conv1' (Conv): error: ...`.
/// Remarks about single nodes that the summary sums up are for `verbose` alone.
class MessagePrinter {
public:
  MessagePrinter(mlir::MLIRContext &context, std::string model, bool quiet, bool verbose);
  ~MessagePrinter();

private:
  void print(mlir::Diagnostic &diagnostic);

  mlir::MLIRContext &context;
  std::string model;
  bool quiet, verbose;
  mlir::DiagnosticEngine::HandlerID handler;
};

/// With -v: says what is being done, and how long it took when it is over.
class Timed {
public:
  Timed(const Options &options, std::string what);
  ~Timed();

private:
  bool active;
  std::string what;
  std::chrono::steady_clock::time_point start;
};

/// Prints `qcc: error: ...`.
void printError(llvm::StringRef message);

/// Makes a crash end with a message and status 70, want of memory with one and
/// status 1, full disks and closed pipes errors instead of signals. An interrupt
/// removes temporary files first.
void installHandlers();

} // namespace qcc::driver

#endif // QCC_TOOLS_QCC_MESSAGES_H
