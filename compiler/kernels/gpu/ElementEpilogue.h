//===- ElementEpilogue.h - An epilogue on single elements -------*- C++ -*-===//
//
// What Epilogue.h says, as a thread of a GPU does it: one sum after the other. The
// same operations in the same order as EpilogueCode's vectors, none of them contracted.
//
//===----------------------------------------------------------------------===//
#ifndef QCC_COMPILER_KERNELS_GPU_ELEMENTEPILOGUE_H
#define QCC_COMPILER_KERNELS_GPU_ELEMENTEPILOGUE_H

#include "compiler/kernels/Expr.h"
#include "compiler/kernels/gemm/Pack.h"
#include <optional>

namespace qcc::kernels::gpu {

class ElementEpilogue {
public:
  /// `head`: the parameters; `table` is null where there is none.
  ElementEpilogue(const Code &code, const Epilogue &epilogue, bool isFloat, const ParamLayout &layout,
                  mlir::Value head, mlir::Value table);

  /// The vectors of parameters that a column has, by their offset in its panel: multiplier first, if the sums
  /// are integers that are scaled, sums of its weights, if rows were measured, then those of the steps.
  llvm::SmallVector<int64_t> columnOffsets() const;

  /// What was measured of a row (q11).
  struct Row {
    Expr scale, zero; ///< f32, i32
  };
  /// Of the row at `index` (i32 or i64); nothing where none was measured.
  std::optional<Row> rowAt(const ProductArguments &arguments, mlir::Value index) const;

  /// From a sum to the stored element. `columns`: one f32 for each of columnOffsets (sums of weights by their
  /// bits). `residual`: the element as loaded, null where there is none. `imageScale`: of the sum's image,
  /// null without Step::MulImage.
  Expr apply(Expr sum, llvm::ArrayRef<Expr> columns, const std::optional<Row> &row, Expr residual,
             Expr imageScale) const;

  mlir::Type storage() const; ///< of the output and of the residual

private:
  const Code &code;
  const Epilogue &epilogue;
  bool isFloat;
  const ParamLayout &layout;
  mlir::Value head, table;

  bool isScaled() const { return !isFloat && epilogue.output != Output::I32; }
  Expr scalar(int64_t line) const;
  Expr applyStep(Step step, Expr t, int64_t line, Expr column, Expr residual) const;
  Expr toByte(Expr t) const;
};

} // namespace qcc::kernels::gpu

#endif // QCC_COMPILER_KERNELS_GPU_ELEMENTEPILOGUE_H
