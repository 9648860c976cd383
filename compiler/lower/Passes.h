//===- Passes.h - Stage lower -----------------------------------*- C++ -*-===//
#ifndef QCC_COMPILER_LOWER_PASSES_H
#define QCC_COMPILER_LOWER_PASSES_H

#include "dialects/Qcc.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"
#include "mlir/Pass/PassManager.h"

namespace qcc::lower {

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "compiler/lower/Passes.h.inc"

/// On the step behind which a qcc.observe stands: the tensor's type, beside its
/// `id` and `axis`. The step's last pointer is a dense array of it.
constexpr llvm::StringLiteral observedAttr = "qcc.observed";

void addLower(mlir::OpPassManager &pm, const LowerOptions &options = {});

} // namespace qcc::lower

#endif // QCC_COMPILER_LOWER_PASSES_H
