//===- Guards.h - What matters only where a truth value says so -*- C++ -*-===//
//
// Of an If whose condition is known at run time both branches are operations that end in
// a `where`. What nothing else reads need not be computed where the condition
// takes the other branch.
//
//===----------------------------------------------------------------------===//
#ifndef QCC_COMPILER_LOWER_GUARDS_H
#define QCC_COMPILER_LOWER_GUARDS_H

#include "dialects/Qcc.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace qcc::lower {

/// A truth value of one element, and which of its values makes an operation matter.
struct Guard {
  mlir::Value condition;
  bool taken;
  bool operator==(const Guard &other) const { return condition == other.condition && taken == other.taken; }
};

class Guards {
public:
  /// Moves guarded operations behind their conditions.
  explicit Guards(mlir::func::FuncOp function);
  /// All of which must hold, for the operation to matter.
  llvm::ArrayRef<Guard> of(mlir::Operation *op) const;

private:
  using List = llvm::SmallVector<Guard, 2>;
  llvm::DenseMap<mlir::Operation *, List> guards;

  List ofUse(mlir::OpOperand &use) const;
  List ofUses(mlir::Operation *op) const;
  void order(mlir::Block &block) const;
};

} // namespace qcc::lower

#endif // QCC_COMPILER_LOWER_GUARDS_H
