//===- BlockShape.cpp - How products are split among blocks -----------------===//
#include "compiler/kernels/gpu/BlockShape.h"
#include "compiler/kernels/gpu/WarpTile.h"
#include "llvm/Support/MathExtras.h"

using namespace qcc::kernels;
using namespace qcc::kernels::gpu;
using qcc::target::Variant;

/// Fewer rows leave most of a tile empty.
static constexpr int64_t fewestRows = 9;
/// Fewer blocks leave most of a GPU's multiprocessors (an A100 has 108, an H100 132) without one, and less
/// depth is not worth the addition at the end.
static constexpr int64_t fewestBlocks = 96, fewestDeepTiles = 4;
/// Of a group's columns, for floats: with fewer, a thread for each output is as good.
static constexpr int64_t fewestFloatColumns = 16;

/// Does not depend on the weights' bits.
static Segments segmentsOfBytes(GemmSpec spec) {
  spec.nibbles.reset();
  return segmentsOf(spec);
}

BlockShape::BlockShape(const GemmSpec &spec)
    : tiling(spec), segments(segmentsOfBytes(spec)), panels(panelsOf(spec)),
      rows(tiling.images * tiling.rows * tiling.width),
      depthTiles(segments.packedSteps() * WarpTile::chunkBytes / lineDepth),
      weightChunks(WarpTile::weightChunks(spec)),
      panelTileBytes(spec.nibbles ? WarpTile::groupsOfTile * spec.nibbles->groupBytes()
                                  : panelColumns * weightChunks * WarpTile::chunkBytes) {
  arrange(panels == 1 ? 1 : 2, 1);
  if (!spec.nibbles && rowBlocks * columnBlocks * spec.groups < fewestBlocks && depthTiles >= fewestDeepTiles)
    arrange(1, warps);
}

void BlockShape::arrange(int64_t across, int64_t deep) {
  warpsAcross = across;
  warpsDeep = deep;
  warpsDown = warps / (across * deep);
  tileRows = warpsDown * WarpTile::rows;
  tileColumns = warpsAcross * WarpTile::columns;
  rowBlocks = llvm::divideCeil(rows, tileRows);
  columnBlocks = llvm::divideCeil(panels, warpsAcross);
  steps = llvm::divideCeil(depthTiles, deep);
  activationBytes = deep * tileRows * lineDepth;
  stageBytes = activationBytes + deep * warpsAcross * panelTileBytes;
}

bool gpu::fitsBlocks(const GemmSpec &spec) {
  if (spec.isFloat && (spec.nibbles || spec.n < fewestFloatColumns))
    return false;
  if (spec.batch * spec.outH * spec.outW >= fewestRows)
    return true;
  // Most of a tile is empty, but four warps that share the depth are faster than threads that walk it alone.
  // (How floats are packed depends on what is said here.)
  return !spec.isFloat && BlockShape(spec).warpsDeep > 1;
}

bool gpu::isBlockGemm(const GemmSpec &spec, const Variant &variant) {
  return fitsBlocks(spec) && (!spec.isFloat || variant.sm >= 80 || variant.isEmulated());
}

Launch gpu::blockGemmLaunch(const GemmSpec &spec) {
  BlockShape shape(spec);
  return {shape.rowBlocks * shape.columnBlocks * spec.groups, BlockShape::threads};
}
