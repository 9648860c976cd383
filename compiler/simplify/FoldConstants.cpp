//===- FoldConstants.cpp - Compute what depends on constants only ---------===//

#include "compiler/simplify/Passes.h"
#include "compiler/support/Rewrite.h"

namespace qcc::simplify {
#define GEN_PASS_DEF_FOLDCONSTANTS
#include "compiler/simplify/Passes.h.inc"

namespace {
struct FoldConstants : impl::FoldConstantsBase<FoldConstants> {
  using FoldConstantsBase::FoldConstantsBase;
  void runOnOperation() override {
    if (failed(foldConstants(getOperation(), maxBytes)))
      signalPassFailure();
  }
};
} // namespace
} // namespace qcc::simplify
