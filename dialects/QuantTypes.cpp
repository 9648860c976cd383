//===- QuantTypes.cpp - Scales, zero points and their types ---------------===//

#include "dialects/QuantTypes.h"
#include "dialects/Constants.h"

using namespace mlir;
using namespace qcc;
using reference::QuantParams;

std::optional<QuantParams> qcc::quantParams(Type element) {
  auto type = dyn_cast<quant::UniformQuantizedType>(element);
  if (!type)
    return std::nullopt;
  return QuantParams{static_cast<float>(type.getScale()), type.getZeroPoint(), type.getStorageTypeMin(),
                     type.getStorageTypeMax()};
}

FailureOr<SmallVector<QuantParams>> qcc::channelParams(Type element, int64_t axis, int64_t count,
                                                       EmitError emitError) {
  if (std::optional<QuantParams> one = quantParams(element))
    return SmallVector<QuantParams>(static_cast<size_t>(count), *one);
  auto type = dyn_cast<quant::UniformQuantizedPerAxisType>(element);
  if (!type)
    return emitError() << "needs a type quantised per tensor or per axis but has " << element;
  if (type.getQuantizedDimension() != axis || static_cast<int64_t>(type.getScales().size()) != count)
    return emitError() << "needs " << count << " scales along axis " << axis << " but " << element << " has "
                       << type.getScales().size() << " along axis " << type.getQuantizedDimension();
  SmallVector<QuantParams> params;
  for (auto [scale, zeroPoint] : llvm::zip(type.getScales(), type.getZeroPoints()))
    params.push_back(
        {static_cast<float>(scale), zeroPoint, type.getStorageTypeMin(), type.getStorageTypeMax()});
  return params;
}

/// For each axis of the tensor the size of a block: all of it where the type
/// does not tell positions along it apart.
static SmallVector<int64_t> blockSizes(Type element, ArrayRef<int64_t> shape) {
  SmallVector<int64_t> blocks(shape);
  if (auto type = dyn_cast<quant::UniformQuantizedPerAxisType>(element))
    blocks[type.getQuantizedDimension()] = 1;
  if (auto type = dyn_cast<quant::UniformQuantizedSubChannelType>(element)) {
    llvm::fill(blocks, 1);
    for (auto [axis, size] : llvm::zip(type.getQuantizedDimensions(), type.getBlockSizes()))
      blocks[axis] = size;
  }
  return blocks;
}

LogicalResult qcc::checkGranularity(Type element, ArrayRef<int64_t> shape, EmitError emitError) {
  auto rank = static_cast<int64_t>(shape.size());
  if (isa<quant::UniformQuantizedType>(element))
    return success();
  if (auto type = dyn_cast<quant::UniformQuantizedPerAxisType>(element)) {
    int64_t axis = type.getQuantizedDimension();
    if (axis < rank && shape[axis] == static_cast<int64_t>(type.getScales().size()))
      return success();
  } else if (auto type = dyn_cast<quant::UniformQuantizedSubChannelType>(element)) {
    ArrayRef<int64_t> scales = type.getScales().getType().getShape();
    bool fits = static_cast<int64_t>(scales.size()) == rank &&
                llvm::all_of(type.getQuantizedDimensions(), [&](int64_t axis) { return axis < rank; });
    SmallVector<int64_t> blocks = fits ? blockSizes(element, shape) : SmallVector<int64_t>();
    for (auto [dim, block, count] : llvm::zip(shape, blocks, scales))
      fits &= (dim + block - 1) / block == count;
    if (fits)
      return success();
  } else {
    return emitError() << "needs a quantised type but has " << element;
  }
  return emitError() << "has the type " << RankedTensorType::get(shape, element)
                     << ", whose scales do not fit its shape";
}

static std::vector<QuantParams> allParams(Type element) {
  if (std::optional<QuantParams> one = quantParams(element))
    return {*one};
  auto range = cast<quant::QuantizedType>(element);
  std::vector<QuantParams> params;
  if (auto type = dyn_cast<quant::UniformQuantizedPerAxisType>(element))
    for (auto [scale, zero] : llvm::zip(type.getScales(), type.getZeroPoints()))
      params.push_back(
          {static_cast<float>(scale), zero, range.getStorageTypeMin(), range.getStorageTypeMax()});
  if (auto type = dyn_cast<quant::UniformQuantizedSubChannelType>(element))
    for (auto [scale, zero] :
         llvm::zip(type.getScales().getValues<APFloat>(), type.getZeroPoints().getValues<APInt>()))
      params.push_back({scale.convertToFloat(),
                        type.isSigned() ? zero.getSExtValue() : static_cast<int64_t>(zero.getZExtValue()),
                        range.getStorageTypeMin(), range.getStorageTypeMax()});
  return params;
}

ElementParams qcc::elementParams(Type element, ArrayRef<int64_t> shape) {
  ElementParams result = {allParams(element), {}};
  SmallVector<int64_t> blocks = blockSizes(element, shape), position(shape.size(), 0);
  int64_t count = ShapedType::getNumElements(shape);
  result.index.reserve(count);
  while (static_cast<int64_t>(result.index.size()) < count) {
    int64_t index = 0;
    for (auto [dim, block, at] : llvm::zip(shape, blocks, position))
      index = index * ((dim + block - 1) / block) + at / block;
    // Along the last axis the index is constant for a block at a time.
    int64_t run = shape.empty() ? 1 : std::min(blocks.back(), shape.back() - position.back());
    result.index.insert(result.index.end(), run, index);
    if (!position.empty())
      position.back() += run;
    for (size_t axis = shape.size(); axis-- > 1 && position[axis] == shape[axis]; ++position[axis - 1])
      position[axis] = 0;
  }
  return result;
}

int64_t qcc::groupSize(Type element, ArrayRef<int64_t> shape, int64_t axis) {
  auto type = dyn_cast<quant::UniformQuantizedSubChannelType>(element);
  if (!type || type.getScales().getType().getRank() != static_cast<int64_t>(shape.size()))
    return 0;
  SmallVector<int64_t> blocks = blockSizes(element, shape);
  for (size_t i = 0; i < shape.size(); ++i)
    if (static_cast<int64_t>(i) != axis && blocks[i] != 1)
      return 0;
  return blocks[axis];
}

Type qcc::storageTypeOf(quant::QuantizedType type) { return elementTypeOf(type.getContext(), dtypeOf(type)); }
