//===- WarpTile.h - 32 x 32 sums of a warp ----------------------*- C++ -*-===//
//
// A tile of x in shared memory has lines of 64 bytes of depth, one for each row; that of
// the weights has one for each column (gpu/Gpu.h). Chunks of 16 bytes are turned by the
// number of the line, so that the eight lines of a matrix that ldmatrix loads are in
// different banks.
//
// Floats are multiplied as tf32, which keeps 11 of their 24 digits, three times: an f32
// is the sum of two such numbers but for its last two digits, and the product of both
// remainders is left out. Weights of 16 or 8 bits are such numbers: two times.
//
// Weights of 4 bits lie in shared memory as in the packed ones (Nibbles.h), two groups of
// a panel of 32 columns in a tile. The sums of a group are exact, then f32 (q13).
//
//===----------------------------------------------------------------------===//
#ifndef QCC_COMPILER_KERNELS_GPU_WARPTILE_H
#define QCC_COMPILER_KERNELS_GPU_WARPTILE_H

#include "compiler/kernels/Expr.h"
#include "compiler/kernels/gpu/Gpu.h"
#include "compiler/target/nvptx/BlockOps.h"

namespace qcc::kernels::gpu {

class WarpTile {
public:
  static constexpr int64_t rows = 32, columns = 32; ///< two m16 by four n8
  static constexpr int64_t rowTiles = 2, columnTiles = 4;
  static constexpr int64_t columnsOfThread = 2 * columnTiles; ///< neighbours, see lineOf
  static constexpr int64_t chunkBytes = 16;

  WarpTile(target::BlockOps &ops, const Code &scalar, const GemmSpec &spec);
  static int64_t registers(const GemmSpec &spec);    ///< of a thread
  static int64_t weightChunks(const GemmSpec &spec); ///< of a line of the weights; not of nibbles
  static constexpr int64_t groupsOfTile = lineDepth / groupDepth;

  /// Where a chunk of a line lies in its tile, which has `chunks` of them in a line (i32).
  static target::Value chunkOffset(target::CodeBuilder &code, target::Value line, target::Value chunk,
                                   int64_t chunks);

  /// Inside a phase: sums begin with a number for each of the thread's columns.
  void start(llvm::ArrayRef<target::Value> bias);
  /// Outside: sums += the products of two tiles, at these shared offsets, from these lines on.
  using OfThread = llvm::function_ref<target::Value(target::Value thread)>;
  void multiply(target::Value x, OfThread firstRow, target::Value weights, OfThread firstColumn);
  /// Of nibbles, `panel` being where a warp's panel begins; group `index` of the tile alone.
  void multiplyGroup(target::Value x, OfThread firstRow, OfThread panel, int64_t index);
  /// Inside: the sum of row 16 i + 8 h + (lane / 4), of a column of the thread's.
  target::Value sum(int64_t i, int64_t h, int64_t column);

private:
  target::BlockOps &ops;
  target::CodeBuilder &code;
  const Code &scalar;
  const GemmSpec &spec;
  target::BlockOps::Operand kind;

  target::Value constant(int64_t value);
  void loadRows(target::Value x, OfThread firstRow, int64_t chunk);
  void loadColumns(target::Value weights, OfThread firstColumn, int64_t chunk);
  void multiplyAll(int64_t a, int64_t b);
  void loadPackedColumns(target::Value weights, OfThread firstColumn);
  Expr weightOf(int64_t step, int64_t half, int64_t tile);
  void split(Expr value, int64_t slot, int64_t restSlot);
  void splitStep(int64_t step);
  void multiplyFloats(target::Value x, OfThread firstRow, target::Value weights, OfThread firstColumn);
  target::Value groupAt(OfThread panel, target::Value thread, int64_t index);
  target::Value nibbles(target::Value group, target::Value thread, int64_t tile, int64_t half);
  target::Values scalesOf(target::Value group, target::Value thread);
};

} // namespace qcc::kernels::gpu

#endif // QCC_COMPILER_KERNELS_GPU_WARPTILE_H
