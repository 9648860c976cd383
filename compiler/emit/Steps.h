//===- Steps.h - The code of one variant ------------------------*- C++ -*-===//
#ifndef QCC_COMPILER_EMIT_STEPS_H
#define QCC_COMPILER_EMIT_STEPS_H

#include "compiler/emit/Program.h"
#include "compiler/target/Target.h"

namespace qcc::emit {

/// The name of step `index`'s function in a module made by emitSteps.
std::string stepName(size_t index);

/// The symbol of the blob, which a module made by emitSteps only declares.
constexpr llvm::StringLiteral blobSymbol = "qcc_blob";

/// A new module with the kernels of `program` for `variant` and one function
/// `void(const qcc_frame *, uint32_t thread, uint32_t threads)` for each step.
llvm::FailureOr<mlir::OwningOpRef<mlir::ModuleOp>> emitSteps(const Program &program,
                                                             const target::Variant &variant);

/// The name of the function for kernel `index` in a module made by emitCalls.
std::string callName(size_t index);

/// A new module with some kernels of `source` and, for each, a function
/// `void(void *const *pointers)` that runs all its units.
llvm::FailureOr<mlir::OwningOpRef<mlir::ModuleOp>>
emitCalls(mlir::ModuleOp source, llvm::ArrayRef<KernelOp> kernels, const target::Variant &variant);

} // namespace qcc::emit

#endif // QCC_COMPILER_EMIT_STEPS_H
