//===- Main.cpp - qcc-opt: runs passes on MLIR text, for tests ------------===//

#include "compiler/fuse/Passes.h"
#include "compiler/layout/Passes.h"
#include "compiler/lower/Passes.h"
#include "compiler/memory/Passes.h"
#include "compiler/quantize/Passes.h"
#include "compiler/simplify/Passes.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Pass/PassRegistry.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;

/// `--qcc-<stage>` runs a stage as the compiler does.
static void registerStages() {
  PassPipelineRegistration<>("qcc-simplify", "stage simplify",
                             [](OpPassManager &pm) { qcc::simplify::addSimplify(pm, {}); });
  PassPipelineRegistration<>("qcc-layout", "stage layout",
                             [](OpPassManager &pm) { qcc::layout::addLayout(pm, {}); });
  PassPipelineRegistration<>("qcc-fuse", "stage fuse", [](OpPassManager &pm) { qcc::fuse::addFuse(pm, {}); });
}

int main(int argc, char **argv) {
  DialectRegistry dialects;
  dialects.insert<func::FuncDialect, scf::SCFDialect, arith::ArithDialect, vector::VectorDialect,
                  LLVM::LLVMDialect, quant::QuantDialect, qcc::QccDialect>();
  registerCanonicalizerPass();
  registerCSEPass();
  qcc::simplify::registerSimplifyPasses();
  qcc::layout::registerLayoutPasses();
  qcc::fuse::registerFusePasses();
  qcc::lower::registerQccLowerPasses();
  qcc::memory::registerQccMemoryPasses();
  qcc::quantize::registerQuantizePasses();
  registerStages();
  return asMainReturnCode(MlirOptMain(argc, argv, "Runs qcc's passes on MLIR text\n", dialects));
}
