//===- Observe.cpp - Points where calibration measures --------------------===//

#include "dialects/Qcc.h"

using namespace mlir;
using namespace qcc;

LogicalResult ObserveOp::inferTypes(SmallVectorImpl<Type> &results) {
  auto type = cast<RankedTensorType>(getInput().getType());
  if (getRange() && getRange()->size() != 2)
    return emitOpError("has a range of ") << getRange()->size() << " numbers; lo and hi are expected";
  if (getAxis() && static_cast<int64_t>(*getAxis()) >= type.getRank())
    return emitOpError("has axis ") << *getAxis() << " but its operand has rank " << type.getRank();
  if (getCorrection() && !getAxis())
    return emitOpError("has a correction but no axis");
  if (getCorrection() && static_cast<int64_t>(getCorrection()->size()) != type.getDimSize(*getAxis()))
    return emitOpError("has ") << getCorrection()->size() << " corrections for "
                               << type.getDimSize(*getAxis()) << " channels";
  results.push_back(type);
  return success();
}

LogicalResult ObserveOp::evaluate(ArrayRef<const reference::Tensor *> operands,
                                  SmallVectorImpl<reference::Tensor> &results) {
  results.push_back(*operands.front());
  return success();
}

LogicalResult ObserveOp::toChannelsLast() {
  int64_t rank = cast<RankedTensorType>(getInput().getType()).getRank();
  if (auto axis = getAxis(); axis && rank > 2 && *axis > 0)
    setAxis(*axis == 1 ? rank - 1 : static_cast<int64_t>(*axis) - 1);
  return success();
}
