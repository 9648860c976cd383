//===- Variants.h - Which instruction sets are compiled for -----*- C++ -*-===//
#ifndef QCC_TOOLS_QCC_VARIANTS_H
#define QCC_TOOLS_QCC_VARIANTS_H

#include "compiler/target/Target.h"
#include "mlir/IR/BuiltinOps.h"
#include "tools/qcc/Options.h"

namespace qcc::driver {

/// Those of --march, or all that are of use. False, and why, for a word that `triple` does not have.
bool chooseVariants(const Options &options, const std::string &triple,
                    std::vector<const target::Variant *> &variants, std::string &error);

/// Behind stage quantize: where --precision=auto has decided that no layer multiplies bf16, what was chosen
/// for that alone goes.
void dropVariantsOfBf16(const Options &options, mlir::ModuleOp module,
                        std::vector<const target::Variant *> &variants);

} // namespace qcc::driver

#endif // QCC_TOOLS_QCC_VARIANTS_H
