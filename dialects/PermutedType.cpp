//===- PermutedType.cpp - The type of a transposed tensor -----------------===//

#include "dialects/PermutedType.h"
#include "mlir/Dialect/Quant/IR/QuantTypes.h"

using namespace mlir;
using quant::UniformQuantizedPerAxisType, quant::UniformQuantizedSubChannelType;

static SmallVector<int64_t> permuted(ArrayRef<int64_t> list, ArrayRef<int64_t> perm) {
  SmallVector<int64_t> result;
  for (int64_t axis : perm)
    result.push_back(list[axis]);
  return result;
}

template <typename Number>
static DenseElementsAttr permutedNumbers(DenseElementsAttr numbers, ArrayRef<int64_t> perm) {
  ArrayRef<int64_t> shape = numbers.getType().getShape();
  SmallVector<Number> old(numbers.getValues<Number>()), result;
  SmallVector<int64_t> strides(shape.size(), 1);
  for (size_t axis = shape.size(); axis-- > 1;)
    strides[axis - 1] = strides[axis] * shape[axis];
  SmallVector<int64_t> newShape = permuted(shape, perm), newStrides = permuted(strides, perm);
  for (size_t i = 0; i < old.size(); ++i) {
    int64_t from = 0, rest = static_cast<int64_t>(i);
    for (size_t axis = perm.size(); axis-- > 0; rest /= newShape[axis])
      from += rest % newShape[axis] * newStrides[axis];
    result.push_back(old[from]);
  }
  return DenseElementsAttr::get(numbers.getType().clone(newShape), result);
}

static Type permutedElement(Type element, ArrayRef<int64_t> perm) {
  auto placeOf = [&](int64_t axis) { return static_cast<int32_t>(llvm::find(perm, axis) - perm.begin()); };
  if (auto type = dyn_cast<UniformQuantizedPerAxisType>(element))
    return UniformQuantizedPerAxisType::get(type.getFlags(), type.getStorageType(), type.getExpressedType(),
                                            type.getScales(), type.getZeroPoints(),
                                            placeOf(type.getQuantizedDimension()), type.getStorageTypeMin(),
                                            type.getStorageTypeMax());
  auto type = dyn_cast<UniformQuantizedSubChannelType>(element);
  if (!type)
    return element;
  SmallVector<int32_t> axes;
  for (int64_t axis : type.getQuantizedDimensions())
    axes.push_back(placeOf(axis));
  return UniformQuantizedSubChannelType::get(
      type.getFlags(), type.getStorageType(), type.getExpressedType(),
      permutedNumbers<APFloat>(type.getScales(), perm), permutedNumbers<APInt>(type.getZeroPoints(), perm),
      axes, type.getBlockSizes(), type.getStorageTypeMin(), type.getStorageTypeMax());
}

RankedTensorType qcc::permutedType(RankedTensorType type, ArrayRef<int64_t> perm) {
  return RankedTensorType::get(permuted(type.getShape(), perm), permutedElement(type.getElementType(), perm));
}
