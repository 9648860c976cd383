//===- BlockShape.h - How products are split among blocks -------*- C++ -*-===//
//
// What each block of BlockGemm.cpp computes, and how its warps share that.
//
//===----------------------------------------------------------------------===//
#ifndef QCC_COMPILER_KERNELS_GPU_BLOCKSHAPE_H
#define QCC_COMPILER_KERNELS_GPU_BLOCKSHAPE_H

#include "compiler/kernels/gemm/Tiling.h"
#include "compiler/kernels/gpu/Gpu.h"
#include "compiler/target/nvptx/BlockOps.h"

namespace qcc::kernels::gpu {

struct BlockShape {
  static constexpr int64_t warps = 4, threads = warps * target::BlockOps::warpThreads;

  explicit BlockShape(const GemmSpec &spec);

  Tiling tiling;
  Segments segments; ///< how x is walked
  int64_t panels, rows, depthTiles;
  int64_t weightChunks;   ///< of a line
  int64_t panelTileBytes; ///< of a panel's weights in a tile
  int64_t warpsAcross, warpsDown, warpsDeep, tileRows, tileColumns;
  int64_t rowBlocks, columnBlocks;
  int64_t steps;                       ///< of `warpsDeep` tiles of depth each
  int64_t activationBytes, stageBytes; ///< of x; and of the weights behind it

private:
  void arrange(int64_t across, int64_t deep);
};

} // namespace qcc::kernels::gpu

#endif // QCC_COMPILER_KERNELS_GPU_BLOCKSHAPE_H
