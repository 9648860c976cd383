//===- RemoveIdentities.cpp - Drop operations that do nothing -------------===//

#include "compiler/simplify/Passes.h"
#include "compiler/support/Rewrite.h"

namespace qcc::simplify {
#define GEN_PASS_DEF_REMOVEIDENTITIES
#include "compiler/simplify/Passes.h.inc"

using namespace mlir;

namespace {
struct RemoveIdentities : impl::RemoveIdentitiesBase<RemoveIdentities> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    populateIdentityPatterns(patterns);
    if (failed(applyPatterns(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};
} // namespace
} // namespace qcc::simplify
