//===- Pool.h - Pooling over windows ----------------------------*- C++ -*-===//
//
// Channels first, any number of spatial axes.
//
//===----------------------------------------------------------------------===//
#ifndef QCC_DIALECTS_REFERENCE_POOL_H
#define QCC_DIALECTS_REFERENCE_POOL_H

#include "dialects/reference/Tensor.h"

namespace qcc::reference {

/// One entry in each list for each spatial axis.
struct PoolParams {
  std::vector<int64_t> kernel, strides, dilations, padsBegin, padsEnd;
  bool countIncludePad = false;
};

/// `shape` is that of the result. Integers compare as integers; NaN wins.
Tensor maxPool(const Tensor &input, const PoolParams &params, const std::vector<int64_t> &shape);

/// Sums of (x - zero) and how many elements each window counts (ONNX's
/// divisor): those inside the operand, or, with `countIncludePad`, inside the
/// operand and its pads, but never those that `ceil_mode` reaches beyond.
struct WindowSums {
  Tensor sums;                 ///< F64 for floats, I64 for integers
  std::vector<int64_t> counts; ///< as many as sums
};
WindowSums averageSums(const Tensor &input, const PoolParams &params, const std::vector<int64_t> &shape,
                       int64_t zero = 0);
Tensor averagePool(const Tensor &input, const PoolParams &params, const std::vector<int64_t> &shape);

/// q8, a float result: float(sum) * (scale / float(count)); `sum` is of (x - zx).
float averageReal(int64_t sum, int64_t count, float scale);

} // namespace qcc::reference

#endif // QCC_DIALECTS_REFERENCE_POOL_H
