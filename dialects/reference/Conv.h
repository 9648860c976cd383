//===- Conv.h - Convolutions ------------------------------------*- C++ -*-===//
//
// Channels first, one to three spatial axes. Sums are exact for integers and in
// double for floats; the callers round them.
//
//===----------------------------------------------------------------------===//
#ifndef QCC_DIALECTS_REFERENCE_CONV_H
#define QCC_DIALECTS_REFERENCE_CONV_H

#include "dialects/reference/Tensor.h"

namespace qcc::reference {

/// One entry in each list for each spatial axis.
struct ConvParams {
  std::vector<int64_t> strides, dilations, padsBegin;
  int64_t group = 1;
};

/// Sums before bias and rounding: F64 for floats, I64 for integers. The zero
/// points are subtracted first, so that padding (0) means a real zero;
/// `filterZeros` has one entry, or one for each filter; empty means 0.
/// `shape` is that of the result, (N, M, spatial...).
Tensor convSums(const Tensor &input, const Tensor &filter, const ConvParams &params,
                const std::vector<int64_t> &shape, int64_t inputZero = 0,
                const std::vector<int64_t> &filterZeros = {});

/// The same for the transposed convolution, whose filter is (C, M/group, kernel...).
Tensor convTransposeSums(const Tensor &input, const Tensor &filter, const ConvParams &params,
                         const std::vector<int64_t> &shape, int64_t inputZero = 0,
                         const std::vector<int64_t> &filterZeros = {});

/// Adds one bias for each index of `axis` to sums.
void addBias(Tensor &sums, const Tensor &bias, int64_t axis);

/// Sums rounded to an element type.
Tensor rounded(const Tensor &sums, DType type);

} // namespace qcc::reference

#endif // QCC_DIALECTS_REFERENCE_CONV_H
