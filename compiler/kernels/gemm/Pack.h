//===- Pack.h - Weights and parameters as the kernels read them -*- C++ -*-===//
//
// Plain functions from a layer's numbers to bytes. One layout serves all variants
// of a target; both blobs want an alignment of 64.
//
// Weights of "gemm": for each group, for each panel of 32 columns, for each
// segment of the filter (a row where its taps are contiguous in x, else a tap):
//   u8, Quads: steps of 4 depth bytes x 32 columns = 128 bytes. Bytes 64j + 4(4L + t) .. + 3 belong to column
//        8L + 4j + t, so that two saturating packs restore the natural order in 128-, 256- and 512-bit
//        vectors alike.
//   u8, Pairs: steps of 8 depth bytes x 32 columns = 256 bytes, natural order.
//   Rows, u8 and floats of many rows: steps of 16 depth bytes x 32 columns, four by four; see gpu/Gpu.h.
//   f32: one depth x 32 columns, natural order, 128 bytes.
//   bf16: two depths (Pairs: four, Rows: one) x 32 columns, natural order.
//   s8 of f32 inputs: as f32, 32 bytes; f16 and bf16 of f32 inputs: as f32, 64 bytes.
//   4 bits: as Nibbles.h says, a panel a block.
// Missing columns and depths are zeros.
//
// Weights of "depthwise": for each block of 64 channels, for each group of taps,
//   u8:  256 bytes: bytes 64v + 4(4L + t) .. + 3 are 4 taps of channel 16L + 4v + t.
//   f32, s8 of f32 inputs: one tap x 64 channels, natural order.
//
// Parameters: one line of 64 bytes for each scalar, repeated (a plain load
// broadcasts it): zero point (i16), low, high (u8), bounds of t (f32), the steps'
// scalars (f32); then for each panel (block) the column vectors, in the order of the weights'
// columns: bias (i32 or f32), multiplier (f32, integer sums only), with `rows` and `imageZeros` sums of the
// weights (of the sums' type), those of the steps, and, for integer sums and Pairs, 128 * the sum of the
// weights: what variants that multiply signed bytes add to the bias.
//
//===----------------------------------------------------------------------===//
#ifndef QCC_COMPILER_KERNELS_PACK_H
#define QCC_COMPILER_KERNELS_PACK_H

#include "compiler/kernels/gemm/GemmSpec.h"
#include "llvm/ADT/ArrayRef.h"
#include <array>
#include <vector>

