//===- Fused.h - Operations that accumulate, with what is fused to them -*- C++ -*-===//
#ifndef QCC_DIALECTS_OPS_FUSED_H
#define QCC_DIALECTS_OPS_FUSED_H

#include "dialects/ops/Common.h"

namespace qcc::ops {

/// The parts that convolutions and products have in common.
struct Fused {
  mlir::Value input, filter;
  mlir::Value bias, residual, table; ///< may be null
  mlir::ArrayAttr chain;             ///< may be null
  int64_t filterAxis;                ///< axis of the filter that has a scale for each channel
  int64_t channels;                  ///< size of that axis
};

/// Checks element types and shapes of all operands and appends the result: the
/// input's type for float ones, the declared type for quantised ones. A float input
/// may have a filter of bytes with zero point 0 (q8b).
LogicalResult inferFused(mlir::Operation *op, const Fused &fused, ArrayRef<int64_t> shape, Results &results);

/// Zero points of the operands of a quantised operation; 0 for floats.
struct ZeroPoints {
  int64_t input = 0;
  std::vector<int64_t> filter;
};
FailureOr<ZeroPoints> zeroPoints(mlir::Operation *op, const Fused &fused);

/// Bias, chain, residual, table and rounding. `sums` have the result's layout,
/// `axis` is their channels'. `imageScale` is that of ConvOp.
LogicalResult finishFused(mlir::Operation *op, const Fused &fused, reference::Tensor sums, int64_t axis,
                          const reference::Tensor *bias, const reference::Tensor *residual,
                          const reference::Tensor *table, Tensors &results,
                          const reference::Tensor *imageScale = nullptr);

} // namespace qcc::ops

#endif // QCC_DIALECTS_OPS_FUSED_H
