//===- Tiling.cpp - How a gemm kernel walks its outputs ---------------------===//
#include "compiler/kernels/Tiling.h"

#include "compiler/kernels/Pack.h"
#include <algorithm>

using namespace qcc::kernels;

/// Pixels of a tile: 7 divides the sizes of most networks, and 7 x 2 vectors leave registers for the
/// epilogue.
constexpr int64_t preferredHeight = 7;
/// Fewer tiles than this split badly among threads; panels are split then.
constexpr int64_t enoughTiles = 12;

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
    if (llvm::all_of(places, [&](const Place *p) { return images == 1 || p->image == width * p->pixel; })) {
      width *= images;
      images = 1;
    }
  }
  tilesPerRow = std::max<int64_t>(1, (width + preferredHeight / 2) / preferredHeight);
  height = width / tilesPerRow;
  tall = width % tilesPerRow;
  panels = panelsOf(spec) * spec.groups;
  byPanels = tiles() < enoughTiles && panels > tiles();
}
