//===- Scatter.h - Single elements by their indices -------------*- C++ -*-===//
#ifndef QCC_DIALECTS_REFERENCE_SCATTER_H
#define QCC_DIALECTS_REFERENCE_SCATTER_H

#include "dialects/reference/Tensor.h"

namespace qcc::reference {

// Negative indices count from the end; all must be in range.

/// `result[..., i, ...] = input[..., indices[..., i, ...], ...]` along `axis`.
Tensor gatherElements(const Tensor &input, const Tensor &indices, int64_t axis);

/// How an update meets the element that is there; floats add and multiply in float32 (f64 in double),
/// integers wrap.
enum class Update { None, Add, Mul, Max, Min };

/// The other way: `result[..., indices[..., i, ...], ...]` meets `updates[..., i, ...]`, one after the other.
Tensor scatterElements(const Tensor &input, const Tensor &indices, const Tensor &updates, int64_t axis,
                       Update update);
/// The last axis of `indices` holds tuples that name slices along the first axes.
Tensor scatterND(const Tensor &input, const Tensor &indices, const Tensor &updates, Update update);

/// `updates` take the place of as many positions along `axis`, from `starts[b]` on in sample b; past the last
/// one come the first ones again.
Tensor tensorScatter(const Tensor &input, const Tensor &updates, const std::vector<int64_t> &starts,
                     int64_t axis);

} // namespace qcc::reference

#endif // QCC_DIALECTS_REFERENCE_SCATTER_H
