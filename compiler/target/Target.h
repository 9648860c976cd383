//===- Target.h - What code generation asks of a target ---------*- C++ -*-===//
//
// A target is a machine family (x86, AArch64, NVIDIA); a variant is one level of its instruction
// set, named by its --march word. One object holds all variants asked for; the
// runtime picks one.
//
//===----------------------------------------------------------------------===//
#ifndef QCC_COMPILER_TARGET_TARGET_H
#define QCC_COMPILER_TARGET_TARGET_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include <cstdint>
#include <string>

namespace qcc::target {

/// How a target's kernels want bytes of weights in memory (kernels/gemm/Pack.h); the same for all its
/// variants.
enum class Packing {
  Quads, ///< four bytes of depth, column by column
  Pairs, ///< eight bytes of depth, column by column: pairs of columns are what smmla takes
  Rows,  ///< 64 bytes of depth of a column side by side, as ldmatrix takes them
};

/// How float weights of 16 bits are stored that meet activations of f32.
enum class Half { None, F16, BF16 };

struct Variant {
  std::string name;     ///< --march word: "x86-64", "avx2", ..., "armv8-a", "dotprod", ...
  std::string triple;   ///< "x86_64-unknown-linux-gnu"
  std::string cpu;      ///< whose scheduling LLVM follows: "tune-cpu"
  std::string features; ///< LLVM feature string over the triple's baseline: "+avx2,+fma,..."
  uint64_t cpuBits;     ///< what the code needs at run time: QCC_CPU_* of qcc/runtime.h
  unsigned vectorBytes; ///< natural vector: 16, 32, 64
  unsigned registers;   ///< vector registers: 16 or 32
  /// Register tiles of two vectors of columns: rows that fit, for int8 and for f32. Two vectors of sums a
  /// row, two of weights, one of activations; without VNNI operands come in two halves, and products need a
  /// place.
  unsigned tileRows, tileRowsFloat;
  unsigned tileRowsBf16; ///< without hasBf16 operands come in two halves here, too
  bool hasVnni = false;  ///< vpdpbusd at vectorBytes
  bool hasFma = false;
  bool hasF16 = false;     ///< an instruction from float16 to float32
  bool hasBf16 = false;    ///< vdpbf16ps and vcvtneps2bf16; Arm's bfmmla and bfcvtn
  bool hasMasks = false;   ///< AVX-512 byte masks
  bool hasDotprod = false; ///< Arm's sdot and udot
  bool hasI8mm = false;    ///< Arm's usdot and usmmla
  Packing packing = Packing::Quads;
  unsigned tileVectors = 2; ///< of columns, of tiles of int8 and, with hasBf16, bf16 that have so many

  /// Kernels in their form for GPUs: blocks of threads (kernels/gpu).
  bool isGpu = false;
  unsigned sm =
      0; ///< a GPU's compute capability, as in sm_80; 0: a CPU, perhaps one that runs a GPU's kernels

  bool byUnits = false; ///< of a GPU: threads take units of a kernel, as those of a CPU do, not points

  bool byWarps = false; ///< of a GPU: a kernel may have a warp of threads for each point (kernels/Fold.h)

  /// Threads take points of a kernel's LoopNest.
  bool byPoints() const { return isGpu && !byUnits; }
  /// Runs a GPU's kernels on the CPU, to test them; only where it is named.
  bool isEmulated() const { return isGpu && sm == 0; }

  /// Four products of bytes and their sum in one instruction.
  bool hasDot() const { return hasVnni || hasDotprod; }
};

/// The variants of a triple, least capable first; empty where qcc has no such target.
llvm::ArrayRef<Variant> variantsOf(llvm::StringRef triple);
/// Null where the target has no variant of that name.
const Variant *findVariant(llvm::StringRef triple, llvm::StringRef name);

} // namespace qcc::target

#endif // QCC_COMPILER_TARGET_TARGET_H
