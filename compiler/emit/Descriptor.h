//===- Descriptor.h - qcc_model as data -------------------------*- C++ -*-===//
#ifndef QCC_COMPILER_EMIT_DESCRIPTOR_H
#define QCC_COMPILER_EMIT_DESCRIPTOR_H

#include "compiler/emit/Device.h"
#include "compiler/target/Target.h"
#include "llvm/IR/Module.h"

namespace qcc::emit {

/// What the descriptor says beside the program.
struct DescriptorOptions {
  std::string prefix;
  std::string manifest;     ///< JSON
  bool withRuntime = false; ///< a shared object: points to its own runtime
  /// Best first, as the runtime tries them.
  std::vector<const target::Variant *> variants;
  const DeviceCode *device = nullptr; ///< a model for CUDA
};

/// Adds to `module`: the blob, PREFIX_model, PREFIX_run, for CUDA PREFIX_run_async and, with a runtime,
/// qcc_get_model. The steps, `stepName(index).VARIANT`, are in the module or
/// declared.
void addDescriptor(llvm::Module &module, const Program &program, const DescriptorOptions &options);

} // namespace qcc::emit

#endif // QCC_COMPILER_EMIT_DESCRIPTOR_H
