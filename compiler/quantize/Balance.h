//===- Balance.h - Inputs of a concat as fine as their readers need -*- C++ -*-===//
#ifndef QCC_COMPILER_QUANTIZE_BALANCE_H
#define QCC_COMPILER_QUANTIZE_BALANCE_H

#include "dialects/Qcc.h"

namespace qcc::quantize {

/// The mark that gives `value` its scale, through operations that only move values; null if there is none.
ObserveOp markOf(mlir::Value value);

/// Whether the values go to `reader` alone.
bool goOnlyTo(mlir::Value value, mlir::Operation *reader);

/// A concat's inputs have one scale. Where the products behind it multiply one of much smaller numbers by
/// much larger weights, its rounding errors would count for more than the others': such an input is
/// multiplied by a power of two, and its weights are divided by it. `whole` is the concat's mark and has a
/// range, which may become wider. Gives false if others than products read the concat: then nothing is done.
bool balanceConcat(ConcatOp concat, ObserveOp whole);

} // namespace qcc::quantize

#endif // QCC_COMPILER_QUANTIZE_BALANCE_H
