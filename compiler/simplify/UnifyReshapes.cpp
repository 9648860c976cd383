//===- UnifyReshapes.cpp - One spelling of reshape, few transposes --------===//

#include "compiler/simplify/Passes.h"
#include "compiler/support/Rewrite.h"

namespace qcc::simplify {
#define GEN_PASS_DEF_UNIFYRESHAPES
#include "compiler/simplify/Passes.h.inc"

using namespace mlir;

namespace {
struct UnifyReshapes : impl::UnifyReshapesBase<UnifyReshapes> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    populateReshapePatterns(patterns);
    populateIdentityPatterns(patterns);
    if (failed(applyPatterns(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};
} // namespace
} // namespace qcc::simplify
