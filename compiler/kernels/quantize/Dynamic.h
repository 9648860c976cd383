//===- Dynamic.h - Quantising rows by what is in them (q11) -----*- C++ -*-===//
#ifndef QCC_COMPILER_KERNELS_DYNAMIC_H
#define QCC_COMPILER_KERNELS_DYNAMIC_H

#include "compiler/kernels/Rows.h"
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
/// Those of ONNX's DynamicQuantizeLinear, which divides by the scale and has no factor.
RowParams paramsOfRun(Expr low, Expr high);
Expr quantizeByScale(Expr x, const RowParams &params);

/// One element a row, as if it repeated along the row.
View repeatInRows(View view, llvm::ArrayRef<int64_t> shape);
/// The smallest of a row's `low` (at most 0) and the largest of its `high` (at least 0).
struct Ends {
  Expr low, high;
};
Ends rangeOf(const Rows &rows, const Code &code, llvm::ArrayRef<mlir::Value> addresses,
             llvm::function_ref<Ends(const Rows::Element &)> ends);
/// A row in the view `values` becomes bytes in the next one, its scale and zero point in the two behind.
void quantizeRow(const Rows &rows, const Code &code, llvm::ArrayRef<mlir::Value> addresses, size_t values,
                 const RowParams &params);

} // namespace qcc::kernels

#endif // QCC_COMPILER_KERNELS_DYNAMIC_H
