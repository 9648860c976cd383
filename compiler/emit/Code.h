//===- Code.h - A program as one object or module ---------------*- C++ -*-===//
#ifndef QCC_COMPILER_EMIT_CODE_H
#define QCC_COMPILER_EMIT_CODE_H

#include "compiler/emit/Device.h"
#include "compiler/emit/Program.h"
#include "compiler/emit/Shards.h"
#include "compiler/target/Target.h"
#include "llvm/IR/Module.h"
#include <memory>

namespace qcc::emit {

struct CodeOptions {
  std::string prefix;
  std::string manifest;     ///< JSON
  bool withRuntime = false; ///< for a shared object, see DescriptorOptions
  /// Least capable first, as target::variantsOf has them. With a device: those of the fallback, if any.
  std::vector<const target::Variant *> variants;
  std::string triple;                 ///< of the object; empty: that of the variants
  const DeviceCode *device = nullptr; ///< a model for CUDA
};

/// The kernels and steps of all variants, the blob and the descriptor. Global
/// symbols: PREFIX_run, PREFIX_model and, with a runtime, qcc_get_model. The
/// bytes do not depend on `threads`.
llvm::FailureOr<Object> compileProgram(const Program &program, const CodeOptions &options, int level,
                                       unsigned threads);

/// The same as one module, to be read: not optimised yet.
llvm::FailureOr<std::unique_ptr<llvm::Module>> buildModule(const Program &program, const CodeOptions &options,
                                                           llvm::LLVMContext &context);

} // namespace qcc::emit

#endif // QCC_COMPILER_EMIT_CODE_H
