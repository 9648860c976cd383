//===- QuantTypes.cpp - Scales, zero points and their types ---------------===//

#include "dialects/QuantTypes.h"
#include "dialects/Constants.h"

#include <cmath>

using namespace mlir;
using namespace qcc;
using reference::QuantParams;
using reference::Tensor;

/// Checks one pair; `index` is only for the message.
static LogicalResult checkPair(double scale, int64_t zeroPoint, reference::DType storage, int64_t index,
                               EmitError emitError) {
  if (!std::isfinite(scale) || scale <= 0)
    return emitError() << "scale[" << index << "] is " << scale << " but must be positive and finite";
  reference::Range range = reference::rangeOf(storage);
  if (zeroPoint < range.low || zeroPoint > range.high)
    return emitError() << "zero_point[" << index << "] is " << zeroPoint << " but "
                       << reference::name(storage) << " holds " << range.low << ".." << range.high;
  return success();
}

static LogicalResult checkCounts(const Tensor &scale, const Tensor *zeroPoint, int64_t axis,
                                 ArrayRef<int64_t> shape, EmitError emitError) {
  int64_t count = scale.size();
  if (zeroPoint && zeroPoint->size() != count)
    return emitError() << "has " << count << " scales but " << zeroPoint->size() << " zero points";
  if (scale.rank() == 0 || (scale.rank() == 1 && count == 1))
    return success();
  auto rank = static_cast<int64_t>(shape.size());
  if (scale.rank() != 1)
    return emitError() << "scale has rank " << scale.rank() << " but should have 0 or 1";
  if (axis < -rank || axis >= rank)
    return emitError() << "axis is " << axis << " but the operand has rank " << rank;
  int64_t dim = shape[axis < 0 ? axis + rank : axis];
  if (count != dim)
    return emitError() << "has " << count << " scales but axis " << axis << " has size " << dim;
  return success();
}

FailureOr<quant::QuantizedType> qcc::makeQuantType(MLIRContext *context, const Tensor &scale,
                                                   const Tensor *zeroPoint, int64_t axis,
                                                   ArrayRef<int64_t> shape, reference::DType storage,
                                                   EmitError emitError) {
  if (reference::isFloat(storage) || reference::byteSize(storage) > 4 || storage == reference::DType::U32)
    return emitError() << "quantised values cannot be stored as " << reference::name(storage);
  if (zeroPoint && zeroPoint->type != storage)
    return emitError() << "zero_point has type " << reference::name(zeroPoint->type)
                       << " but the quantised values are " << reference::name(storage);
  if (failed(checkCounts(scale, zeroPoint, axis, shape, emitError)))
    return failure();
  SmallVector<double> scales;
  SmallVector<int64_t> zeroPoints;
  for (int64_t i = 0, e = scale.size(); i < e; ++i) {
    scales.push_back(scale.getDouble(i));
    zeroPoints.push_back(zeroPoint ? zeroPoint->getInt(i) : 0);
    if (failed(checkPair(scales.back(), zeroPoints.back(), storage, i, emitError)))
      return failure();
  }
  bool isSigned = !reference::isUnsigned(storage);
  unsigned flags = isSigned ? quant::QuantizationFlags::Signed : 0;
  auto width = reference::byteSize(storage) * 8;
  if (storage == reference::DType::I4 || storage == reference::DType::U4)
    width = 4;
  Type integer = IntegerType::get(context, static_cast<unsigned>(width));
  Type expressed = Float32Type::get(context);
  reference::Range range = reference::rangeOf(storage);
  if (scales.size() == 1)
    return quant::QuantizedType(quant::UniformQuantizedType::getChecked(
        emitError, flags, integer, expressed, scales[0], zeroPoints[0], range.low, range.high));
  return quant::QuantizedType(quant::UniformQuantizedPerAxisType::getChecked(
      emitError, flags, integer, expressed, scales, zeroPoints,
      static_cast<int32_t>(axis < 0 ? axis + static_cast<int64_t>(shape.size()) : axis), range.low,
      range.high));
}

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

Type qcc::storageTypeOf(quant::QuantizedType type) { return elementTypeOf(type.getContext(), dtypeOf(type)); }
