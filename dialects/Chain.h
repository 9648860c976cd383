//===- Chain.h - Pointwise steps from operations and attributes -*- C++ -*-===//
#ifndef QCC_DIALECTS_CHAIN_H
#define QCC_DIALECTS_CHAIN_H

#include "dialects/Qcc.h"
#include "dialects/reference/Pointwise.h"

namespace qcc {

/// The function that a unary operation computes; fails silently where the
/// operation is none.
llvm::FailureOr<reference::PointwiseStep> stepOf(mlir::Operation *op);

/// The function of one entry of a `chain`, `{op = "leaky_relu", alpha = 0.1 : f32}`.
/// Absent parameters have the operation's default. `op` is where errors go.
llvm::FailureOr<reference::PointwiseStep> parseStep(mlir::DictionaryAttr entry, mlir::Operation *op);

/// The entry that makes `parseStep` give the operation's own function: what
/// stage `fuse` appends to a chain. Fails silently like `stepOf`.
llvm::FailureOr<mlir::DictionaryAttr> chainEntryOf(mlir::Operation *op);

/// All entries but the markers `residual` and `requantize`.
llvm::FailureOr<llvm::SmallVector<reference::PointwiseStep>> parseChain(mlir::ArrayAttr chain,
                                                                        mlir::Operation *op);

/// Applies a chain of a float operation to its result.
llvm::LogicalResult applyChain(mlir::ArrayAttr chain, mlir::Operation *op, reference::Tensor &value);

} // namespace qcc

#endif // QCC_DIALECTS_CHAIN_H
