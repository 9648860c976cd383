//===- Gpu.h - Kernels as blocks of threads ---------------------*- C++ -*-===//
//
// A kernel in its form for GPUs is a grid of blocks. General kernels, which walk a
// LoopNest, take one element at a time: thread t of n does elements t, t + n, ... Those
// that split their units by themselves take a thread for each unit. The products have
// kernels of their own.
//
// The function `name` that emitKernel makes for a GPU has the pointers alone as
// arguments and says with `launchAttr` how it is launched. For the emulated variant it
// has the signature of CPU kernels (Kernel.h) and runs the threads one after the other.
//
//===----------------------------------------------------------------------===//
#ifndef QCC_COMPILER_KERNELS_GPU_GPU_H
#define QCC_COMPILER_KERNELS_GPU_GPU_H

#include "compiler/kernels/Expr.h"
#include "compiler/kernels/Kernel.h"
#include "compiler/kernels/gemm/Pack.h"

namespace qcc::kernels::gpu {

/// How a kernel is launched.
struct Launch {
  int64_t blocks = 1, threads = 1;
};
/// array<i64: blocks, threads> on the function.
constexpr llvm::StringLiteral launchAttr = "qcc.launch";
Launch launchOf(mlir::Operation *function);

/// On what may use `begin` and `end` as the number of a thread and how many there are.
constexpr llvm::StringLiteral threadedAttr = "qcc.threaded";

/// Thread `thread` of `threads` (i64) does points thread, thread + threads, ... of so many.
void eachPoint(const Code &code, int64_t points, mlir::Value thread, mlir::Value threads,
               llvm::function_ref<void(mlir::Value point)> body);

/// emitKernel for variants that are GPUs.
llvm::FailureOr<mlir::func::FuncOp> emitKernel(mlir::ModuleOp module, mlir::Location loc,
                                               llvm::StringRef name, mlir::DictionaryAttr spec,
                                               const target::Variant &variant, Emitter emitter);

//--- Products: begin is the number of a block (BlockGemm) or thread (Direct) ---//

/// Enough rows and columns for tiles in shared memory.
bool fitsBlocks(const GemmSpec &spec);
/// Computed on such tiles: floats are from sm_80 on.
bool isBlockGemm(const GemmSpec &spec, const target::Variant &variant);
Launch blockGemmLaunch(const GemmSpec &spec);
void emitBlockGemm(mlir::OpBuilder &builder, mlir::func::FuncOp function, const GemmSpec &spec,
                   const target::Variant &variant);
/// One thread for each output: few rows.
Launch directLaunch(int64_t elements);
void emitDirectGemm(mlir::OpBuilder &builder, mlir::func::FuncOp function, const GemmSpec &spec,
                    const target::Variant &variant);
void emitDirectDepthwise(mlir::OpBuilder &builder, mlir::func::FuncOp function, const DepthwiseSpec &spec,
                         const target::Variant &variant);

//--- Others of blocks: begin is the number of a block -----------------------------//

/// A block for each sequence.
Launch recurrentLaunch(mlir::DictionaryAttr spec);
llvm::LogicalResult emitRecurrent(mlir::OpBuilder &builder, mlir::func::FuncOp function,
                                  mlir::DictionaryAttr spec, const target::Variant &variant);
/// A block for some queries of a head.
Launch attentionLaunch(mlir::DictionaryAttr spec);
llvm::LogicalResult emitAttention(mlir::OpBuilder &builder, mlir::func::FuncOp function,
                                  mlir::DictionaryAttr spec, const target::Variant &variant);

//--- Weights of Packing::Rows ---------------------------------------------------//
//
// "gemm" of u8 and, where it fits blocks, of floats: for each panel of 32 columns, for each 64 bytes of x's
// depth (segments padded to 16, all together to 64 with zeros): 32 lines, one for each column, in the order
// of lineOf. A line has the weights for this depth: in order, but for f32 inputs as placeInLine says. Other
// float products as Pack.h says. u8 "depthwise": for each block of 64 channels, for each tap: 64 bytes.
// Parameters are in natural order.

constexpr int64_t lineDepth = 64; ///< bytes of depth of a tile

bool hasLines(const GemmSpec &spec);
/// Of the weight for this depth among those of a line. For f32 inputs four bytes hold what one lane
/// multiplies: those for depths t, t + 4, ... of the 16 bytes that they are in.
constexpr int64_t placeInLine(int64_t depth, int64_t weightBytes, bool isF32) {
  int64_t perWord = 4 / weightBytes, inChunk = depth % (4 * perWord);
  return isF32 ? depth - inChunk + inChunk % 4 * perWord + inChunk / 4 : depth;
}

/// Where a column of a panel lies: what a thread holds of a row after m16n8k32 (columns 2t, 2t + 1 of each of
/// four tiles) is then 8 neighbours.
constexpr int64_t lineOf(int64_t column) { return 8 * (column % 8 / 2) + 2 * (column / 8) + column % 2; }

/// In lines; weights of as many bytes as the specification says.
template <typename T> Bytes packRows(const GemmSpec &spec, llvm::ArrayRef<T> weights);

} // namespace qcc::kernels::gpu

#endif // QCC_COMPILER_KERNELS_GPU_GPU_H
