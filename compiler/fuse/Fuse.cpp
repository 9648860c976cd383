//===- Fuse.cpp - The order of stage fuse's passes ------------------------===//

#include "compiler/fuse/Passes.h"

using namespace mlir;

void qcc::fuse::FuseOptions::setPrecision(llvm::StringRef word) {
  bf16 = word == "bf16";
  decided = word == "auto";
  halves = word == "fp32" ? Halves::None : word == "auto" ? Halves::Streamed : Halves::All;
}

void qcc::fuse::addFuse(OpPassManager &pm, const FuseOptions &options) {
  OpPassManager &functions = pm.nest<func::FuncOp>();
  functions.addPass(createMakeActivationsUnsigned());
  functions.addPass(createMoveQuantization());
  functions.addPass(createFuseProducts());
  functions.addPass(createFuseArithmetic());
  // After the products, which take exact steps into their epilogue.
  functions.addPass(createFuseLookups());
  functions.addPass(createFuseAttention());
  functions.addPass(createFuseFloatChains());
  if (options.bf16 || options.decided)
    functions.addPass(createStoreBf16({/*decided=*/!options.bf16}));
  // Behind it, of what is no product of bf16.
  if (options.halves != Halves::None) {
    StoreHalvesOptions halves;
    halves.type = options.bf16 ? "bf16" : "f16";
    halves.onlyStreamed = options.halves == Halves::Streamed;
    functions.addPass(createStoreHalves(halves));
  }
  functions.addPass(createReportFloat());
}
