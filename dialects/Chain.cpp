//===- Chain.cpp - Pointwise steps from operations and attributes ---------===//

#include "dialects/Chain.h"

using namespace mlir;
using namespace qcc;
using reference::PointwiseFunction;
using reference::PointwiseStep;

/// Parameters by name from anything that has attributes.
template <typename Lookup> static PointwiseStep readStep(const PointwiseFunction *function, Lookup lookup) {
  PointwiseStep step = {function, function->defaults[0], function->defaults[1]};
  float *values[] = {&step.a, &step.b};
  for (int i = 0; i < 2; ++i)
    if (function->parameters[i])
      if (auto attr = dyn_cast_or_null<FloatAttr>(lookup(function->parameters[i])))
        *values[i] = static_cast<float>(attr.getValueAsDouble());
  return step;
}

static const PointwiseFunction *functionOf(Operation *op) {
  if (op->getNumOperands() != 1 || op->getName().getDialectNamespace() != QccDialect::getDialectNamespace())
    return nullptr;
  return reference::findPointwise(op->getName().stripDialect().str());
}

FailureOr<PointwiseStep> qcc::stepOf(Operation *op) {
  const PointwiseFunction *function = functionOf(op);
  if (!function)
    return failure();
  return readStep(function, [&](StringRef name) { return op->getAttr(name); });
}

FailureOr<PointwiseStep> qcc::parseStep(DictionaryAttr entry, Operation *op) {
  auto name = entry.getAs<StringAttr>("op");
  if (!name)
    return op->emitOpError("chain has the entry ") << entry << " without a name 'op'";
  const PointwiseFunction *function = reference::findPointwise(name.str());
  if (!function)
    return op->emitOpError("chain has the unknown step '") << name.getValue() << "'";
  return readStep(function, [&](StringRef parameter) { return entry.get(parameter); });
}

FailureOr<DictionaryAttr> qcc::chainEntryOf(Operation *op) {
  FailureOr<PointwiseStep> step = stepOf(op);
  if (failed(step))
    return failure();
  Builder builder(op->getContext());
  NamedAttrList entry;
  entry.append("op", builder.getStringAttr(step->function->name));
  const float values[] = {step->a, step->b};
  for (int i = 0; i < 2; ++i)
    if (step->function->parameters[i])
      entry.append(step->function->parameters[i], builder.getF32FloatAttr(values[i]));
  return entry.getDictionary(op->getContext());
}

FailureOr<SmallVector<PointwiseStep>> qcc::parseChain(ArrayAttr chain, Operation *op) {
  SmallVector<PointwiseStep> steps;
  if (!chain)
    return steps;
  for (Attribute attr : chain) {
    auto entry = dyn_cast<DictionaryAttr>(attr);
    if (!entry)
      return op->emitOpError("chain has the entry ") << attr << ", which is no dictionary";
    auto name = entry.getAs<StringAttr>("op");
    if (name && (name == "residual" || name == "requantize"))
      continue;
    FailureOr<PointwiseStep> step = parseStep(entry, op);
    if (failed(step))
      return failure();
    steps.push_back(*step);
  }
  return steps;
}

LogicalResult qcc::applyChain(ArrayAttr chain, Operation *op, reference::Tensor &value) {
  FailureOr<SmallVector<PointwiseStep>> steps = parseChain(chain, op);
  if (failed(steps))
    return failure();
  for (const PointwiseStep &step : *steps)
    value = reference::applyPointwise(step, value);
  return success();
}
