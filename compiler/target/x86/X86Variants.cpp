//===- X86Variants.cpp - The levels of x86-64 -------------------------------===//
#include "compiler/target/Target.h"
#include "runtime/include/qcc/runtime.h"

using namespace qcc::target;

namespace qcc::target {
llvm::ArrayRef<Variant> x86Variants();
}

// BMI2 and its companions came with AVX2 in every processor that has FMA, too.
#define QCC_FEATURES_AVX2 "+avx2,+fma,+f16c,+bmi,+bmi2,+lzcnt,+popcnt,+movbe"

static std::vector<Variant> makeVariants() {
  const std::string triple = "x86_64-unknown-linux-gnu";
  const uint64_t avx2Bits = QCC_MARCH_AVX2 | QCC_CPU_BMI2;

  Variant base{"x86-64",
               triple,
               "x86-64",
               "",
               0,
               /*vectorBytes=*/16,
               /*registers=*/16,
               /*tileRows=*/4,
               /*tileRowsFloat=*/4,
               /*tileRowsBf16=*/4};

  Variant avx2{"avx2", triple, "haswell", QCC_FEATURES_AVX2, avx2Bits, 32, 16, 4, 6, 4};
  avx2.hasFma = avx2.hasF16 = true;

  Variant avxVnni = avx2;
  avxVnni.name = "avxvnni";
  avxVnni.cpu = "alderlake";
  avxVnni.features += ",+avxvnni";
  avxVnni.cpuBits |= QCC_MARCH_AVXVNNI;
  avxVnni.hasVnni = true;
  avxVnni.tileRows = 6;

  // Without VBMI, which Cascade Lake lacks: docs/decisions/0008.
  Variant avx512{"avx512vnni", triple, "znver4", QCC_FEATURES_AVX2, avx2Bits, 64, 32, 14, 14, 12};
  avx512.features += ",+avx512f,+avx512bw,+avx512cd,+avx512dq,+avx512vl,+avx512vnni";
  avx512.cpuBits |= QCC_MARCH_AVX512VNNI | QCC_CPU_AVX512CD;
  avx512.hasVnni = avx512.hasFma = avx512.hasF16 = avx512.hasMasks = true;

  // Of use to products of bf16 alone.
  Variant bf16 = avx512;
  bf16.name = "avx512bf16";
  bf16.features += ",+avx512bf16";
  bf16.cpuBits |= QCC_MARCH_AVX512BF16;
  bf16.hasBf16 = true;
  bf16.tileRowsBf16 = 14;

  return {base, avx2, avxVnni, avx512, bf16};
}

llvm::ArrayRef<Variant> qcc::target::x86Variants() {
  static const std::vector<Variant> variants = makeVariants();
  return variants;
}
