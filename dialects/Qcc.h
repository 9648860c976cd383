//===- Qcc.h - The qcc dialect ----------------------------------*- C++ -*-===//
#ifndef QCC_DIALECTS_QCC_H
#define QCC_DIALECTS_QCC_H

#include "dialects/reference/Tensor.h"
#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/Dialect/Quant/IR/Quant.h"
#include "mlir/Dialect/Quant/IR/QuantTypes.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

namespace qcc {
/// How stage `quantize` treats an operation; QccOps.td explains each.
enum class QuantRule { Float, Weighted, Product, Pointwise, Binary, Average, SameScale, Concat, Boundary };
} // namespace qcc

namespace qcc::detail {
/// Verifies that an operation's result types are those it infers itself.
llvm::LogicalResult verifyInferredTypes(mlir::Operation *op);
} // namespace qcc::detail

#include "dialects/QccDialect.h.inc"
#include "dialects/QccInterfaces.h.inc"
#define GET_OP_CLASSES
#include "dialects/QccOps.h.inc"

#endif // QCC_DIALECTS_QCC_H
