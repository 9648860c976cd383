//===- AArch64Variants.cpp - The levels of 64-bit Arm -----------------------===//
#include "compiler/target/Target.h"
#include "runtime/include/qcc/runtime.h"

using namespace qcc::target;

namespace qcc::target {
llvm::ArrayRef<Variant> aarch64Variants();
}

// In-order cores need their instructions in a good order, others do not mind: hence the CPUs that code is
// scheduled for.
static std::vector<Variant> makeVariants() {
  Variant base{"armv8-a",
               "aarch64-unknown-linux-gnu",
               "cortex-a53",
               "+neon",
               0,
               /*vectorBytes=*/16,
               /*registers=*/32,
               /*tileRows=*/2,
               /*tileRowsFloat=*/12,
               /*tileRowsBf16=*/8};
  base.hasFma = base.hasF16 = true;
  base.packing = Packing::Pairs;

  // Four vectors of columns share what brings a row of activations, or two, into place.
  Variant dotprod = base;
  dotprod.name = "dotprod";
  dotprod.cpu = "cortex-a55";
  dotprod.features = "+neon,+dotprod";
  dotprod.cpuBits = QCC_MARCH_DOTPROD;
  dotprod.hasDotprod = true;
  dotprod.tileRows = 6;
  dotprod.tileVectors = 4;

  Variant i8mm = dotprod;
  i8mm.name = "i8mm";
  i8mm.cpu = "cortex-a510";
  i8mm.features = "+neon,+dotprod,+i8mm";
  i8mm.cpuBits = QCC_MARCH_I8MM;
  i8mm.hasI8mm = true;
  i8mm.tileRows = 8;

  // Of use to products of bf16 alone.
  Variant bf16 = i8mm;
  bf16.name = "bf16";
  bf16.features += ",+bf16";
  bf16.cpuBits = QCC_MARCH_ARM_BF16;
  bf16.hasBf16 = true;

  return {base, dotprod, i8mm, bf16};
}

llvm::ArrayRef<Variant> qcc::target::aarch64Variants() {
  static const std::vector<Variant> variants = makeVariants();
  return variants;
}
