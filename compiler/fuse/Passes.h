//===- Passes.h - Stage fuse ------------------------------------*- C++ -*-===//
#ifndef QCC_COMPILER_FUSE_PASSES_H
#define QCC_COMPILER_FUSE_PASSES_H

#include "dialects/Qcc.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Pass/Pass.h"
#include "mlir/Pass/PassManager.h"

namespace qcc::fuse {

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "compiler/fuse/Passes.h.inc"

/// On an operation that stays in float next to quantised tensors: why. A row of
/// the user's report.
constexpr llvm::StringLiteral floatReasonAttr = "qcc.float_reason";

struct FuseOptions {
  bool bf16 = false;     ///< products that stay in float multiply bf16
  bool halves = false;   ///< their weights, and those of recurrent layers, are stored as float16
  bool attention = true; ///< the target has a kernel for it
};

/// From float operations between dequantize and quantize to operations on
/// integers, with their pointwise steps attached.
void addFuse(mlir::OpPassManager &pm, const FuseOptions &options);

} // namespace qcc::fuse

#endif // QCC_COMPILER_FUSE_PASSES_H
