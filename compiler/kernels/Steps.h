//===- Steps.h - Functions of one number in kernels -------------*- C++ -*-===//
//
// The counterpart of the reference's table (dialects/reference/Pointwise.h): the
// unary operators and the steps of a fused chain share it. Steps that the
// reference calls exact give the same bits as it does.
//
//===----------------------------------------------------------------------===//
#ifndef QCC_COMPILER_KERNELS_STEPS_H
#define QCC_COMPILER_KERNELS_STEPS_H

#include "compiler/kernels/Expr.h"
#include "mlir/IR/BuiltinAttributes.h"

namespace qcc::kernels {

/// `op` on x, with parameters from `attributes` under the operator's own names.
/// Fails, without a message, where there is no such function for x's type.
llvm::FailureOr<Expr> applyStep(llvm::StringRef op, mlir::DictionaryAttr attributes, Expr x,
                                bool isUnsigned = false);
/// All steps of a fused chain, in order; errors at `loc`.
llvm::FailureOr<Expr> applyChain(mlir::Location loc, mlir::ArrayAttr chain, Expr x);

} // namespace qcc::kernels

#endif // QCC_COMPILER_KERNELS_STEPS_H
