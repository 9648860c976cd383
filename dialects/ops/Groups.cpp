//===- Groups.cpp - Weights in groups along the depth (q13) ---------------===//

#include "dialects/ops/Groups.h"

#include "dialects/reference/Quant.h"

using namespace mlir;
using namespace qcc;
using namespace qcc::ops;

LogicalResult ops::checkGroups(Operation *op, StringRef operand, Value value, int64_t axis) {
  auto emitError = [&] { return op->emitOpError("operand '") << operand << "' "; };
  Type element = elementOf(value);
  if (failed(checkGranularity(element, shapeOf(value), emitError)))
    return failure();
  auto type = cast<quant::QuantizedType>(element);
  int64_t size = groupSize(element, shapeOf(value), axis);
  if (size > 0 && size % reference::groupDepth == 0 && type.getStorageTypeIntegralWidth() == 4 &&
      type.isSigned())
    return success();
  return emitError() << "stores " << type.getStorageType() << " in groups of " << size << " along axis "
                     << axis << " but should store i4 in groups of a multiple of " << reference::groupDepth;
}

reference::Groups ops::groupsOf(Value value) {
  if (!hasGroups(value))
    return {};
  ElementParams params = elementParams(elementOf(value), shapeOf(value));
  return {std::move(params.params), std::move(params.index)};
}

reference::Tensor ops::dequantized(Value value, const reference::Tensor &stored) {
  reference::Groups groups = groupsOf(value);
  return reference::dequantize(stored, groups.params, groups.index, reference::DType::F32);
}
