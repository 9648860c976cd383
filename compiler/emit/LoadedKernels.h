//===- LoadedKernels.h - Kernels in this process ----------------*- C++ -*-===//
#ifndef QCC_COMPILER_EMIT_LOADEDKERNELS_H
#define QCC_COMPILER_EMIT_LOADEDKERNELS_H

#include "compiler/target/Target.h"
#include "dialects/Qcc.h"
#include "mlir/IR/BuiltinOps.h"
#include <memory>
#include <vector>

namespace qcc::emit {

/// Kernels that calibration calls one by one.
class LoadedKernels {
public:
  /// Runs a kernel as a whole; one pointer for each of its views.
  using Function = void (*)(void *const *pointers);

  /// Compiles for `variant`, which this machine must have. Null, with an error at
  /// the kernel or at `module`, on failure.
  static std::unique_ptr<LoadedKernels> compile(mlir::ModuleOp module, llvm::ArrayRef<KernelOp> kernels,
                                                const target::Variant &variant, int level, unsigned threads);
  ~LoadedKernels();

  /// In the order in which they were given.
  llvm::ArrayRef<Function> functions() const { return loaded; }

private:
  LoadedKernels();
  struct State;
  std::unique_ptr<State> state;
  std::vector<Function> loaded;
};

} // namespace qcc::emit

#endif // QCC_COMPILER_EMIT_LOADEDKERNELS_H
