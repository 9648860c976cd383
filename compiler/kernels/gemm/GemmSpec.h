//===- GemmSpec.h - Convolutions and matrix products ------------*- C++ -*-===//
//
// The specification of kind "gemm": a direct convolution over a padded NHWC
// buffer. A matrix product [M][K] x [K][N] is the 1x1 convolution of M pixels with
// K channels. Plain data; to and from the dictionary that `qcc.kernel` carries.
//
// Signature of the function: one pointer for each of
//   x, weights, params, [row scales, row zeros], [image scales (and zeros)], [residual], [table], out
// then begin, end (see Kernel.h). The bracketed ones are there if the epilogue
// asks for them. weights and params are the bytes that Pack.h writes.
//
// Memory: x and the residual are read up to 64 bytes past their last element, so
// they must be qcc's own buffers; nothing is written outside of `out`'s elements.
// x's border must hold the zero point of x wherever a tap reaches it. `out` may
// be the residual itself (same place, same element type): each element is read
// before it is written, and written once.
//
// Results do not depend on the range [begin, end) nor on the number of threads.
//
//===----------------------------------------------------------------------===//
#ifndef QCC_COMPILER_KERNELS_GEMMSPEC_H
#define QCC_COMPILER_KERNELS_GEMMSPEC_H

#include "compiler/kernels/gemm/Epilogue.h"
#include "compiler/kernels/gemm/Nibbles.h"
#include "compiler/target/Target.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include <optional>

namespace qcc::kernels {

/// Where an NHWC tensor lies: element (b, y, x, c) is at
/// `pointer + (offset + b * image + y * row + x * pixel + c) * bytes of element`.
struct Place {
  int64_t offset = 0, image = 0, row = 0, pixel = 0; ///< in elements
};

struct GemmSpec {
  /// u8 with s8 weights and int32 sums, or f32 with f32 weights and sums.
  bool isFloat = false;
  bool isBf16 = false; ///< with isFloat: x and the weights are bf16, the sums f32
  /// With isFloat, not isBf16: the weights are s8, which become f32 on the way; their scales are a step
  /// (MulColumn) of the epilogue.
  bool byteWeights = false;
  /// With isFloat, not isBf16: the weights are floats of 16 bits, which become f32 on the way.
  target::Half halfWeights = target::Half::None;
  /// Of a matrix product of u8 or f32: weights of 4 bits in groups along c, sums in f32.
  std::optional<NibbleForm> nibbles;
  target::Packing packing = target::Packing::Quads; ///< of weights and parameters: the target's
  int64_t batch = 1, outH = 1, outW = 1;            ///< outputs: batch x outH x outW pixels
  int64_t groups = 1;
  int64_t c = 1; ///< input channels of a group (K of a matrix product)
  int64_t n = 1; ///< output channels of a group
  int64_t kernelH = 1, kernelW = 1;
  int64_t strideH = 1, strideW = 1;
  int64_t dilationH = 1, dilationW = 1;
  /// offset: tap (0, 0) of output pixel (0, 0), that is the corner of the padding.
  Place x;
  Place out;
  Place residual; ///< of the output's type
  Epilogue epilogue;

  int64_t outChannels() const { return groups * n; }
  bool hasFloatSums() const { return isFloat || nibbles; }
  int64_t inBytes() const { return isBf16 ? 2 : isFloat ? 4 : 1; } ///< of an element of x

  /// {kind = "gemm", units, views = [...], packing, groups, kernel, stride, dilation, epilogue, ...}; without
  /// `packing`: Quads.
  mlir::DictionaryAttr toAttr(mlir::MLIRContext *context) const;
  /// The dictionary must come from toAttr.
  static GemmSpec fromAttr(mlir::DictionaryAttr attr);
};

/// "f16" or "bf16", the attribute half_weights of a specification.
llvm::StringRef halfName(target::Half type);
target::Half halfNamed(mlir::DictionaryAttr spec); ///< None where there is none
/// What such weights are in memory; f32 for None.
mlir::Type storageOf(mlir::MLIRContext *context, target::Half type);

/// Why qcc has no such kernel; empty where it has.
std::string unsupportedReason(const GemmSpec &spec);

/// Outer units to split among threads: tiles of output pixels, or, where those
/// are few, the tiles of each panel of 32 output channels.
int64_t gemmUnits(const GemmSpec &spec);

/// Kind "depthwise": groups == channels, one filter each. The pointers and the rules are those
/// of "gemm". Channel multipliers other than 1 are "gemm" with c = 1.
struct DepthwiseSpec {
  bool isFloat = false;
  bool byteWeights = false;                         ///< as in GemmSpec
  target::Packing packing = target::Packing::Quads; ///< decides what parameters there are
  int64_t batch = 1, outH = 1, outW = 1;
  int64_t channels = 1;
  int64_t kernelH = 1, kernelW = 1;
  int64_t strideH = 1, strideW = 1;
  int64_t dilationH = 1, dilationW = 1;
  Place x;
  Place out;
  Place residual;
  Epilogue epilogue;

  mlir::DictionaryAttr toAttr(mlir::MLIRContext *context) const;
  static DepthwiseSpec fromAttr(mlir::DictionaryAttr attr);
};

std::string unsupportedReason(const DepthwiseSpec &spec);
/// Output rows of all images or, where those are few, those of each block of 64 channels.
int64_t depthwiseUnits(const DepthwiseSpec &spec);
bool splitsBlocks(const DepthwiseSpec &spec); ///< the latter

/// Fewer rows of pixels than this split badly among threads. From here on a thread's rows are those of the
/// pixels that it has computed before, which need not come from another core.
constexpr int64_t enoughRows = 14;

/// The arguments of a "gemm" or "depthwise" function; null where the epilogue asks for none.
struct ProductArguments {
  ProductArguments(mlir::func::FuncOp function, const Epilogue &epilogue);

  mlir::Value x, weights, params, rowScales, rowZeros, imageScales, residual, table, out, begin, end;
};

} // namespace qcc::kernels

#endif // QCC_COMPILER_KERNELS_GEMMSPEC_H
