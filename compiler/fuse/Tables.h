//===- Tables.h - Tables of 256 entries, filled by the reference -*- C++ -*-===//
#ifndef QCC_COMPILER_FUSE_TABLES_H
#define QCC_COMPILER_FUSE_TABLES_H

#include "compiler/support/Rewrite.h"

namespace qcc::fuse {

/// The numbers that all 256 bytes stand for in an 8-bit type.
reference::Tensor allNumbers(mlir::quant::UniformQuantizedType type);
/// Numbers as a type stores them (q1).
reference::Tensor stored(const reference::Tensor &numbers, mlir::quant::UniformQuantizedType type);

/// qcc.lookup of `input` with a table of stored results of type `to`.
mlir::Value createLookup(mlir::OpBuilder &builder, mlir::Location loc, mlir::Value input,
                         const reference::Tensor &table, mlir::quant::UniformQuantizedType to);

/// The same number in another type: Q(DQ(x)) as a table.
mlir::Value createRequantization(mlir::OpBuilder &builder, mlir::Location loc, mlir::Value input,
                                 mlir::quant::UniformQuantizedType to);

} // namespace qcc::fuse

#endif // QCC_COMPILER_FUSE_TABLES_H
