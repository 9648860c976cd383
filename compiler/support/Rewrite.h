//===- Rewrite.h - What rewrites on tensors need ----------------*- C++ -*-===//
//
// Shared by the stages simplify, layout and fuse.
//
//===----------------------------------------------------------------------===//
#ifndef QCC_COMPILER_SUPPORT_REWRITE_H
#define QCC_COMPILER_SUPPORT_REWRITE_H

#include "dialects/Qcc.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/PatternMatch.h"

namespace qcc {

inline mlir::RankedTensorType tensorType(mlir::Value value) {
  return llvm::cast<mlir::RankedTensorType>(value.getType());
}

bool isFloatTensor(mlir::Value value);

/// The permutations that move channels, axis 1, to the end, and back.
llvm::SmallVector<int64_t> permToLast(int64_t rank);
llvm::SmallVector<int64_t> permToFirst(int64_t rank);

/// The numbers of a constant; of a quantised one its storage.
std::optional<reference::Tensor> constantOf(mlir::Value value);
/// The number of a constant with one element.
std::optional<double> constantScalar(mlir::Value value);
bool isConstant(mlir::Value value);

/// A tensor of zeros with this shape and element type.
reference::Tensor zeros(mlir::RankedTensorType type);
/// A constant of this type; `tensor` holds its storage.
mlir::Value createConstant(mlir::OpBuilder &builder, mlir::Location loc, const reference::Tensor &tensor,
                           mlir::RankedTensorType type);
/// A constant of `like`'s element type with one element and rank 0.
mlir::Value createScalar(mlir::OpBuilder &builder, mlir::Location loc, double value, mlir::Value like);

/// The operation computed on these numbers, one for each operand it has; fails
/// where it cannot be.
mlir::FailureOr<llvm::SmallVector<reference::Tensor>> evaluate(mlir::Operation *op,
                                                               llvm::ArrayRef<reference::Tensor> operands);

/// Sets the result types to what the operation infers from its operands.
void inferResultTypes(mlir::Operation *op);

/// For a constant that broadcasts to `type` along `axis` alone: its value for
/// each index of that axis (one value if it is a scalar). Else nothing.
std::optional<std::vector<double>> perChannel(mlir::Value constant, mlir::RankedTensorType type,
                                              int64_t axis);

mlir::Value createReshape(mlir::OpBuilder &builder, mlir::Location loc, mlir::Value input,
                          llvm::ArrayRef<int64_t> shape);
mlir::Value createTranspose(mlir::OpBuilder &builder, mlir::Location loc, mlir::Value input,
                            llvm::ArrayRef<int64_t> perm);

/// Runs the patterns to a fixpoint; dead operations go. An endless pattern is
/// an internal error, reported at the function.
llvm::LogicalResult applyPatterns(mlir::func::FuncOp function, mlir::RewritePatternSet patterns);

/// Computes through the reference what depends on constants only, up to results
/// of `maxBytes`. The dequantize of a constant stays.
constexpr int64_t maxFoldedBytes = int64_t(64) << 20;
llvm::LogicalResult foldConstants(mlir::func::FuncOp function, int64_t maxBytes = maxFoldedBytes);

/// Operations that hand their operand on unchanged go.
void populateIdentityPatterns(mlir::RewritePatternSet &patterns);
/// One spelling of reshape; reshapes and transposes compose and cancel.
void populateReshapePatterns(mlir::RewritePatternSet &patterns);

} // namespace qcc

#endif // QCC_COMPILER_SUPPORT_REWRITE_H
