//===- FloatProducts.cpp - Products that stay in float --------------------===//
#include "compiler/fuse/FloatProducts.h"

#include "compiler/support/Rewrite.h"

using namespace mlir;
using namespace qcc;

bool fuse::isF32(Value value) { return tensorType(value).getElementType().isF32(); }

static bool isDepthwise(Operation *op) {
  auto conv = dyn_cast<ConvOp>(op);
  return conv && conv.getGroup() > 1 && tensorType(conv.getFilter()).getDimSize(1) == 1;
}

std::optional<Weighted> fuse::productOf(Operation *op) {
  std::optional<Weighted> weighted = op ? describeWeighted(op) : std::nullopt;
  return weighted && isConstant(weighted->weights->get()) ? weighted : std::nullopt;
}

std::optional<Weighted> fuse::floatProductOf(Operation *op) {
  std::optional<Weighted> product = productOf(op);
  bool fits = product && isF32(product->input->get()) && isF32(product->weights->get()) && !isDepthwise(op);
  return fits ? product : std::nullopt;
}
