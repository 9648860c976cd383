//===- QuantTypes.h - Scales, zero points and their types -------*- C++ -*-===//
#ifndef QCC_DIALECTS_QUANTTYPES_H
#define QCC_DIALECTS_QUANTTYPES_H

#include "dialects/Qcc.h"
#include "dialects/reference/Integer.h"

namespace qcc {

using EmitError = llvm::function_ref<mlir::InFlightDiagnostic()>;

/// Scale and zero point of one element type per tensor; of float types none.
std::optional<reference::QuantParams> quantParams(mlir::Type element);

/// Scales and zero points for each of `count` channels; a per-tensor type
/// repeats its own. Fails where a per-axis type has another count or axis.
llvm::FailureOr<llvm::SmallVector<reference::QuantParams>> channelParams(mlir::Type element, int64_t axis,
                                                                         int64_t count, EmitError emitError);

/// Scales and zero points of a tensor's elements: `index` says for each element,
/// in row-major order, which of `params` it has. Any of MLIR's granularities:
/// per tensor, per axis, or in blocks (sub-channel).
struct ElementParams {
  std::vector<reference::QuantParams> params;
  std::vector<int64_t> index;
};
/// An error where the type does not fit a tensor of `shape`.
llvm::LogicalResult checkGranularity(mlir::Type element, llvm::ArrayRef<int64_t> shape, EmitError emitError);
/// The type must have passed `checkGranularity`.
ElementParams elementParams(mlir::Type element, llvm::ArrayRef<int64_t> shape);

/// Of weights in groups along `axis` (q13), the size of a group: every index along the other axes has
/// scales of its own. 0 for all other types.
int64_t groupSize(mlir::Type element, llvm::ArrayRef<int64_t> shape, int64_t axis);

/// The storage as a plain integer type: i8 for signed, ui8 for unsigned.
mlir::Type storageTypeOf(mlir::quant::QuantizedType type);

} // namespace qcc

#endif // QCC_DIALECTS_QUANTTYPES_H
