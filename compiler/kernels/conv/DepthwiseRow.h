//===- DepthwiseRow.h - One or two output rows of a depthwise kernel -*- C++ -*-===//
#ifndef QCC_COMPILER_KERNELS_DEPTHWISEROW_H
#define QCC_COMPILER_KERNELS_DEPTHWISEROW_H

#include "compiler/kernels/gemm/EpilogueCode.h"

namespace qcc::kernels {

/// The form of the function for a row (or two) of some channels: what decides the code.
struct DepthwiseRow {
  DepthwiseRow(const DepthwiseSpec &spec, const target::Variant &variant);

  const DepthwiseSpec &spec;
  unsigned vectorBytes;
  bool lower = false;   ///< two rows: the one below, too
  bool partial = false; ///< stores fewer channels than the vectors hold

  /// Sums of a pixel: as many as bytes interleave to. For f32 one where the registers then hold the weights,
  /// too.
  int64_t vectors;
  int64_t columns() const { return vectors * vectorBytes / 4; }
  std::string name() const;
};

/// Arguments of the function; strides are in bytes.
struct DepthwiseRowArgs {
  Value x, weights, head, panel, out, residual, table, imageScale;
  Value width, xRow, xPixel, xStep; ///< xRow and xPixel: from tap to tap; xStep: from output to output
  Value outPixel, outRow, residualPixel, residualRow;
  Value columns;

  static llvm::SmallVector<mlir::Type> types(CodeBuilder &code, const DepthwiseRow &row);
  Values list(const DepthwiseRow &row) const;
  void set(const DepthwiseRow &row, ValueRange values);

private:
  void visit(const DepthwiseRow &row, llvm::function_ref<void(Value &, bool isPointer)> visitor);
};

mlir::func::FuncOp getDepthwiseRow(CodeBuilder &code, const DepthwiseRow &row,
                                   const target::Variant &variant);

} // namespace qcc::kernels

#endif // QCC_COMPILER_KERNELS_DEPTHWISEROW_H
