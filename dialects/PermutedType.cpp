//===- PermutedType.cpp - The type of a transposed tensor -----------------===//

#include "dialects/PermutedType.h"
#include "mlir/Dialect/Quant/IR/QuantTypes.h"

using namespace mlir;

RankedTensorType qcc::permutedType(RankedTensorType type, ArrayRef<int64_t> perm) {
  SmallVector<int64_t> shape;
  for (int64_t axis : perm)
    shape.push_back(type.getDimSize(axis));
  Type element = type.getElementType();
  if (auto scaled = dyn_cast<quant::UniformQuantizedPerAxisType>(element)) {
    auto axis = llvm::find(perm, scaled.getQuantizedDimension()) - perm.begin();
    element = quant::UniformQuantizedPerAxisType::get(scaled.getFlags(), scaled.getStorageType(),
                                                      scaled.getExpressedType(), scaled.getScales(),
                                                      scaled.getZeroPoints(), static_cast<int32_t>(axis),
                                                      scaled.getStorageTypeMin(), scaled.getStorageTypeMax());
  }
  return RankedTensorType::get(shape, element);
}
