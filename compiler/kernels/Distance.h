//===- Distance.h - How far a walk has come ---------------------*- C++ -*-===//
#ifndef QCC_COMPILER_KERNELS_DISTANCE_H
#define QCC_COMPILER_KERNELS_DISTANCE_H

#include "compiler/kernels/Expr.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

namespace qcc::kernels {

/// The bytes from one address to a later one, in units of `unit` bytes.
inline mlir::Value distance(const Code &code, mlir::Value from, mlir::Value to, int64_t unit) {
  auto number = [&](mlir::Value pointer) -> mlir::Value {
    return mlir::LLVM::PtrToIntOp::create(code.builder, code.loc, code.builder.getI64Type(), pointer);
  };
  return mlir::arith::DivUIOp::create(code.builder, code.loc, code.subIndex(number(to), number(from)),
                                      code.index(unit));
}

inline mlir::Value isLess(const Code &code, mlir::Value a, mlir::Value b) {
  return mlir::arith::CmpIOp::create(code.builder, code.loc, mlir::arith::CmpIPredicate::slt, a, b);
}

} // namespace qcc::kernels

#endif // QCC_COMPILER_KERNELS_DISTANCE_H
