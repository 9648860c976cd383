//===- Nibbles.h - Weights of 4 bits in groups ------------------*- C++ -*-===//
//
// Constant weights q (-8..7) whose depth is cut into groups of 32, each with a
// scale s and perhaps a zero point z for each column (q13). The sums of a row x are
//   sum over the groups, in order, in f32, of float(sum of x[k] * (q[k] - z)) * s
//
// In memory, for each block of one or more panels of 32 columns, for each group:
//   four steps of 8 depths: for each panel, for each column 4 bytes; the low half of
//   byte i is depth i, the high half depth 4 + i;
//   for each panel 32 scales, bf16 or f32; of bytes as activations, s / 16, because
//   halves stay at the upper end of a byte there;
//   if there are any: for each panel 32 zero points, i16.
// Missing columns are zeros; missing depths have the group's zero point.
//
//===----------------------------------------------------------------------===//
#ifndef QCC_COMPILER_KERNELS_NIBBLES_H
#define QCC_COMPILER_KERNELS_NIBBLES_H

#include "dialects/reference/Groups.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include <cstdint>
#include <vector>

namespace qcc::kernels {

using reference::groupDepth; ///< 32

/// What decides the code and the layout.
struct NibbleForm {
  bool isFloat = false;    ///< activations are f32, else u8
  bool wideScales = false; ///< f32: not all scales are bf16
  bool zeros = false;      ///< some zero points are not 0
  int64_t panels = 1;      ///< of a block

  int64_t stepBytes() const { return panels * 32 * 4; }
  int64_t scaleBytes() const { return wideScales ? 4 : 2; }
  int64_t groupBytes() const { return 4 * stepBytes() + panels * 32 * (scaleBytes() + (zeros ? 2 : 0)); }

  /// Words of a specification: {nibbles = ["wide_scales", "zeros"]}.
  mlir::ArrayAttr toAttr(mlir::MLIRContext *context) const;
  static NibbleForm fromAttr(mlir::ArrayAttr attr);
};

/// Weights [column][depth], scales and zero points [column][group].
struct NibbleWeights {
  int64_t depth = 0;
  std::vector<int8_t> values;
  std::vector<float> scales;
  std::vector<int8_t> zeros; ///< empty: all 0

  int64_t groups() const { return (depth + groupDepth - 1) / groupDepth; }
  int64_t columns() const { return int64_t(scales.size()) / groups(); }
  int8_t zero(int64_t column, int64_t group) const {
    return zeros.empty() ? int8_t(0) : zeros[column * groups() + group];
  }
  /// So many columns of zeros with this depth, to be set one by one.
  NibbleWeights spread(int64_t columns) const;
  void setColumn(int64_t column, const NibbleWeights &from, int64_t fromColumn);
  /// `isFloat` and `panels` are the caller's.
  NibbleForm form() const;
};

/// `columnAt(block, i)` is the column of the i-th place among a block's panels; -1: none.
std::vector<uint8_t> packNibbles(const NibbleForm &form, const NibbleWeights &weights, int64_t blocks,
                                 llvm::function_ref<int64_t(int64_t block, int64_t i)> columnAt);
/// What a row of ones gives in each column: activations' zero points are multiplied by it.
std::vector<float> nibbleColumnSums(const NibbleWeights &weights);

} // namespace qcc::kernels

#endif // QCC_COMPILER_KERNELS_NIBBLES_H
