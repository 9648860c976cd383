//===- QuantTypes.h - Scales, zero points and their types -------*- C++ -*-===//
#ifndef QCC_DIALECTS_QUANTTYPES_H
#define QCC_DIALECTS_QUANTTYPES_H

#include "dialects/Qcc.h"
#include "dialects/reference/Integer.h"

namespace qcc {

using EmitError = llvm::function_ref<mlir::InFlightDiagnostic()>;

/// The quantised type of ONNX's (scale, zero point, storage type): per tensor
/// for one scale, else per `axis` of `shape`. `zeroPoint` may be null (all 0).
/// An error for a scale that is not positive and finite, a zero point outside
/// the storage's range or of another type, and counts unlike the axis' size.
llvm::FailureOr<mlir::quant::QuantizedType>
makeQuantType(mlir::MLIRContext *context, const reference::Tensor &scale, const reference::Tensor *zeroPoint,
              int64_t axis, llvm::ArrayRef<int64_t> shape, reference::DType storage, EmitError emitError);

/// Scale and zero point of one element type per tensor; of float types none.
std::optional<reference::QuantParams> quantParams(mlir::Type element);

/// Scales and zero points for each of `count` channels; a per-tensor type
/// repeats its own. Fails where a per-axis type has another count or axis.
llvm::FailureOr<llvm::SmallVector<reference::QuantParams>> channelParams(mlir::Type element, int64_t axis,
                                                                         int64_t count, EmitError emitError);

/// The storage as a plain integer type: i8 for signed, ui8 for unsigned.
mlir::Type storageTypeOf(mlir::quant::QuantizedType type);

} // namespace qcc

#endif // QCC_DIALECTS_QUANTTYPES_H
