//===- Target.cpp - The targets and their variants --------------------------===//
#include "compiler/target/Target.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/TargetParser/Triple.h"

using namespace qcc::target;

namespace qcc::target {
llvm::ArrayRef<Variant> x86Variants();
llvm::ArrayRef<Variant> aarch64Variants();
llvm::ArrayRef<Variant> nvptxVariants();
} // namespace qcc::target

// One line a target.
llvm::ArrayRef<Variant> qcc::target::variantsOf(llvm::StringRef triple) {
  llvm::Triple parsed(llvm::Triple::normalize(triple));
  if (parsed.getArch() == llvm::Triple::x86_64 && parsed.isOSLinux())
    return x86Variants();
  if (parsed.getArch() == llvm::Triple::aarch64 && parsed.isOSLinux())
    return aarch64Variants();
  if (parsed.getArch() == llvm::Triple::nvptx64)
    return nvptxVariants();
  return {};
}

const Variant *qcc::target::findVariant(llvm::StringRef triple, llvm::StringRef name) {
  auto variants = variantsOf(triple);
  auto found = llvm::find_if(variants, [&](const Variant &variant) { return variant.name == name; });
  return found == variants.end() ? nullptr : found;
}