namespace qcc::kernels {

using Bytes = std::vector<uint8_t>;

int64_t packedWeightBytes(const GemmSpec &spec);
int64_t packedParamBytes(const GemmSpec &spec);
int64_t packedWeightBytes(const DepthwiseSpec &spec);
int64_t packedParamBytes(const DepthwiseSpec &spec);

/// weights: [groups * n][kernelH][kernelW][c].
Bytes packWeights(const GemmSpec &spec, llvm::ArrayRef<int8_t> weights); ///< u8 inputs, or byteWeights
Bytes packWeights(const GemmSpec &spec, llvm::ArrayRef<float> weights);  ///< f32 or, rounded, bf16 or f16
/// weights: [channels][kernelH][kernelW].
Bytes packWeights(const DepthwiseSpec &spec, llvm::ArrayRef<int8_t> weights);
Bytes packWeights(const DepthwiseSpec &spec, llvm::ArrayRef<float> weights);

/// u8 inputs: bias, from which the zero point of x is folded with the weights, and, unless the output is
/// I32, multiplier, one for each output channel.
Bytes packParams(const GemmSpec &spec, llvm::ArrayRef<int32_t> bias, llvm::ArrayRef<int8_t> weights,
                 int32_t zeroPoint, llvm::ArrayRef<float> multiplier, const EpilogueValues &values);
Bytes packParams(const DepthwiseSpec &spec, llvm::ArrayRef<int32_t> bias, llvm::ArrayRef<int8_t> weights,
                 int32_t zeroPoint, llvm::ArrayRef<float> multiplier, const EpilogueValues &values);
/// f32 inputs: the bias starts the sum.
Bytes packParams(const GemmSpec &spec, llvm::ArrayRef<float> bias, const EpilogueValues &values);
Bytes packParams(const DepthwiseSpec &spec, llvm::ArrayRef<float> bias, const EpilogueValues &values);
/// Weights of 4 bits, and their parameters: there is no bias but in `values`.
Bytes packWeights(const GemmSpec &spec, const NibbleWeights &weights);
Bytes packParams(const GemmSpec &spec, const NibbleWeights &weights, const EpilogueValues &values);

//--- The layout, shared with the emitters ----------------------------------//

constexpr int64_t panelColumns = 32;  ///< of "gemm"
constexpr int64_t blockChannels = 64; ///< of "depthwise"
constexpr int64_t lineBytes = 64;     ///< of a scalar in the parameters

/// The filter as the gemm kernels walk it: `outer` x `inner` segments of `depth` elements that are
/// contiguous in x, `steps` packed steps each (of 4, 8 or 16 bytes, 1 float, 1, 2 or 4 bf16, 8 of 4 bits).
struct Segments {
  int64_t outer, inner, depth, steps; ///< the last step may have less depth than the others
  int64_t tail = 0;                   ///< of bf16: the elements of such a step, else 0
  int64_t outerStride, innerStride;   ///< in x, elements
  int64_t multiple = 1;               ///< of steps that are packed, the last ones zeros
  int64_t packedSteps() const { return (outer * inner * steps + multiple - 1) / multiple * multiple; }
};
Segments segmentsOf(const GemmSpec &spec);
int64_t weightBytesOf(const GemmSpec &spec);  ///< of a weight that is no nibble
int64_t panelStepBytes(const GemmSpec &spec); ///< of a panel's weights
int64_t panelBytes(const GemmSpec &spec);     ///< of all of them
int64_t panelsOf(const GemmSpec &spec);       ///< of one group

/// Taps of the depthwise filter, four by four (-1: none; tap = row * kernelW + column). First, where
/// the filter has at least 3 rows, its columns: for each column from left to right the rows 0 to 3 (a
/// fourth one may be missing). Then the other taps in raster order. Filters with many taps have raster
/// order alone.
using TapGroup = std::array<int64_t, 4>;
/// Rows that come as columns, 0 to 4.
int64_t verticalRows(const DepthwiseSpec &spec);
/// 3 rows and stride 1: the columns are there a second time, one row lower (-1, 0, 1, 2), for
/// the output row below, which then uses the same four input rows.
bool hasLowerGroups(const DepthwiseSpec &spec);
/// Above this a kernel loops over groups instead of naming each.
constexpr int64_t manyTaps = 81;
std::vector<TapGroup> tapGroups(const DepthwiseSpec &spec); ///< with the lower ones, at the end

/// What the kernels add to bytes of a u8 residual on their way to f32; its zero point is stored with it.
constexpr float residualOffset = 8388608.0f; // target::VectorOps::byteOffset

/// Lines of the parameters, by index.
struct ParamLayout {
  /// `isFloat`: the sums are.
  ParamLayout(const Epilogue &epilogue, bool isFloat, target::Packing packing, int64_t columns);
  static constexpr int64_t zeroPoint = 0, low = 1, high = 2, boundLow = 3, boundHigh = 4, scalars = 5;
  int64_t headBytes;                     ///< offset of the first panel
  int64_t vectorBytes;                   ///< of one column vector of a panel
  int64_t multiplier, columnSums, steps; ///< offsets in a panel; bias is at 0
  int64_t shift;                         ///< of what variants of signed bytes add to the bias
  int64_t panelBytes;
};

} // namespace qcc::kernels

#endif // QCC_COMPILER_KERNELS_PACK_H
