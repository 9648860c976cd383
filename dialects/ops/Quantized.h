//===- Quantized.h - Elementwise and averaging on quantised values -*- C++ -*-===//
#ifndef QCC_DIALECTS_OPS_QUANTIZED_H
#define QCC_DIALECTS_OPS_QUANTIZED_H

#include "dialects/ops/Common.h"

namespace qcc::ops {

/// add, sub and mul of two quantised operands (q7, q8); the result's type is declared.
LogicalResult inferQuantizedBinary(mlir::Operation *op, ArrayRef<int64_t> shape, Results &results);
LogicalResult evaluateQuantizedBinary(mlir::Operation *op, Operands operands, Tensors &results);

/// The element type of an average: the operand's if it is float, the declared
/// one if it is quantised (q8).
FailureOr<mlir::Type> averageElement(mlir::Operation *op);
/// Averages from exact sums of (x - zero point) and counts (q8).
reference::Tensor averageQuantized(mlir::Operation *op, const reference::Tensor &sums,
                                   ArrayRef<int64_t> counts);
/// Zero point of the first operand; 0 for floats.
int64_t inputZeroPoint(mlir::Operation *op);

} // namespace qcc::ops

#endif // QCC_DIALECTS_OPS_QUANTIZED_H
