//===- Codegen.h - From LLVM IR to an object --------------------*- C++ -*-===//
#ifndef QCC_COMPILER_EMIT_CODEGEN_H
#define QCC_COMPILER_EMIT_CODEGEN_H

#include "compiler/target/Target.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/IR/Module.h"
#include "llvm/Support/CodeGen.h"
#include "llvm/Support/Error.h"

namespace qcc::emit {

/// Marks every function with code as compiled for `variant`; modules of several
/// variants may then be linked into one.
void setVariant(llvm::Module &module, const target::Variant &variant);

/// Optimises (level 0..3) and generates code: position independent, for
/// `triple`. Functions keep what setVariant gave them. `cpu` and `features`: where they are the
/// whole module's, as for GPUs.
llvm::Expected<llvm::SmallVector<char, 0>> compileModule(llvm::Module &module, llvm::StringRef triple,
                                                         int level, llvm::CodeGenFileType kind,
                                                         llvm::StringRef cpu = "",
                                                         llvm::StringRef features = "");

/// An object for one variant: setVariant and compileModule.
llvm::Expected<llvm::SmallVector<char, 0>> compileToObject(llvm::Module &module,
                                                           const target::Variant &variant, int level);

} // namespace qcc::emit

#endif // QCC_COMPILER_EMIT_CODEGEN_H
