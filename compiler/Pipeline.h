//===- Pipeline.h - The stages in order -------------------------*- C++ -*-===//
//
// The one place that decides the order of passes. Stage `import` reads a file
// and stage `emit` writes one; those between are passes over a module.
//
//===----------------------------------------------------------------------===//
#ifndef QCC_COMPILER_PIPELINE_H
#define QCC_COMPILER_PIPELINE_H

#include "compiler/fuse/Passes.h"
#include "compiler/layout/Passes.h"
#include "compiler/lower/Passes.h"
#include "compiler/quantize/Passes.h"
#include "compiler/simplify/Passes.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/PassManager.h"
#include <optional>

namespace qcc {

enum class Stage {
#define QCC_STAGE(word) word,
#include "compiler/Stages.def"
};

llvm::StringRef stageName(Stage stage);
std::optional<Stage> stageNamed(llvm::StringRef word);

struct PipelineOptions {
  simplify::SimplifyOptions simplify;
  quantize::QuantizeOptions quantize;
  layout::LayoutOptions layout;
  fuse::FuseOptions fuse;
  lower::LowerOptions lower;
};

/// Adds the passes of the stages first..last, both included. Stages import and
/// emit add none: they change representation.
void addStages(mlir::OpPassManager &pm, Stage first, Stage last, const PipelineOptions &options);

/// Runs the stages first..last on `module`; errors go to its context.
llvm::LogicalResult runStages(mlir::ModuleOp module, Stage first, Stage last, const PipelineOptions &options);

/// Gives inputs and outputs the types of `options.quantize.outer`. After stage quantize and
/// by itself: what measures or exports the quantised model takes it as it is in between.
llvm::LogicalResult setOuterTypes(mlir::ModuleOp module, const PipelineOptions &options);

/// Every dialect that any stage creates operations of.
void registerAllDialects(mlir::DialectRegistry &registry);

} // namespace qcc

#endif // QCC_COMPILER_PIPELINE_H
