//===- NibbleColumn.h - A column of weights of 4 bits, in a thread -*- C++ -*-===//
#ifndef QCC_COMPILER_KERNELS_GPU_NIBBLECOLUMN_H
#define QCC_COMPILER_KERNELS_GPU_NIBBLECOLUMN_H

#include "compiler/kernels/Expr.h"
#include "compiler/kernels/gemm/Nibbles.h"
#include "compiler/target/CodeBuilder.h"

namespace qcc::kernels::gpu {

/// Sums of products of a row with one column of a block (Nibbles.h): neighbouring threads, whose columns are
/// neighbours, read neighbouring words. Bytes give the floats that a CPU gives (q13).
class NibbleColumn {
public:
  NibbleColumn(target::CodeBuilder &code, const Code &scalar, const target::Variant &variant,
               const NibbleForm &form)
      : code(code), scalar(scalar), variant(variant), form(form) {}

  /// `row`: the first activation; `wordAt` loads four bytes from a pointer into the row, which is read to the
  /// end of the last group. `block`: packed weights; `column`: its place among those of the block (i64).
  using Load = llvm::function_ref<mlir::Value(mlir::Value pointer)>;
  Expr sumOfBytes(mlir::Value row, Load wordAt, mlir::Value block, mlir::Value column, int64_t depth);
  /// Nothing behind `depth` is read.
  Expr sumOfFloats(mlir::Value row, mlir::Value block, mlir::Value column, int64_t depth);

private:
  target::CodeBuilder &code;
  const Code &scalar;
  const target::Variant &variant;
  const NibbleForm &form;

  Expr overGroups(mlir::Value block, int64_t depth,
                  llvm::function_ref<Expr(mlir::Value index, mlir::Value group)> ofGroup);
  Expr scaleOf(mlir::Value group, mlir::Value column);
  Expr zeroOf(mlir::Value group, mlir::Value column);
  Expr groupOfBytes(mlir::Value row, Load wordAt, mlir::Value group, mlir::Value column);
  Expr groupOfFloats(mlir::Value row, mlir::Value group, mlir::Value column, mlir::Value count);
};

} // namespace qcc::kernels::gpu

#endif // QCC_COMPILER_KERNELS_GPU_NIBBLECOLUMN_H
