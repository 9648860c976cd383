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

/// Streamed: those that are such numbers already, of layers that wait for their weights.
enum class Halves { None, Streamed, All };

struct FuseOptions {
  bool bf16 = false;    ///< products that stay in float multiply bf16
  bool decided = false; ///< those do that --precision=auto has decided so about
  /// Which weights of what stays in float are stored in 16 bits: with bf16 as bfloat16, else as float16.
  Halves halves = Halves::None;

  /// A word of --precision.
  void setPrecision(llvm::StringRef word);
};

/// From float operations between dequantize and quantize to operations on
/// integers, with their pointwise steps attached.
void addFuse(mlir::OpPassManager &pm, const FuseOptions &options);

} // namespace qcc::fuse

#endif // QCC_COMPILER_FUSE_PASSES_H
