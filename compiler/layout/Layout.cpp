//===- Layout.cpp - The order of stage layout's passes --------------------===//

#include "compiler/layout/Passes.h"

using namespace mlir;

void qcc::layout::addLayout(OpPassManager &pm, const LayoutOptions &options) {
  OpPassManager &functions = pm.nest<func::FuncOp>();
  functions.addPass(createAlignRanks());
  functions.addPass(createChooseLayout());
  functions.addPass(createApplyLayout());
  functions.addPass(createSinkTransposes());
  functions.addPass(createVerifyLayout({options.explain}));
}
