//===- Lower.cpp - The pass around Lowering -------------------------------===//

#include "compiler/lower/Lowering.h"
#include "compiler/lower/Passes.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

namespace qcc::lower {
#define GEN_PASS_DEF_LOWER
#include "compiler/lower/Passes.h.inc"

using namespace mlir;

namespace {
struct Lower : impl::LowerBase<Lower> {
  using LowerBase::LowerBase;
  void getDependentDialects(DialectRegistry &registry) const override {
    registry.insert<LLVM::LLVMDialect>();
  }

  void runOnOperation() override {
    auto main = getOperation().lookupSymbol<func::FuncOp>("main");
    if (!main) {
      getOperation().emitError("has no function named 'main' to lower");
      return signalPassFailure();
    }
    llvm::ArrayRef<target::Variant> variants = target::variantsOf(triple);
    if (variants.empty()) {
      getOperation().emitError("there is no target '") << triple << "'";
      return signalPassFailure();
    }
    if (failed(Lowering(getOperation(), main, variants.front().packing).run()))
      signalPassFailure();
  }
};
} // namespace

void addLower(OpPassManager &pm, const LowerOptions &options) { pm.addPass(createLower(options)); }
} // namespace qcc::lower
