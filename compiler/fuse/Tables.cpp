//===- Tables.cpp - Tables of 256 entries, filled by the reference --------===//

#include "compiler/fuse/Tables.h"
#include "dialects/Constants.h"
#include "dialects/QuantTypes.h"

using namespace mlir;
using namespace qcc;

reference::Tensor fuse::allBytes(quant::UniformQuantizedType type) {
  reference::Tensor bytes(dtypeOf(type), {256});
  for (int byte = 0; byte < 256; ++byte)
    bytes.bytes[byte] = static_cast<uint8_t>(byte);
  return bytes;
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
  reference::QuantParams fromParams = *quantParams(from), toParams = *quantParams(to);
  reference::Tensor bytes = allBytes(from), table(dtypeOf(to), {256});
  for (int byte = 0; byte < 256; ++byte)
    table.setInt(byte, reference::quantize(reference::dequantize(bytes.getInt(byte), fromParams), toParams));
  return createLookup(builder, loc, input, table, to);
}
