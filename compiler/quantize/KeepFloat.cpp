//===- KeepFloat.cpp - Nodes that the user wants in float -----------------===//

#include "compiler/quantize/KeepFloat.h"
#include "compiler/quantize/Passes.h"

using namespace mlir;
using namespace qcc;
using quantize::KeepFloat;

FailureOr<KeepFloat> KeepFloat::parse(func::FuncOp function, ArrayRef<std::string> texts) {
  KeepFloat result;
  for (const std::string &text : texts) {
    auto owned = std::make_unique<std::string>(text);
    llvm::Expected<llvm::GlobPattern> glob = llvm::GlobPattern::create(*owned);
    if (!glob)
      return function.emitError("--keep-float=")
             << text << " is no pattern: " << llvm::toString(glob.takeError());
    result.patterns.push_back({std::move(owned), std::move(*glob)});
  }
  return result;
}

bool KeepFloat::matches(Operation *op) {
  bool any = false;
  for (Pattern &pattern : patterns)
    if (isa<QccOpInterface>(op) && !isa<ConstantOp>(op) && pattern.glob.match(nameOf(op->getLoc())))
      any = pattern.used = true;
  return any;
}

LogicalResult KeepFloat::checkUsed(func::FuncOp function) const {
  bool all = true;
  for (const Pattern &pattern : patterns)
    if (!pattern.used) {
      function.emitError("--keep-float=")
          << *pattern.text << " names no node that is left after simplification";
      all = false;
    }
  return success(all);
}
