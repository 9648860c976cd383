//===- Lengths.h - What depends on lengths that callers choose --*- C++ -*-===//
#ifndef QCC_COMPILER_IMPORT_LENGTHS_H
#define QCC_COMPILER_IMPORT_LENGTHS_H

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace qcc::import {

/// The model imported with one of its lengths less than the most.
struct Shorter {
  int64_t length; ///< which of them
  int64_t value;  ///< how long; the first of a length's is its most less one
  mlir::func::FuncOp function;
};

/// The lengths at which to import for one of `least` to `most`.
llvm::SmallVector<int64_t> shorterLengths(int64_t least, int64_t most);

/// Finds out by comparison what depends on lengths, and writes it down as attributes of the operations of
/// `longest` (compiler/support/Lengths.h). `names` and `most` describe the lengths. An error says which node
/// does not become longer as one can follow.
llvm::LogicalResult compareLengths(mlir::func::FuncOp longest, llvm::ArrayRef<Shorter> shorter,
                                   llvm::ArrayRef<std::string> names, llvm::ArrayRef<int64_t> most);

} // namespace qcc::import

#endif // QCC_COMPILER_IMPORT_LENGTHS_H
