//===- NvptxVariants.cpp - The generations of NVIDIA's GPUs -----------------===//
#include "compiler/target/Target.h"
#include "runtime/include/qcc/runtime.h"

using namespace qcc::target;

namespace qcc::target {
llvm::ArrayRef<Variant> nvptxVariants();
llvm::ArrayRef<Variant> x86Variants();
} // namespace qcc::target

static Variant makeVariant(unsigned sm) {
  Variant variant;
  variant.name = "sm_" + std::to_string(sm);
  variant.triple = "nvptx64-nvidia-cuda";
  variant.cpu = variant.name;
  variant.features = sm < 80 ? "+ptx65" : ""; // the first version that has m8n8k16
  variant.cpuBits = 0;
  variant.vectorBytes = 8; // one thread's; general kernels work on single elements
  variant.registers = 32;
  variant.tileRows = variant.tileRowsFloat = variant.tileRowsBf16 = 1;
  variant.hasFma = true;
  variant.packing = Packing::Rows;
  variant.isGpu = true;
  variant.sm = sm;
  return variant;
}

/// The GPU's kernels as code for an x86 CPU: slow, and for tests alone.
static Variant makeEmulated() {
  Variant variant = makeVariant(0);
  const Variant *host = findVariant("x86_64-unknown-linux-gnu", "avx2");
  variant.name = "emulated";
  variant.triple = host->triple;
  variant.cpu = host->cpu;
  variant.features = host->features;
  variant.cpuBits = host->cpuBits;
  return variant;
}

llvm::ArrayRef<Variant> qcc::target::nvptxVariants() {
  static const std::vector<Variant> variants = {makeVariant(75), makeVariant(80), makeVariant(90),
                                                makeVariant(100), makeEmulated()};
  return variants;
}
