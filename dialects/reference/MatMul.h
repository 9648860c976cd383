//===- MatMul.h - Matrix products -------------------------------*- C++ -*-===//
#ifndef QCC_DIALECTS_REFERENCE_MATMUL_H
#define QCC_DIALECTS_REFERENCE_MATMUL_H

#include "dialects/reference/Tensor.h"

namespace qcc::reference {

/// The result's shape of numpy.matmul; false where the operands do not fit.
bool matMulShape(const std::vector<int64_t> &a, const std::vector<int64_t> &b, std::vector<int64_t> &result);

/// Sums before rounding: F64 for floats, I64 for integers. Zero points are
/// subtracted first: of `a` one, or one for each of its rows; of `b` one, or one
/// for each of its columns; empty means 0.
Tensor matMulSums(const Tensor &a, const Tensor &b, const std::vector<int64_t> &aZeros = {},
                  const std::vector<int64_t> &bZeros = {});

/// The matrix with its two axes swapped if `yes`.
Tensor transposedIf(bool yes, const Tensor &matrix);

} // namespace qcc::reference

#endif // QCC_DIALECTS_REFERENCE_MATMUL_H
