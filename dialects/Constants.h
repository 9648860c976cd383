//===- Constants.h - MLIR's constants and the reference's tensors -*- C++ -*-===//
#ifndef QCC_DIALECTS_CONSTANTS_H
#define QCC_DIALECTS_CONSTANTS_H

#include "dialects/Qcc.h"

namespace qcc {

/// Constants of up to this many bytes are elements of the attribute itself,
/// larger ones a resource beside the IR.
constexpr int64_t maxInlineConstantBytes = 1024;

/// The numbers behind an element type: of a quantised one, its storage.
/// None for types that the reference lacks.
std::optional<reference::DType> findDType(mlir::Type elementType);
reference::DType dtypeOf(mlir::Type elementType);
mlir::Type elementTypeOf(mlir::MLIRContext *context, reference::DType type);
mlir::RankedTensorType tensorTypeOf(mlir::MLIRContext *context, const reference::Tensor &tensor);
/// The type with quantised elements replaced by the integers that store them.
mlir::RankedTensorType storageTypeOf(mlir::RankedTensorType type);

/// The type that ONNX's TensorProto.DataType numbers so; none for types the reference lacks.
std::optional<reference::DType> findOnnxDType(int64_t code);

/// False where `toTensor` would have to give up: an unknown element type, a
/// resource that is missing or of the wrong size. `qcc.constant` verifies it.
bool isReadable(mlir::ElementsAttr attr);
reference::Tensor toTensor(mlir::ElementsAttr attr);
/// The numbers of a value that a `qcc.constant` defines; none where it is another.
std::optional<reference::Tensor> constantTensor(mlir::Value value);
/// `type` gives shape and element type; where it is quantised the attribute has
/// the storage type.
mlir::ElementsAttr toAttr(const reference::Tensor &tensor, mlir::RankedTensorType type);
/// A resource that keeps `bytes` (laid out as in reference::Tensor) alive by `owner`.
mlir::ElementsAttr toResource(mlir::RankedTensorType type, llvm::ArrayRef<char> bytes,
                              std::shared_ptr<const void> owner);

} // namespace qcc

#endif // QCC_DIALECTS_CONSTANTS_H
