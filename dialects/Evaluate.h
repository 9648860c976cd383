//===- Evaluate.h - Running IR through the reference ------------*- C++ -*-===//
#ifndef QCC_DIALECTS_EVALUATE_H
#define QCC_DIALECTS_EVALUATE_H

#include "dialects/Qcc.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace qcc {

/// Computes one operation. `operands` has one tensor for each operand that is
/// there, in order; absent optional ones are the callee's business. Checks that
/// each result has the type and shape that the operation declares.
llvm::LogicalResult evaluateOp(mlir::Operation *op, llvm::ArrayRef<const reference::Tensor *> operands,
                               llvm::SmallVectorImpl<reference::Tensor> &results);

/// Sees every operation's results as soon as they are known.
using EvaluationHook = llvm::function_ref<void(mlir::Operation *, llvm::ArrayRef<const reference::Tensor *>)>;

/// Runs a function of tensors from its arguments to what it returns. A value is
/// freed after its last use, so memory follows the widest point of the graph.
llvm::LogicalResult evaluateFunction(mlir::func::FuncOp function, llvm::ArrayRef<reference::Tensor> inputs,
                                     llvm::SmallVectorImpl<reference::Tensor> &outputs,
                                     EvaluationHook hook = nullptr);

} // namespace qcc

#endif // QCC_DIALECTS_EVALUATE_H
