//===- Attention.cpp - Attention ------------------------------------------===//

#include "dialects/reference/Attention.h"
#include "dialects/ops/Common.h"
#include "dialects/reference/Elementwise.h"

using namespace mlir;
using namespace qcc;
using namespace qcc::ops;

LogicalResult AttentionOp::inferTypes(Results &results) {
  for (auto [name, value] :
       {std::pair("query", getQuery()), std::pair("key", getKey()), std::pair("value", getValue())})
    if (failed(requireFloat(*this, name, value)) || failed(requireRank(*this, name, value, 4, 4)))
      return failure();
  SmallVector<Value> floats{getQuery(), getKey(), getValue()};
  if (getMask())
    floats.push_back(getMask());
  if (failed(requireSameElement(*this, floats)))
    return failure();
  if (Value count = getCount();
      count && (!elementOf(count).isSignlessInteger(64) || tensorOf(count).getNumElements() != 1))
    return emitOpError("operand 'count' is ") << count.getType() << ", not one i64";
  ArrayRef<int64_t> q = shapeOf(getQuery()), k = shapeOf(getKey()), v = shapeOf(getValue());
  bool headsFit = k[2] == v[2] && (k[2] == q[2] || (k[2] > 0 && q[2] % k[2] == 0));
  if (k[0] != q[0] || v[0] != q[0] || !headsFit || k[3] != q[3] || v[1] != k[1])
    return emitOpError("operands have shapes ")
           << shapeText(q) << ", " << shapeText(k) << " and " << shapeText(v) << ", which do not fit";
  if (Value mask = getMask()) {
    std::vector<int64_t> scores = {q[0], q[2], q[1], k[1]}, both;
    if (!reference::broadcastShapes(toStd(shapeOf(mask)), scores, both) || both != scores)
      return emitOpError("operand 'mask' has shape ")
             << shapeText(shapeOf(mask)) << ", which does not broadcast to " << shapeText(scores);
  }
  return addResult(*this, results, {q[0], q[1], q[2], v[3]}, elementOf(getQuery()));
}

LogicalResult AttentionOp::evaluate(Operands operands, Tensors &results) {
  results.push_back(reference::attention(*operands[0], *operands[1], *operands[2], optional(operands, 3),
                                         optional(operands, 4), getScale().convertToDouble(),
                                         getSoftcap().convertToDouble()));
  return success();
}
