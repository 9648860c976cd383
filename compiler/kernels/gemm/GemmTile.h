//===- GemmTile.h - The register tile of a gemm kernel ----------*- C++ -*-===//
//
// Some pixels x one to four vectors of columns, summed over the whole filter in
// registers and finished. One function for each form, shared by the layers that have it.
//
//===----------------------------------------------------------------------===//
#ifndef QCC_COMPILER_KERNELS_GEMMTILE_H
#define QCC_COMPILER_KERNELS_GEMMTILE_H

#include "compiler/kernels/gemm/EpilogueCode.h"

namespace qcc::kernels {

/// The form: what decides the code.
struct GemmTile {
  GemmTile(const GemmSpec &spec, const target::Variant &variant);

  bool isFloat, isBf16, byteWeights;
  target::Half halfWeights;
  int64_t tail; ///< bf16: what a segment ends with, less than a step
  std::optional<NibbleForm> nibbles;
  int64_t rest = 0; ///< f32 times nibbles: depths behind the whole groups
  Epilogue epilogue;
  int64_t rows = 1;     ///< pixels
  int64_t vectors = 2;  ///< of columns ...
  unsigned vectorBytes; ///< ... of this size
  target::Packing packing;
  bool hasOuter, hasInner;  ///< loops around the steps of a segment
  bool wideWeights = false; ///< they come as ByteTile::widen writes them
  bool partial = false;     ///< stores fewer columns than the vectors hold

  bool hasFloatSums() const { return isFloat || nibbles; }
  int64_t columns() const { return vectors * vectorBytes / 4; }
  /// Rows that registers hold the sums of.
  int64_t maxRows(const target::Variant &variant) const;
  /// Sums of an output that take turns: with few rows one would wait for itself, and weights of 16 bits come
  /// faster than that.
  int64_t chains() const { return halfWeights == target::Half::None ? 1 : std::max<int64_t>(4 / rows, 1); }
  /// Single rows are bound by the weights' bandwidth, and the hardware's own prefetch does better there.
  bool prefetches() const { return rows > 1 && packing == target::Packing::Quads; }
  std::string name() const;
};

/// Arguments of a tile; which ones are there depends on its form. Strides are in bytes.
struct GemmTileArgs {
  Value x, weights, head, panel, out, rowScales, rowZeros, imageScale, residual, table, prefetch;
  Value steps, xPixel, outPixel, residualPixel;
  Value outer, outerStride, inner, innerStride;
  Value prefetchStep, columns;
  Value firstColumn; ///< of nibbles, whose `weights` are those of the whole panel and whose steps are groups

  static llvm::SmallVector<mlir::Type> types(CodeBuilder &code, const GemmTile &tile);
  Values list(const GemmTile &tile) const;
  void set(const GemmTile &tile, ValueRange values);

private:
  void visit(const GemmTile &tile, llvm::function_ref<void(Value &, bool isPointer)> visitor);
};

mlir::func::FuncOp getGemmTile(CodeBuilder &code, const GemmTile &tile, const target::Variant &variant);

} // namespace qcc::kernels

#endif // QCC_COMPILER_KERNELS_GEMMTILE_H
