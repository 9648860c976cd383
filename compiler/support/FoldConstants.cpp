//===- FoldConstants.cpp - Compute what depends on constants only ---------===//
//
// One walk in program order: operands are folded before their users.
//
//===----------------------------------------------------------------------===//

#include "compiler/support/Rewrite.h"

using namespace mlir;
using namespace qcc;

static bool mayFold(Operation *op, int64_t maxBytes) {
  // The dequantize of a constant says how weights are stored; an observed
  // constant is one that calibration still asks about.
  if (!isa<QccOpInterface>(op) || isa<ConstantOp, DequantizeOp, ObserveOp>(op) || op->use_empty())
    return false;
  int64_t bytes = 0;
  for (Value result : op->getResults())
    bytes += tensorType(result).getNumElements() * 8; // of the widest type
  return bytes <= maxBytes && llvm::all_of(op->getOperands(), isConstant);
}

/// An error of its own is reported.
static LogicalResult fold(Operation *op) {
  SmallVector<reference::Tensor> values;
  for (Value operand : op->getOperands())
    values.push_back(*constantOf(operand));
  FailureOr<SmallVector<reference::Tensor>> results = evaluate(op, values);
  if (failed(results))
    return failure();
  OpBuilder builder(op);
  for (auto [result, tensor] : llvm::zip_equal(op->getResults(), *results))
    result.replaceAllUsesWith(createConstant(builder, op->getLoc(), tensor, tensorType(result)));
  op->erase();
  return success();
}

LogicalResult qcc::foldConstants(func::FuncOp function, int64_t maxBytes) {
  for (Operation &op : llvm::make_early_inc_range(function.getBody().getOps()))
    if (mayFold(&op, maxBytes) && failed(fold(&op)))
      return failure();
  for (Operation &op : llvm::make_early_inc_range(llvm::reverse(function.getBody().front())))
    if (op.use_empty() && op.getNumResults() == 1 && isConstant(op.getResult(0)))
      op.erase();
  return success();
}
