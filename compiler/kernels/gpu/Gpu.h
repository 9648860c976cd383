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

#include "compiler/kernels/Kernel.h"
#include "compiler/kernels/Pack.h"

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

/// emitKernel for variants that are GPUs.
llvm::FailureOr<mlir::func::FuncOp> emitKernel(mlir::ModuleOp module, mlir::Location loc,
                                               llvm::StringRef name, mlir::DictionaryAttr spec,
                                               const target::Variant &variant, Emitter emitter);

//--- Products: begin is the number of a block (BlockGemm) or thread (Direct) ---//

/// u8 times s8 on tiles in shared memory.
bool isBlockGemm(const GemmSpec &spec);
Launch blockGemmLaunch(const GemmSpec &spec);
void emitBlockGemm(mlir::OpBuilder &builder, mlir::func::FuncOp function, const GemmSpec &spec,
                   const target::Variant &variant);
/// One thread for each output: floats, and few rows.
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
// u8 "gemm": for each panel of 32 columns, for each 64 bytes of depth (segments padded to 16, all together to
// 64 with zeros): 32 lines of 64 bytes, one for each column, in the order of lineOf. u8 "depthwise": for each
// block of 64 channels, for each tap: 64 bytes. Parameters are in natural order.

constexpr int64_t lineDepth = 64; ///< bytes of depth of a tile

/// Where a column of a panel lies: what a thread holds of a row after m16n8k32 (columns 2t, 2t + 1 of each of
/// four tiles) is then 8 neighbours.
constexpr int64_t lineOf(int64_t column) { return 8 * (column % 8 / 2) + 2 * (column / 8) + column % 2; }

Bytes packRows(const GemmSpec &spec, llvm::ArrayRef<int8_t> weights);

} // namespace qcc::kernels::gpu

#endif // QCC_COMPILER_KERNELS_GPU_GPU_H
