//===- Lowest.h - How far below zero a tensor reaches -----------*- C++ -*-===//
#ifndef QCC_COMPILER_QUANTIZE_LOWEST_H
#define QCC_COMPILER_QUANTIZE_LOWEST_H

#include "dialects/Qcc.h"

namespace qcc::quantize {

/// Finds lower bounds in what computes a tensor: behind a Relu 0, behind HardSwish -0.375. They are looked
/// for in samples of each function, so they choose between codes for numbers and prove nothing.
class Lowest {
public:
  /// At most 0; -infinity where nothing is known.
  float of(mlir::Value value);

private:
  float compute(mlir::Operation *op); ///< from what is known of its operands
  llvm::DenseMap<mlir::Value, float> known;
};

} // namespace qcc::quantize

#endif // QCC_COMPILER_QUANTIZE_LOWEST_H
