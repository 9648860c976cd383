//===- LowerToLlvm.h - From scf, vector and arith to LLVM -------*- C++ -*-===//
#ifndef QCC_COMPILER_EMIT_LOWERTOLLVM_H
#define QCC_COMPILER_EMIT_LOWERTOLLVM_H

#include "mlir/IR/BuiltinOps.h"
#include "llvm/IR/Module.h"
#include <memory>

namespace qcc::emit {

/// The dialects that kernels and steps are written in, and their translations.
void registerCodeDialects(mlir::DialectRegistry &registry);

/// Lowers func, scf, arith, math-free vector code on bare pointers to the LLVM
/// dialect.
llvm::LogicalResult lowerToLlvm(mlir::ModuleOp module);

/// Translates a module in the LLVM dialect; null, with an error, on failure.
std::unique_ptr<llvm::Module> translateToLlvm(mlir::ModuleOp module, llvm::LLVMContext &context);

} // namespace qcc::emit

#endif // QCC_COMPILER_EMIT_LOWERTOLLVM_H
