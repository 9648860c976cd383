//===- BlockOps.h - What kernels of thread blocks are written in -*- C++ -*-===//
//
// A block is some threads with memory they share. The code of a kernel is that of
// the block: loops whose bounds all threads agree on, and in them phases, which each
// thread runs through, and operations that a warp or the block does together.
// Between phases a thread keeps numbers in its registers, which are 32 bits each.
//
// There are two lowerings. On a GPU a phase is the thread's code, registers become
// values, and the operations are instructions. On a CPU a phase is a loop over the
// threads and registers are memory, so that barriers split the loop by themselves;
// operations do what PTX's manual says. That is how kernels are tested without a GPU.
//
//===----------------------------------------------------------------------===//
#ifndef QCC_COMPILER_TARGET_NVPTX_BLOCKOPS_H
#define QCC_COMPILER_TARGET_NVPTX_BLOCKOPS_H

#include "compiler/target/CodeBuilder.h"
#include "compiler/target/Target.h"
#include <memory>

namespace qcc::target {

class BlockOps {
public:
  static constexpr int64_t warpThreads = 32;

  struct Block {
    int64_t threads;     ///< a multiple of 32
    int64_t sharedBytes; ///< at most 48 KiB
    int64_t registers;   ///< of each thread
  };
  static std::unique_ptr<BlockOps> create(CodeBuilder &code, const Variant &variant, const Block &block);
  virtual ~BlockOps();

  CodeBuilder &code;
  const Block block;

  //--- Phases -----------------------------------------------------------------//
  /// What each thread does; `thread` is an i32 in [0, threads).
  virtual void eachThread(llvm::function_ref<void(Value thread)> body) = 0;
  /// Writes to shared memory before it are seen after it.
  virtual void barrier() = 0;

  //--- Registers, inside a phase ----------------------------------------------//
  Value get(int64_t slot); ///< i32
  void set(int64_t slot, Value bits);
  Value getFloat(int64_t slot);

  //--- Shared memory, inside a phase --------------------------------------------//
  /// For loads and stores.
  virtual Value sharedPointer(Value offset) = 0;

  //--- Copies into shared memory, inside a phase --------------------------------//
  /// 16 bytes to the shared offset `to` (i32, a multiple of 16), in pieces of `width` bytes, to which `from`
  /// is aligned. They are there after a wait and a barrier. With `count` (i32, a multiple of `width`) zeros
  /// from the byte of that number on.
  virtual void copy(Value to, Value from, int64_t width, Value count = {}) = 0;
  //--- ... and outside ----------------------------------------------------------//
  /// Closes a group of copies.
  virtual void commitCopies() = 0;
  /// Until all groups are there but the last `pending`.
  virtual void waitForCopies(int64_t pending) = 0;

  //--- What warps do together, outside a phase ----------------------------------//
  /// ldmatrix.x4: four matrices of 8 rows of 16 bytes. Lane 8i + r of a warp names the shared offset of row r
  /// of matrix i; lane 4g + t gets bytes 4t..4t+3 of row g of matrix i in register `slot + i`.
  virtual void loadMatrices(int64_t slot, llvm::function_ref<Value(Value thread)> rowOf) = 0;
  /// shfl.bfly: register `to` becomes `from` of the lane whose number differs in the bits of `mask`.
  virtual void exchange(int64_t to, int64_t from, int64_t mask) = 0;
  /// Register `slot` of all lanes becomes what `combine` (commutative) makes of all; register `other` is
  /// free.
  void reduceWarp(int64_t slot, int64_t other, llvm::function_ref<Value(Value, Value)> combine);
  /// What a register of an operand holds.
  enum class Operand {
    Bytes, ///< four u8 of a, s8 of b; sums are i32: mma.m16n8k32
    Bf16,  ///< two; sums are f32: mma.m16n8k16
    Tf32,  ///< an f32 whose last 13 bits are zeros; sums are f32: mma.m16n8k8
  };
  /// sums (4 registers) += a (4) * b (2), as PTX's tables lay them out. Floats: from sm_80 on.
  virtual void multiply(Operand kind, int64_t sums, int64_t a, int64_t b) = 0;

protected:
  BlockOps(CodeBuilder &code, const Block &block) : code(code), block(block) {}
  Value registers; ///< where those of the thread now in a phase begin
  Value registerAt(int64_t slot) { return code.at(registers, slot * 4); }
};

/// sum + the four products of u8 in x and s8 in y, all in i32.
Value dotBytes(CodeBuilder &code, const Variant &variant, Value sum, Value x, Value y);

} // namespace qcc::target

#endif // QCC_COMPILER_TARGET_NVPTX_BLOCKOPS_H
