//===- Lowest.cpp - How far below zero a tensor reaches -------------------===//

#include "compiler/quantize/Lowest.h"
#include "dialects/Chain.h"

#include <cmath>

using namespace mlir;
using namespace qcc;
using quantize::Lowest;

static constexpr float unknown = -INFINITY;

/// The least of a function from `lowest` on: of many small arguments and some large ones.
static float leastOf(const reference::PointwiseStep &step, float lowest) {
  constexpr float dense = 16, width = 1.0f / 16, farthest = 1e6f;
  float least = 0;
  auto sample = [&](float x) {
    if (x >= lowest)
      least = std::min(least, applyPointwise(step, x));
  };
  for (float x = -dense; x <= dense; x += width)
    sample(x);
  for (float x = dense; x < farthest; x *= 4) {
    sample(x);
    sample(-x);
  }
  return least;
}

float Lowest::compute(Operation *op) {
  auto interface = dyn_cast_or_null<QccOpInterface>(op);
  if (!interface || op->getNumOperands() == 0)
    return unknown;
  auto ofOperand = [&](unsigned i) { return known.lookup(op->getOperand(i)); };
  switch (interface.quantRule()) {
  case QuantRule::SameScale:
  case QuantRule::Average:
    return ofOperand(0);
  case QuantRule::Concat: {
    float least = 0;
    for (Value operand : op->getOperands())
      least = std::min(least, known.lookup(operand));
    return least;
  }
  case QuantRule::Binary: {
    bool positive = ofOperand(0) == 0 && ofOperand(1) == 0;
    return isa<AddOp>(op) ? ofOperand(0) + ofOperand(1) : positive ? 0 : unknown;
  }
  default:
    break;
  }
  FailureOr<reference::PointwiseStep> step = stepOf(op);
  return succeeded(step) ? leastOf(*step, ofOperand(0)) : unknown;
}

/// Without recursion: a model may be a chain of any length.
float Lowest::of(Value value) {
  SmallVector<Value> pending{value};
  while (!pending.empty()) {
    Value next = pending.back();
    if (known.contains(next)) {
      pending.pop_back();
      continue;
    }
    Operation *op = next.getDefiningOp();
    size_t before = pending.size();
    if (op)
      llvm::copy_if(op->getOperands(), std::back_inserter(pending),
                    [&](Value operand) { return !known.contains(operand); });
    if (pending.size() == before)
      known[next] = compute(op);
  }
  return known.lookup(value);
}
