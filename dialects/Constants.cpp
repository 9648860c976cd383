//===- Constants.cpp - MLIR's constants and the reference's tensors -------===//

#include "dialects/Constants.h"
#include "mlir/IR/AsmState.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace qcc;
using reference::DType;
using reference::Tensor;

static std::optional<DType> integerDType(unsigned width, bool isSigned) {
  switch (width) {
  case 4:
    return isSigned ? DType::I4 : DType::U4;
  case 8:
    return isSigned ? DType::I8 : DType::U8;
  case 16:
    return isSigned ? DType::I16 : DType::U16;
  case 32:
    return isSigned ? DType::I32 : DType::U32;
  case 64:
    return isSigned ? DType::I64 : DType::U64;
  default:
    return std::nullopt;
  }
}

std::optional<DType> qcc::findDType(Type type) {
  if (auto quantized = dyn_cast<quant::QuantizedType>(type))
    return integerDType(quantized.getStorageTypeIntegralWidth(), quantized.isSigned());
  if (type.isInteger(1))
    return DType::Bool;
  if (auto integer = dyn_cast<IntegerType>(type))
    return integerDType(integer.getWidth(), !integer.isUnsigned());
  return llvm::TypeSwitch<Type, std::optional<DType>>(type)
      .Case<Float32Type>([](Type) { return DType::F32; })
      .Case<Float64Type>([](Type) { return DType::F64; })
      .Case<Float16Type>([](Type) { return DType::F16; })
      .Case<BFloat16Type>([](Type) { return DType::BF16; })
      .Case<Float8E4M3FNType>([](Type) { return DType::F8E4M3FN; })
      .Case<Float8E4M3FNUZType>([](Type) { return DType::F8E4M3FNUZ; })
      .Case<Float8E5M2Type>([](Type) { return DType::F8E5M2; })
      .Case<Float8E5M2FNUZType>([](Type) { return DType::F8E5M2FNUZ; })
      .Case<Float4E2M1FNType>([](Type) { return DType::F4E2M1; })
      .Default([](Type) { return std::nullopt; });
}

DType qcc::dtypeOf(Type type) {
  std::optional<DType> dtype = findDType(type);
  if (!dtype)
    llvm::report_fatal_error("the reference has no such element type");
  return *dtype;
}

Type qcc::elementTypeOf(MLIRContext *context, DType type) {
  Builder b(context);
  switch (type) {
  case DType::F32:
    return b.getF32Type();
  case DType::F64:
    return b.getF64Type();
  case DType::F16:
    return b.getF16Type();
  case DType::BF16:
    return b.getBF16Type();
  case DType::I4:
    return b.getIntegerType(4);
  case DType::U4:
    return b.getIntegerType(4, false);
  case DType::I8:
    return b.getI8Type();
  case DType::U8:
    return b.getIntegerType(8, false);
  case DType::I16:
    return b.getI16Type();
  case DType::U16:
    return b.getIntegerType(16, false);
  case DType::I32:
    return b.getI32Type();
  case DType::U32:
    return b.getIntegerType(32, false);
  case DType::I64:
    return b.getI64Type();
  case DType::U64:
    return b.getIntegerType(64, false);
  case DType::Bool:
    return b.getI1Type();
  case DType::F8E4M3FN:
    return b.getType<Float8E4M3FNType>();
  case DType::F8E4M3FNUZ:
    return b.getType<Float8E4M3FNUZType>();
  case DType::F8E5M2:
    return b.getType<Float8E5M2Type>();
  case DType::F8E5M2FNUZ:
    return b.getType<Float8E5M2FNUZType>();
  case DType::F4E2M1:
    return b.getType<Float4E2M1FNType>();
  }
  llvm_unreachable("all types are listed");
}

RankedTensorType qcc::tensorTypeOf(MLIRContext *context, const Tensor &tensor) {
  return RankedTensorType::get(tensor.shape, elementTypeOf(context, tensor.type));
}

RankedTensorType qcc::storageTypeOf(RankedTensorType type) {
  if (!isa<quant::QuantizedType>(type.getElementType()))
    return type;
  return type.clone(elementTypeOf(type.getContext(), dtypeOf(type.getElementType())));
}

