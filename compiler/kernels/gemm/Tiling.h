//===- Tiling.h - How a gemm kernel walks its outputs -----------*- C++ -*-===//
//
// The loop nest of a "gemm" specification, the same for all ISA variants: images x
// rows x tiles of pixels, for each panel of columns. Dimensions that are contiguous in
// every tensor are merged, so that a 1x1 convolution without a border is one long row.
//
//===----------------------------------------------------------------------===//
#ifndef QCC_COMPILER_KERNELS_TILING_H
#define QCC_COMPILER_KERNELS_TILING_H

#include "compiler/kernels/gemm/GemmSpec.h"

namespace qcc::kernels {

struct Tiling {
  explicit Tiling(const GemmSpec &spec);

  int64_t images, rows, width; ///< after merging
  Place x, out, residual;      ///< steps from one output image, row, pixel to the next, in elements
  int64_t tilesPerRow;         ///< tiles never straddle rows
  int64_t height;              ///< of the tiles ...
  int64_t tall;                ///< ... but the first `tall` of a row are one higher
  int64_t panels;              ///< of all groups
  bool byPanels;               ///< units are the tiles of one panel after another, else those of all panels

  int64_t tiles() const { return images * rows * tilesPerRow; }
  int64_t units() const { return byPanels ? panels * tiles() : tiles(); }
};

} // namespace qcc::kernels

#endif // QCC_COMPILER_KERNELS_TILING_H
