//===- Normalize.h - Normalisation and reductions ---------------*- C++ -*-===//
#ifndef QCC_DIALECTS_REFERENCE_NORMALIZE_H
#define QCC_DIALECTS_REFERENCE_NORMALIZE_H

#include "dialects/reference/Tensor.h"

namespace qcc::reference {

/// (x - mean) / sqrt(var + epsilon) * scale + bias in double, rounded once.
Tensor batchNormalization(const Tensor &input, const Tensor &scale, const Tensor &bias, const Tensor &mean,
                          const Tensor &var, double epsilon, int64_t axis);

/// (x - mean) / sqrt(var + epsilon) * scale + bias in double, rounded once; mean and variance of the
/// axes from `axis` on. `bias` may be null; it and `scale` broadcast to those axes.
Tensor layerNormalization(const Tensor &input, const Tensor &scale, const Tensor *bias, double epsilon,
                          int64_t axis);

/// exp(x - max) / sum along `axis`.
Tensor softmax(const Tensor &input, int64_t axis);

/// Sums in double. ReduceMax and ReduceMin of nothing are the type's lowest and
/// highest values, ReduceProd 1, the others 0 (a mean of nothing is NaN, or 0 for integers).
enum class Reduce { Mean, Max, Min, Sum, L2, Prod };
Tensor reduce(Reduce kind, const Tensor &input, const std::vector<int64_t> &axes, bool keepDims);

/// The reduced shape with sizes 1 kept.
std::vector<int64_t> reducedShape(const std::vector<int64_t> &shape, const std::vector<int64_t> &axes,
                                  bool keepDims);

/// For each element of a tensor the element of the reduced one that it goes to.
std::vector<int64_t> reducedIndices(const std::vector<int64_t> &shape, const std::vector<int64_t> &axes);

} // namespace qcc::reference

#endif // QCC_DIALECTS_REFERENCE_NORMALIZE_H
