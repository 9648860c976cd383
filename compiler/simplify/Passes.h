//===- Passes.h - Stage simplify --------------------------------*- C++ -*-===//
#ifndef QCC_COMPILER_SIMPLIFY_PASSES_H
#define QCC_COMPILER_SIMPLIFY_PASSES_H

#include "dialects/Qcc.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Pass/Pass.h"
#include "mlir/Pass/PassManager.h"

namespace qcc::simplify {

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "compiler/simplify/Passes.h.inc"

struct SimplifyOptions {
  /// Larger results are computed at run time.
  int64_t maxConstantBytes = int64_t(64) << 20;
  /// What ONNX Runtime's quantize_dynamic has written gets the operations of stage quantize; convolutions
  /// where there are kernels for what is measured with a zero point of the run: on CPUs.
  bool adoptsDynamic = true, measuresZeroPoints = true;
};

/// Freezes the model for inference: what depends on constants only is computed,
/// spelled-out functions are recognised, everything foldable is in the weights.
void addSimplify(mlir::OpPassManager &pm, const SimplifyOptions &options);

} // namespace qcc::simplify

#endif // QCC_COMPILER_SIMPLIFY_PASSES_H
