//===- Rates.cpp - What number formats gain on a processor ----------------===//
#include "compiler/target/Rates.h"

#include "llvm/ADT/STLExtras.h"

using namespace qcc::target;

namespace {
struct Rate {
  llvm::StringRef variant;
  double bf16;
};
} // namespace

/// x86: measured, docs/kernels.md, the 1x1 convolution of f32 and of bf16 in one run. Arm: the quotients of
/// the inner loops there, of llvm-mca on Neoverse N1 and N2, or a little less.
static constexpr Rate rates[] = {
    {"x86-64", 0.8},     {"avx2", 0.8},
    {"avxvnni", 0.75},   {"avx512vnni", 0.85}, // two FMAs for a pair, and taking it apart
    {"avx512bf16", 0.5},                       // vdpbf16ps: 0.5 on Sapphire Rapids, 2 on Zen 4
    {"armv8-a", 1},      {"dotprod", 1},       // 1.1 to 1.5: tiles of bf16 load half as much
    {"i8mm", 1},         {"bf16", 4},          // bfmmla: 16 products, fmla 4; 5.1 by llvm-mca on N2
};

double qcc::target::bf16Rate(const Variant &variant) {
  const Rate *found = llvm::find_if(rates, [&](const Rate &rate) { return rate.variant == variant.name; });
  return found == std::end(rates) ? 0 : found->bf16;
}
