//===- Variants.cpp - Which instruction sets are compiled for -------------===//

#include "tools/qcc/Variants.h"

#include "compiler/support/FloatWeights.h"
#include "runtime/include/qcc/runtime.h"
#include "tools/qcc/Calibration.h"

using namespace mlir;
using namespace qcc;
using namespace qcc::driver;

namespace {
/// The variant that the runtime would choose on this machine; null where it is no machine of that kind.
const target::Variant *nativeVariant(const std::string &triple, bool withBf16) {
  withBf16 = withBf16 && !(qcc_cpu_features() & QCC_CPU_SLOW_BF16);
  const target::Variant *native = nullptr;
  for (const target::Variant &variant : target::variantsOf(triple))
    if ((qcc_cpu_features() & variant.cpuBits) == variant.cpuBits && !variant.isEmulated() &&
        (!variant.hasBf16 || withBf16))
      native = &variant;
  return native;
}

std::string knownVariants(const std::string &triple) {
  std::string text = "; known are";
  for (const target::Variant &variant : target::variantsOf(triple))
    text += " " + variant.name;
  return text;
}

bool multipliesBf16(const Options &options) { return options.get("--precision") == "bf16"; }
} // namespace

bool driver::chooseVariants(const Options &options, const std::string &triple,
                            std::vector<const target::Variant *> &variants, std::string &error) {
  constexpr llvm::StringLiteral host = "x86_64-unknown-linux-gnu";
  std::string list = options.get("--march", "");
  llvm::SmallVector<llvm::StringRef> words;
  if (!list.empty())
    llvm::StringRef(list).split(words, ',');
  bool withNative = llvm::is_contained(words, "native");
  for (llvm::StringRef word : words)
    if (word == "native" ? triple != host : !target::findVariant(triple, word))
      error = word == "native" ? "--march=native is this machine, which is no " + triple
                               : ("--march has no '" + word + "' for " + triple).str();
  if (!error.empty()) {
    error += knownVariants(triple);
    return false;
  }
  // What has bf16 gains nothing for other models.
  bool mayUseBf16 = multipliesBf16(options) || decidesPrecision(options);
  const target::Variant *native = withNative ? nativeVariant(triple, multipliesBf16(options)) : nullptr;
  for (const target::Variant &variant : target::variantsOf(triple)) {
    bool isOfUse = !variant.isEmulated() && (!variant.hasBf16 || mayUseBf16);
    if ((list.empty() && isOfUse) || llvm::is_contained(words, variant.name) || &variant == native)
      variants.push_back(&variant);
  }
  return true;
}

void driver::dropVariantsOfBf16(const Options &options, ModuleOp module,
                                std::vector<const target::Variant *> &variants) {
  auto usesBf16 = [](Operation *op) {
    return decidedPrecision(op) == "bf16" ? WalkResult::interrupt() : WalkResult::advance();
  };
  if (!multipliesBf16(options) && !options.has("--march") && !module.walk(usesBf16).wasInterrupted())
    llvm::erase_if(variants, [](const target::Variant *variant) { return variant->hasBf16; });
}
