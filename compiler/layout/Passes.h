//===- Passes.h - Stage layout ----------------------------------*- C++ -*-===//
#ifndef QCC_COMPILER_LAYOUT_PASSES_H
#define QCC_COMPILER_LAYOUT_PASSES_H

#include "dialects/Qcc.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Pass/Pass.h"
#include "mlir/Pass/PassManager.h"

namespace qcc::layout {

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "compiler/layout/Passes.h.inc"

/// ChooseLayout's decision, which ApplyLayout takes away again.
constexpr llvm::StringLiteral channelsLastAttr = "qcc.channels_last";

/// The operand holds activations in the layout that its operation computes in.
bool isActivation(mlir::OpOperand &operand);
/// The result's axes are permuted with those of the activations.
bool followsLayout(mlir::Value result);

struct LayoutOptions {
  bool explain = true; ///< remarks say why transposes remain
};

/// Channels-last inside, the model's own layout at its inputs and outputs.
void addLayout(mlir::OpPassManager &pm, const LayoutOptions &options);

} // namespace qcc::layout

#endif // QCC_COMPILER_LAYOUT_PASSES_H
