//===- Tiling.cpp - How a gemm kernel walks its outputs ---------------------===//
#include "compiler/kernels/gemm/Tiling.h"

#include "compiler/kernels/gemm/Pack.h"
#include "llvm/Support/MathExtras.h"
#include <algorithm>

using namespace qcc::kernels;

/// Pixels of a tile. Integer: 7 divides the sizes of most networks, and 7 x 2 vectors leave registers for the
/// epilogue. Float: two times the 6 that 16 registers allow.
constexpr int64_t preferredHeight = 7, preferredHeightFloat = 12;
/// Of one vector of columns: fewer sums would wait for each other.
constexpr int64_t narrowColumns = 16, preferredHeightNarrow = 14;
/// Tiles of Pairs take two rows at a time.
constexpr int64_t preferredHeightPairs = 8;
/// Taking weights of 4 bits apart pays with more rows; sums of groups want registers, too.
constexpr int64_t preferredHeightNibbles = 8;
constexpr int64_t maxHeight = 14; ///< 14 x 2 sums and three operands are 31 registers
/// Fewer tiles than this split badly among threads; those of each panel are split then.
constexpr int64_t enoughTiles = 24;

Tiling::Tiling(const GemmSpec &spec)
    : images(spec.batch), rows(spec.outH), width(spec.outW), x(spec.x), out(spec.out),
      residual(spec.residual) {
  x.row *= spec.strideH;
  x.pixel *= spec.strideW;
  llvm::SmallVector<const Place *> places = {&x, &out};
  if (spec.epilogue.hasResidual())
    places.push_back(&residual);
  if (llvm::all_of(places, [&](const Place *p) { return rows == 1 || p->row == width * p->pixel; })) {
    width *= rows;
    rows = 1;
    bool areAlike = images == 1 || !spec.epilogue.scalesImages();
    if (areAlike &&
        llvm::all_of(places, [&](const Place *p) { return images == 1 || p->image == width * p->pixel; })) {
      width *= images;
      images = 1;
    }
  }
  bool takesPairs = spec.packing == target::Packing::Pairs && (!spec.isFloat || spec.isBf16);
  int64_t preferred = spec.nibbles                                  ? preferredHeightNibbles
                      : takesPairs                                  ? preferredHeightPairs
                      : spec.isFloat                                ? preferredHeightFloat
                      : spec.groups == 1 && spec.n <= narrowColumns ? preferredHeightNarrow
                                                                    : preferredHeight;
  tilesPerRow = std::max<int64_t>(llvm::divideCeil(width, maxHeight), (width + preferred / 2) / preferred);
  height = width / tilesPerRow;
  tall = width % tilesPerRow;
  panels = panelsOf(spec) * spec.groups;
  byPanels = tiles() < enoughTiles;
}
