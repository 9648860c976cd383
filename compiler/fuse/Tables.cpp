//===- Tables.cpp - Tables of 256 entries, filled by the reference --------===//

#include "compiler/fuse/Tables.h"
#include "dialects/Constants.h"
#include "dialects/QuantTypes.h"

using namespace mlir;
using namespace qcc;

reference::Tensor fuse::allNumbers(quant::UniformQuantizedType type) {
  reference::Tensor bytes(dtypeOf(type), {256}), numbers(reference::DType::F32, {256});
  for (int byte = 0; byte < 256; ++byte) {
    bytes.bytes[byte] = static_cast<uint8_t>(byte);
    numbers.setDouble(byte, reference::dequantize(bytes.getInt(byte), *quantParams(type)));
  }
  return numbers;
}

reference::Tensor fuse::stored(const reference::Tensor &numbers, quant::UniformQuantizedType type) {
  reference::Tensor result(dtypeOf(type), numbers.shape);
  for (int64_t i = 0; i < numbers.size(); ++i)
    result.setInt(i, reference::quantize(static_cast<float>(numbers.getDouble(i)), *quantParams(type)));
  return result;
}

Value fuse::createLookup(OpBuilder &builder, Location loc, Value input, const reference::Tensor &table,
                         quant::UniformQuantizedType to) {
  Value constant = createConstant(builder, loc, table, tensorTypeOf(builder.getContext(), table));
  auto type = RankedTensorType::get(tensorType(input).getShape(), to);
  return LookupOp::create(builder, loc, type, input, constant);
}

Value fuse::createRequantization(OpBuilder &builder, Location loc, Value input,
                                 quant::UniformQuantizedType to) {
  auto from = cast<quant::UniformQuantizedType>(tensorType(input).getElementType());
  return createLookup(builder, loc, input, stored(allNumbers(from), to), to);
}
