//===- Tables.h - Tables that rows are gathered from ------------*- C++ -*-===//
#ifndef QCC_COMPILER_QUANTIZE_TABLES_H
#define QCC_COMPILER_QUANTIZE_TABLES_H

#include "dialects/Qcc.h"

namespace qcc::quantize {

/// Replaces a gather of rows by one of bytes and one of a scale for each row:
///   gather(table, i)  ==>  cast(gather(bytes, i)) * gather(scales, i)
void storeTable(GatherOp op, const reference::Tensor &rows, mlir::OpBuilder &builder);

/// Of bytes that hold two numbers of a row each, from its lower and its upper half, and of a scale, bf16,
/// for each 32 numbers. A byte is 16 * upper + lower + 8:
///   b = cast(gather(bytes, i)), upper = floor(b / 16), lower = b - upper * 16 - 8
///   gather(table, i)  ==>  concat(lower, upper) * cast(gather(scales, i))
void storeTableInGroups(GatherOp op, const reference::Tensor &rows, mlir::OpBuilder &builder);

} // namespace qcc::quantize

#endif // QCC_COMPILER_QUANTIZE_TABLES_H
