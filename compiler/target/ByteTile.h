//===- ByteTile.h - Sums of a register tile of bytes ------------*- C++ -*-===//
//
// What a matrix product does in its innermost loop: some rows (pixels) of u8
// activations by some vectors of columns of s8 weights, or both of bf16. Dot products
// of four bytes (VectorOps) do on most machines; on others the instructions decide
// how sums lie in registers meanwhile: between `start` and `finish` they are the tile's
// own business.
//
//===----------------------------------------------------------------------===//
#ifndef QCC_COMPILER_TARGET_BYTETILE_H
#define QCC_COMPILER_TARGET_BYTETILE_H

#include "compiler/target/VectorOps.h"

namespace qcc::target {

class ByteTile {
public:
  ByteTile(VectorOps &ops, int64_t rows, int64_t vectors)
      : ops(ops), code(ops.code), rows(rows), vectors(vectors) {}
  virtual ~ByteTile();
  /// Null where dot products of four bytes (two bf16) from memory do, over weights packed as Quads.
  static std::unique_ptr<ByteTile> create(VectorOps &ops, const Variant &variant, bool isBf16, int64_t rows,
                                          int64_t vectors, bool wideWeights = false);

  /// Bytes of depth that one step of packed weights has.
  static int64_t depthOf(Packing packing) {
    return packing == Packing::Rows ? 16 : packing == Packing::Pairs ? 8 : 4;
  }
  /// Steps that one turn of the loop takes best; what is left over is done one by one.
  virtual int64_t stepsAtOnce() const { return 1; }
  /// Whether weights are better read as what `widen` makes of them, if that serves many tiles.
  virtual bool widensWeights() const { return false; }
  /// Writes a step's weights as a tile with `wideWeights` reads them, in as many bytes as all columns of a
  /// panel have.
  virtual void widen(Value weights, Value to) {}
  /// Steps whose activations are prepared together; 0: none are, `add` takes them as they lie.
  virtual int64_t chunkSteps() const { return 0; }

  /// Sums before the first step. `bias`: of the columns, the same for each row.
  virtual Values start(const Values &bias) = 0;
  /// Pointers to the prepared activations of the first step of a chunk. May read a whole chunk.
  virtual Values prepare(llvm::ArrayRef<Value> pixels) { return Values(pixels); }
  /// Adds `depth` bytes of each row, at `pixels`, times the weights: whole steps, or a part of one.
  virtual void add(Values &sums, llvm::ArrayRef<Value> pixels, Value weights, int64_t depth) = 0;
  /// i32 or f32 in natural order of columns, `vectors` for each row.
  virtual Values finish(const Values &sums) = 0;

protected:
  VectorOps &ops;
  CodeBuilder &code;
  const int64_t rows, vectors;
};

} // namespace qcc::target

#endif // QCC_COMPILER_TARGET_BYTETILE_H
