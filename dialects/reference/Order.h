//===- Order.h - Where elements stand among others --------------*- C++ -*-===//
#ifndef QCC_DIALECTS_REFERENCE_ORDER_H
#define QCC_DIALECTS_REFERENCE_ORDER_H

#include "dialects/reference/Tensor.h"

namespace qcc::reference {

/// The index (i64) of the largest or smallest element along `axis`, of equal ones the first or the last.
/// A NaN wins against every number. The axis stays with size 1.
Tensor argReduce(const Tensor &input, int64_t axis, bool largest, bool selectLast);

struct TopK {
  Tensor values, indices; ///< i64
};
/// The first `k` elements along `axis` in falling (else rising) order; equal ones keep theirs, and a NaN
/// is larger than every number.
TopK topK(const Tensor &input, int64_t k, int64_t axis, bool largest);

/// Sums of all elements up to each one along `axis` (`exclusive`: before it), counted from the end with
/// `reverse`. Floats in double, integers wrap.
Tensor cumulativeSum(const Tensor &input, int64_t axis, bool exclusive, bool reverse);

} // namespace qcc::reference

#endif // QCC_DIALECTS_REFERENCE_ORDER_H
