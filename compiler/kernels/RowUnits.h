//===- RowUnits.h - Which units of a kernel compute which rows --*- C++ -*-===//
#ifndef QCC_COMPILER_KERNELS_ROWUNITS_H
#define QCC_COMPILER_KERNELS_ROWUNITS_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include <optional>

namespace qcc::kernels {

/// The units of a kernel are `groups` times `perGroup`, and the first n of each group compute at least the
/// first n / perGroup of the rows of its result, which lie along the first axis with more than one position.
struct RowUnits {
  int64_t groups, perGroup;
};

/// On an invocation: a run needs only the rows that count. The number of the shape's argument and its axis,
/// scale, offset and divisor from there to how many count, how many rows there are, then RowUnits.
inline constexpr llvm::StringLiteral rowsAttr = "qcc.rows";

/// None for kernels of which that is not known.
std::optional<RowUnits> rowUnits(mlir::DictionaryAttr spec);

/// In a specification: the kernel computes no more than as many pixels (of attention: queries; of a copy:
/// positions of the last axis; of what goes by rows: rows) as its last argument, an i64 behind the range of
/// units, says, to the size of a tile. The number is that of a row.
inline constexpr llvm::StringLiteral limitKey = "limit";
/// That argument; null where the specification has no limit.
inline mlir::Value limitOf(mlir::func::FuncOp function, mlir::DictionaryAttr spec) {
  return spec.contains(limitKey) ? mlir::Value(function.getArguments().back()) : mlir::Value();
}
/// That number for a kernel whose result has `rows`; 0 where it cannot.
int64_t pixelsToLimit(mlir::DictionaryAttr spec, int64_t rows);

} // namespace qcc::kernels

#endif // QCC_COMPILER_KERNELS_ROWUNITS_H
