//===- Device.h - A program's code for GPUs ---------------------*- C++ -*-===//
#ifndef QCC_COMPILER_EMIT_DEVICE_H
#define QCC_COMPILER_EMIT_DEVICE_H

#include "compiler/emit/Program.h"
#include "compiler/kernels/gpu/Gpu.h"
#include "compiler/target/Target.h"

namespace qcc::emit {

struct DeviceCode {
  struct Image {
    const target::Variant *variant;
    std::string ptx;
    std::string cubin; ///< assembled; empty: there is none
  };
  const Program *program;
  std::vector<Image> images;                  ///< oldest first
  std::vector<kernels::gpu::Launch> launches; ///< of the steps

  size_t bytes() const; ///< of all images
};

/// PTX for each variant: a kernel named as in the program for each of its specifications.
llvm::FailureOr<DeviceCode> compileDevice(const Program &program,
                                          llvm::ArrayRef<const target::Variant *> variants, int level,
                                          unsigned threads);

} // namespace qcc::emit

#endif // QCC_COMPILER_EMIT_DEVICE_H
