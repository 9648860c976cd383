//===- Fuse.cpp - The order of stage fuse's passes ------------------------===//

#include "compiler/fuse/Passes.h"

using namespace mlir;

void qcc::fuse::addFuse(OpPassManager &pm, const FuseOptions &options) {
  OpPassManager &functions = pm.nest<func::FuncOp>();
  functions.addPass(createMakeActivationsUnsigned());
  functions.addPass(createMoveQuantization());
  functions.addPass(createFuseProducts());
  functions.addPass(createFuseArithmetic());
  // After the products, which take exact steps into their epilogue.
  functions.addPass(createFuseLookups());
  if (options.attention)
    functions.addPass(createFuseAttention());
  functions.addPass(createFuseFloatChains());
  if (options.bf16)
    functions.addPass(createStoreBf16());
  if (options.halves)
    functions.addPass(createStoreHalves());
  functions.addPass(createReportFloat());
}
