//===- Table.h - Constants inside a kernel's module -------------*- C++ -*-===//
#ifndef QCC_COMPILER_KERNELS_TABLE_H
#define QCC_COMPILER_KERNELS_TABLE_H

#include "compiler/kernels/Expr.h"

namespace qcc::kernels {

/// A pointer to private constants that belong to the function under construction.
mlir::Value constantTable(const Code &code, llvm::ArrayRef<float> values);
mlir::Value constantTable(const Code &code, llvm::ArrayRef<double> values);
mlir::Value constantTable(const Code &code, llvm::ArrayRef<int64_t> values);

} // namespace qcc::kernels

#endif // QCC_COMPILER_KERNELS_TABLE_H
