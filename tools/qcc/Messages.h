//===- Messages.h - What qcc says, on standard error ------------*- C++ -*-===//
#ifndef QCC_TOOLS_QCC_MESSAGES_H
#define QCC_TOOLS_QCC_MESSAGES_H

#include "mlir/IR/Diagnostics.h"

#include <string>

namespace qcc::driver {

/// Prints MLIR's diagnostics as `model.onnx: node 'conv1' (Conv): error: ...`.
class MessagePrinter {
public:
  MessagePrinter(mlir::MLIRContext &context, std::string model, bool quiet);
  ~MessagePrinter();

private:
  void print(mlir::Diagnostic &diagnostic);

  mlir::MLIRContext &context;
  std::string model;
  bool quiet;
  mlir::DiagnosticEngine::HandlerID handler;
};

/// Prints `qcc: error: ...`.
void printError(llvm::StringRef message);

/// Makes a crash end with a message and status 70, full disks and closed pipes
/// errors instead of signals.
void installHandlers();

} // namespace qcc::driver

#endif // QCC_TOOLS_QCC_MESSAGES_H
