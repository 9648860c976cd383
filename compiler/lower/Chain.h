//===- Chain.h - An operation's chain as a kernel's epilogue ----*- C++ -*-===//
#ifndef QCC_COMPILER_LOWER_CHAIN_H
#define QCC_COMPILER_LOWER_CHAIN_H

#include "compiler/kernels/gemm/Epilogue.h"
#include "dialects/Qcc.h"

namespace qcc::lower {

/// What an operation that accumulates does to its sums (docs/numerics.md).
struct Tail {
  kernels::Epilogue form;
  kernels::EpilogueValues values;
  /// For sums of integers: one factor for each output channel.
  llvm::SmallVector<float> multiplier;
  /// Steps of the chain that no epilogue has: run after the kernel, in order.
  llvm::SmallVector<mlir::DictionaryAttr> rest;
};

/// The sums of an operation: float ones, in units of `filterScales` if there are any
/// (q8b), or integers that stand for `inputScale * filterScale[channel]` each.
struct Sums {
  bool isFloat = true;
  float inputScale = 1;
  llvm::SmallVector<float> filterScales; ///< one for each channel
  /// For integer sums: the largest magnitude, from the weights (q2's proof).
  llvm::SmallVector<double> bound;
  llvm::ArrayRef<float> floatBias; ///< added after scaling, for float results (q8, q8b)
  bool measured = false;           ///< integers of images with a scale each, found at run time (q11)
  bool zeroOfRun = false;          ///< and a zero point
};

/// Translates an operation's chain. `result` and `residual` are tensor types,
/// the latter null where there is none.
llvm::FailureOr<Tail> translateChain(mlir::Operation *op, mlir::ArrayAttr chain, const Sums &sums,
                                     mlir::Type result, mlir::Type residual, bool hasTable);

} // namespace qcc::lower

#endif // QCC_COMPILER_LOWER_CHAIN_H
