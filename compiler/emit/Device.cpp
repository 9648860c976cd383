//===- Device.cpp - A program's code for GPUs -----------------------------===//

#include "compiler/emit/Device.h"

#include "compiler/emit/Shards.h"
#include "compiler/kernels/Kernel.h"
#include "runtime/cuda.h"

using namespace mlir;
using namespace qcc;
using namespace qcc::emit;
namespace gpu = qcc::kernels::gpu;

namespace {
/// All kernels in one module; each launch by the kernel's name.
FailureOr<OwningOpRef<ModuleOp>> emitDeviceKernels(ModuleOp source, const target::Variant &variant,
                                                   llvm::StringMap<gpu::Launch> &launches) {
  OwningOpRef<ModuleOp> module = ModuleOp::create(source.getLoc());
  bool ok = true;
  for (KernelOp kernel : source.getOps<KernelOp>()) {
    auto function =
        kernels::emitKernel(*module, kernel.getLoc(), kernel.getSymName(), kernel.getSpec(), variant);
    ok &= succeeded(function);
    if (failed(function))
      continue;
    gpu::Launch launch = gpu::launchOf(*function);
    auto [known, isNew] = launches.try_emplace(kernel.getSymName(), launch);
    if (!isNew && (known->second.blocks != launch.blocks || known->second.threads != launch.threads)) {
      kernel.emitError("is launched otherwise for ") << variant.name << " than for other generations";
      ok = false;
    }
  }
  if (!ok)
    return failure();
  return module;
}

LogicalResult checkStep(InvokeOp step) {
  if (step.getPointers().size() <= QCC_CUDA_MOST_POINTERS)
    return success();
  return step.emitError("has ") << step.getPointers().size() << " tensors; a GPU's kernel takes at most "
                                << QCC_CUDA_MOST_POINTERS;
}
} // namespace

size_t DeviceCode::bytes() const {
  size_t sum = 0;
  for (const Image &image : images)
    sum += image.ptx.size() + image.cubin.size();
  return sum;
}

FailureOr<DeviceCode> emit::compileDevice(const Program &program, ArrayRef<const target::Variant *> variants,
                                          int level, unsigned threads) {
  DeviceCode code{&program, {}, {}};
  llvm::StringMap<gpu::Launch> launches;
  std::vector<Shard> shards;
  for (const target::Variant *variant : variants) {
    auto module = emitDeviceKernels(program.module, *variant, launches);
    if (failed(module))
      return failure();
    shards.push_back(wholeShard(**module, *variant));
  }
  auto texts = compileShards(shards, level, threads);
  if (!texts)
    return ModuleOp(program.module).emitError(llvm::toString(texts.takeError()));
  for (auto [variant, text] : llvm::zip_equal(variants, *texts))
    code.images.push_back({variant, std::string(text.begin(), text.end()), /*cubin=*/""});
  for (InvokeOp step : program.steps) {
    if (failed(checkStep(step)))
      return failure();
    code.launches.push_back(launches.lookup(step.getKernel()));
  }
  return code;
}
