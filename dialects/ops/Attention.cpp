//===- Attention.cpp - Attention ------------------------------------------===//

#include "dialects/reference/Attention.h"
#include "dialects/Constants.h"
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
  if (failed(requireSameElement(*this, {getQuery(), getKey(), getValue()})))
    return failure();
  Type element = elementOf(getQuery()), ofMask = element.isBF16() ? Float32Type::get(getContext()) : element;
  if (getMask() && elementOf(getMask()) != ofMask)
    return emitOpError("operand 'mask' has element type ")
           << elementOf(getMask()) << " but should be " << ofMask;
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
  if (element.isBF16() && declaredElement(*this).isF32()) // sums of bf16 are f32, rounded or not
    element = declaredElement(*this);
  return addResult(*this, results, {q[0], q[1], q[2], v[3]}, element);
}

LogicalResult AttentionOp::evaluate(Operands operands, Tensors &results) {
  results.push_back(reference::attention(*operands[0], *operands[1], *operands[2], optional(operands, 3),
                                         optional(operands, 4), getScale().convertToDouble(),
                                         getSoftcap().convertToDouble(), dtypeOf(declaredElement(*this))));
  return success();
}