/// MLIR packs i1 into bits and zero-extends 4-bit values; the reference has a
/// byte for each, sign-extended.
static void readInline(DenseElementsAttr attr, Tensor &tensor) {
  if (tensor.type == DType::Bool) {
    for (auto [i, value] : llvm::enumerate(attr.getValues<bool>()))
      tensor.bytes[i] = value;
    return;
  }
  ArrayRef<char> raw = attr.getRawData();
  size_t width = reference::byteSize(tensor.type);
  for (size_t at = 0; at < tensor.bytes.size(); at += width)
    memcpy(&tensor.bytes[at], &raw[attr.isSplat() ? 0 : at], width);
  if (tensor.type == DType::I4)
    for (uint8_t &byte : tensor.bytes)
      byte = static_cast<uint8_t>(static_cast<int8_t>(byte << 4) >> 4);
}

std::optional<DType> qcc::findOnnxDType(int64_t code) {
  // Indexed by code; undefined, string and complex types have no equivalent.
  static const std::optional<DType> types[] = {{},
                                               DType::F32,
                                               DType::U8,
                                               DType::I8,
                                               DType::U16,
                                               DType::I16,
                                               DType::I32,
                                               DType::I64,
                                               {},
                                               DType::Bool,
                                               DType::F16,
                                               DType::F64,
                                               DType::U32,
                                               DType::U64,
                                               {},
                                               {},
                                               DType::BF16,
                                               DType::F8E4M3FN,
                                               DType::F8E4M3FNUZ,
                                               DType::F8E5M2,
                                               DType::F8E5M2FNUZ,
                                               DType::U4,
                                               DType::I4,
                                               DType::F4E2M1};
  return code >= 0 && code < static_cast<int64_t>(std::size(types)) ? types[code] : std::nullopt;
}

bool qcc::isReadable(ElementsAttr attr) {
  std::optional<DType> type = findDType(attr.getElementType());
  auto resource = dyn_cast<DenseResourceElementsAttr>(attr);
  if (!type || !resource)
    return type && isa<DenseElementsAttr>(attr);
  AsmResourceBlob *blob = resource.getRawHandle().getBlob();
  auto bytes = static_cast<size_t>(attr.getNumElements() * reference::byteSize(*type));
  return blob && blob->getData().size() == bytes;
}

std::optional<Tensor> qcc::constantTensor(Value value) {
  auto constant = value.getDefiningOp<ConstantOp>();
  return constant ? std::optional<Tensor>(toTensor(constant.getValue())) : std::nullopt;
}

Tensor qcc::toTensor(ElementsAttr attr) {
  Tensor tensor(dtypeOf(attr.getElementType()), attr.getShapedType().getShape().vec());
  if (auto dense = dyn_cast<DenseElementsAttr>(attr)) {
    if (!tensor.bytes.empty())
      readInline(dense, tensor);
    return tensor;
  }
  auto resource = dyn_cast<DenseResourceElementsAttr>(attr);
  AsmResourceBlob *blob = resource ? resource.getRawHandle().getBlob() : nullptr;
  if (!blob || blob->getData().size() != tensor.bytes.size())
    llvm::report_fatal_error("a constant's resource is missing or has the wrong size");
  if (!tensor.bytes.empty())
    memcpy(tensor.bytes.data(), blob->getData().data(), tensor.bytes.size());
  return tensor;
}

ElementsAttr qcc::toResource(RankedTensorType type, ArrayRef<char> bytes, std::shared_ptr<const void> owner) {
  AsmResourceBlob blob(
      bytes, /*dataAlignment=*/alignof(double), [owner](void *, size_t, size_t) {}, /*dataIsMutable=*/false);
  return DenseResourceElementsAttr::get(storageTypeOf(type), "c", std::move(blob));
}

ElementsAttr qcc::toAttr(const Tensor &tensor, RankedTensorType type) {
  type = storageTypeOf(type);
  if (static_cast<int64_t>(tensor.bytes.size()) > maxInlineConstantBytes) {
    auto owner = std::make_shared<std::vector<uint8_t>>(tensor.bytes);
    return toResource(type, {reinterpret_cast<const char *>(owner->data()), owner->size()}, owner);
  }
  if (tensor.bytes.empty())
    return DenseElementsAttr::get(type, ArrayRef<Attribute>());
  if (tensor.type == DType::Bool) {
    SmallVector<bool> bits(tensor.bytes.begin(), tensor.bytes.end());
    return DenseElementsAttr::get(type, bits);
  }
  SmallVector<char> raw(tensor.bytes.begin(), tensor.bytes.end());
  if (tensor.type == DType::I4)
    for (char &byte : raw)
      byte &= 0xf;
  return DenseElementsAttr::getFromRawBuffer(type, raw);
}
