//===- Families.h - One implementation for many operations ------*- C++ -*-===//
//
// The records of a family in QccOps.td call these, so that a new member is a
// record and a row of the reference's table.
//
//===----------------------------------------------------------------------===//
#ifndef QCC_DIALECTS_OPS_FAMILIES_H
#define QCC_DIALECTS_OPS_FAMILIES_H

#include "dialects/ops/Common.h"

namespace qcc::ops {

LogicalResult inferUnary(mlir::Operation *op, Results &results);
LogicalResult evaluateUnary(mlir::Operation *op, Operands operands, Tensors &results);

LogicalResult inferBinary(mlir::Operation *op, Results &results);
LogicalResult evaluateBinary(mlir::Operation *op, Operands operands, Tensors &results);

LogicalResult inferVariadic(mlir::Operation *op, Results &results);
LogicalResult evaluateVariadic(mlir::Operation *op, Operands operands, Tensors &results);

/// Elementwise operations do not care where the channels are, as long as all
/// operands of one rank are permuted alike.
LogicalResult elementwiseToChannelsLast(mlir::Operation *op);

LogicalResult normalizeReduce(mlir::Operation *op);
LogicalResult inferReduce(mlir::Operation *op, Results &results);
LogicalResult evaluateReduce(mlir::Operation *op, Operands operands, Tensors &results);
LogicalResult reduceToChannelsLast(mlir::Operation *op);

LogicalResult normalizeArgReduce(mlir::Operation *op);
LogicalResult inferArgReduce(mlir::Operation *op, Results &results);
LogicalResult evaluateArgReduce(mlir::Operation *op, Operands operands, Tensors &results);
LogicalResult argReduceToChannelsLast(mlir::Operation *op);

LogicalResult normalizeRecurrent(mlir::Operation *op);
LogicalResult inferRecurrent(mlir::Operation *op, Results &results);
LogicalResult evaluateRecurrent(mlir::Operation *op, Operands operands, Tensors &results);

} // namespace qcc::ops

#endif // QCC_DIALECTS_OPS_FAMILIES_H
