//===- Lengths.h - What depends on lengths that callers choose --*- C++ -*-===//
#ifndef QCC_COMPILER_IMPORT_LENGTHS_H
#define QCC_COMPILER_IMPORT_LENGTHS_H

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace qcc::import {

/// The model imported with some of its lengths less than the most.
struct Shorter {
  llvm::SmallVector<int64_t> values; ///< of all lengths
  mlir::func::FuncOp function;
};

/// The lengths at which to import beside the most, for bounds (least, most): each at some, with the others at
/// the most, then all together.
llvm::SmallVector<llvm::SmallVector<int64_t>>
shorterLengths(llvm::ArrayRef<std::pair<int64_t, int64_t>> bounds);

/// Finds out by comparison what depends on lengths, and writes it down as attributes of the operations of
/// `longest` (compiler/support/Lengths.h). `names` and `most` describe the lengths. An error says which node
/// does not become longer as one can follow.
llvm::LogicalResult compareLengths(mlir::func::FuncOp longest, llvm::ArrayRef<Shorter> shorter,
                                   llvm::ArrayRef<std::string> names, llvm::ArrayRef<int64_t> most);

} // namespace qcc::import

#endif // QCC_COMPILER_IMPORT_LENGTHS_H
