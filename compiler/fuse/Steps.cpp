//===- Steps.cpp - The pointwise steps after an operation -----------------===//

#include "compiler/fuse/Steps.h"
#include "dialects/Chain.h"

using namespace mlir;
using namespace qcc;

static Attribute entryWith(MLIRContext *context, StringRef name, ArrayRef<NamedAttribute> parameters) {
  NamedAttrList entry(parameters);
  entry.append("op", StringAttr::get(context, name));
  return entry.getDictionary(context);
}

/// x + c and x * c
static std::optional<fuse::PointwiseUse> scalarUse(Operation *op) {
  if (!isa<AddOp, MulOp>(op) || op->getAttr("chain"))
    return std::nullopt;
  for (unsigned side : {0u, 1u}) {
    std::optional<double> scalar = constantScalar(op->getOperand(1 - side));
    if (!scalar || op->getOperand(side).getType() != op->getResult(0).getType())
      continue;
    Builder builder(op->getContext());
    NamedAttribute value =
        builder.getNamedAttr("value", builder.getF32FloatAttr(static_cast<float>(*scalar)));
    return fuse::PointwiseUse{op->getOperand(side),
                              entryWith(op->getContext(), isa<AddOp>(op) ? "add" : "mul", value), true};
  }
  return std::nullopt;
}

std::optional<fuse::PointwiseUse> fuse::pointwiseUse(Operation *op) {
  if (op->getNumResults() != 1 || !isa<QccOpInterface>(op) ||
      !tensorType(op->getResult(0)).getElementType().isF32())
    return std::nullopt;
  if (std::optional<PointwiseUse> scalar = scalarUse(op))
    return scalar;
  FailureOr<reference::PointwiseStep> step = stepOf(op);
  FailureOr<DictionaryAttr> entry = chainEntryOf(op);
  if (failed(step) || failed(entry))
    return std::nullopt;
  return PointwiseUse{op->getOperand(0), *entry, step->function->exact};
}

Attribute fuse::residualEntry(MLIRContext *context) { return entryWith(context, "residual", {}); }

Attribute fuse::requantizeEntry(quant::UniformQuantizedType type) {
  Builder builder(type.getContext());
  NamedAttribute parameters[] = {
      builder.getNamedAttr("scale", builder.getF32FloatAttr(static_cast<float>(type.getScale()))),
      builder.getNamedAttr("zero_point", builder.getI64IntegerAttr(type.getZeroPoint()))};
  return entryWith(type.getContext(), "requantize", parameters);
}
