//===- ByRow.h - What is measured by row at run time (q11) ------*- C++ -*-===//
#ifndef QCC_COMPILER_QUANTIZE_BYROW_H
#define QCC_COMPILER_QUANTIZE_BYROW_H

#include "dialects/Qcc.h"

namespace qcc::quantize {

/// On an operation of a calibrated model: it is to be measured by row, or is a table stored so, with weights
/// of "int8" or, where they are worth it, "int4". Stage quantize sets it and acts on it.
constexpr llvm::StringLiteral byRowAttr = "qcc.by_row";

/// Whether a matrix product can take activations that are measured by row.
bool canBeByRow(mlir::Operation *product);

/// What calibration gives no better form: recurrent layers, whose state goes around, and tables that rows
/// are gathered from.
bool isAlwaysByRow(mlir::Operation *op);

} // namespace qcc::quantize

#endif // QCC_COMPILER_QUANTIZE_BYROW_H
