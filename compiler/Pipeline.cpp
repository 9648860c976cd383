//===- Pipeline.cpp - The stages in order ---------------------------------===//

#include "compiler/Pipeline.h"

#include "compiler/emit/LowerToLlvm.h"
#include "compiler/memory/Passes.h"

using namespace mlir;
using namespace qcc;

namespace {
const llvm::StringRef words[] = {
#define QCC_STAGE(word) #word,
#include "compiler/Stages.def"
};
} // namespace

llvm::StringRef qcc::stageName(Stage stage) { return words[static_cast<size_t>(stage)]; }

std::optional<Stage> qcc::stageNamed(llvm::StringRef word) {
  const auto *found = llvm::find(words, word);
  if (found == std::end(words))
    return std::nullopt;
  return static_cast<Stage>(found - words);
}

void qcc::addStages(OpPassManager &pm, Stage first, Stage last, const PipelineOptions &options) {
  auto runs = [&](Stage stage) { return first <= stage && stage <= last; };
  if (runs(Stage::simplify))
    simplify::addSimplify(pm, options.simplify);
  if (runs(Stage::quantize))
    quantize::addQuantize(pm, options.quantize);
  if (runs(Stage::layout))
    layout::addLayout(pm, options.layout);
  if (runs(Stage::fuse))
    fuse::addFuse(pm, options.fuse);
  if (runs(Stage::lower))
    lower::addLower(pm, options.lower);
  if (runs(Stage::memory))
    memory::addMemory(pm);
}

LogicalResult qcc::runStages(ModuleOp module, Stage first, Stage last, const PipelineOptions &options) {
  PassManager pm(module.getContext());
  addStages(pm, first, last, options);
  return pm.run(module);
}

LogicalResult qcc::setOuterTypes(ModuleOp module, const PipelineOptions &options) {
  if (options.quantize.outer.tensors.empty())
    return success();
  PassManager pm(module.getContext());
  pm.addNestedPass<func::FuncOp>(quantize::createSetOuterTypes(options.quantize.outer));
  return pm.run(module);
}

void qcc::registerAllDialects(DialectRegistry &registry) {
  registry.insert<QccDialect>();
  emit::registerCodeDialects(registry);
}
