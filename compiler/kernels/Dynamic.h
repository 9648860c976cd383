//===- Dynamic.h - Quantising rows by what is in them (q11) -----*- C++ -*-===//
#ifndef QCC_COMPILER_KERNELS_DYNAMIC_H
#define QCC_COMPILER_KERNELS_DYNAMIC_H

#include "compiler/kernels/Expr.h"
#include <optional>

namespace qcc::kernels {

/// The counterpart of reference::RowParams: scalars.
struct RowParams {
  Expr scale, factor, zero; ///< f32, f32, i32
};
/// From the smallest (at most 0) and the largest number of a row (at least 0).
RowParams rowParams(Expr low, Expr high, std::optional<int64_t> zero = std::nullopt);
/// 0..255 as i32; the parameters are spread over x's lanes.
Expr quantizeInRow(Expr x, const RowParams &params);

} // namespace qcc::kernels

#endif // QCC_COMPILER_KERNELS_DYNAMIC_H
