//===- Types.cpp - ONNX's element types -----------------------------------===//

#include "compiler/import/Importer.h"

using namespace mlir;

namespace {

using MakeType = Type (*)(Builder &);

struct TypeRow {
  const char *name;
  MakeType make; ///< null: not supported
};

template <unsigned width, bool isSigned> Type integer(Builder &b) {
  return isSigned ? b.getIntegerType(width) : b.getIntegerType(width, false);
}
template <typename T> Type floating(Builder &b) { return b.getType<T>(); }

/// By the number of TensorProto.DataType.
const TypeRow rows[] = {
    {"UNDEFINED", nullptr},
    {"FLOAT", floating<Float32Type>},
    {"UINT8", integer<8, false>},
    {"INT8", integer<8, true>},
    {"UINT16", integer<16, false>},
    {"INT16", integer<16, true>},
    {"INT32", integer<32, true>},
    {"INT64", integer<64, true>},
    {"STRING", nullptr},
    {"BOOL", integer<1, true>},
    {"FLOAT16", floating<Float16Type>},
    {"DOUBLE", floating<Float64Type>},
    {"UINT32", integer<32, false>},
    {"UINT64", integer<64, false>},
    {"COMPLEX64", nullptr},
    {"COMPLEX128", nullptr},
    {"BFLOAT16", floating<BFloat16Type>},
    {"FLOAT8E4M3FN", floating<Float8E4M3FNType>},
    {"FLOAT8E4M3FNUZ", floating<Float8E4M3FNUZType>},
    {"FLOAT8E5M2", floating<Float8E5M2Type>},
    {"FLOAT8E5M2FNUZ", floating<Float8E5M2FNUZType>},
    {"UINT4", integer<4, false>},
    {"INT4", integer<4, true>},
    {"FLOAT4E2M1", floating<Float4E2M1FNType>},
    {"FLOAT8E8M0", nullptr},
    {"UINT2", nullptr},
    {"INT2", nullptr},
};
constexpr int32_t count = std::size(rows);

} // namespace

Type qcc::import::elementTypeOf(MLIRContext *context, int32_t onnxType) {
  Builder builder(context);
  return onnxType > 0 && onnxType < count && rows[onnxType].make ? rows[onnxType].make(builder) : Type();
}

int32_t qcc::import::onnxTypeOf(Type elementType) {
  for (int32_t type = 1; type < count; ++type)
    if (elementTypeOf(elementType.getContext(), type) == elementType)
      return type;
  return 0;
}

std::string qcc::import::onnxTypeName(int32_t onnxType) {
  return onnxType >= 0 && onnxType < count ? rows[onnxType].name : "number " + std::to_string(onnxType);
}

Location qcc::import::nodeLocation(MLIRContext *context, StringRef name, StringRef op) {
  return NameLoc::get(StringAttr::get(context, name), NameLoc::get(StringAttr::get(context, op)));
}
