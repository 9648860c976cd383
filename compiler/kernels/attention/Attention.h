//===- Attention.h - What attention kernels are given -----------*- C++ -*-===//
//
// The views of kind "attention" are
//   query (batch, queries, heads, depth), key (batch, heads, depth, keys), either
//   turned, so that the last axis is contiguous, or as it came; of bf16 on x86
//   pairs of numbers are turned, elements i32 (batch, heads, depth / 2, keys),
//   value (batch, keys, heads, width), mask (batch, heads, queries, keys) if there
//   is one, the count of the keys that are there if not all are, result (batch,
//   queries, heads, width). A head of key and value serves as many of the query
//   as there are more of them.
//
//===----------------------------------------------------------------------===//
#ifndef QCC_COMPILER_KERNELS_ATTENTION_H
#define QCC_COMPILER_KERNELS_ATTENTION_H

#include "compiler/kernels/Spec.h"

namespace qcc::kernels {

/// The scores of a few queries lie on the stack; with more keys than these they would be too much for a
/// thread's.
constexpr int64_t mostAttentionKeys = 16384;

/// With so many queries turning the keys costs less than the kernel gains by it.
constexpr int64_t queriesToTurnFor = 5;

/// Attention of bf16 takes heads of a multiple of so many numbers.
constexpr int64_t bf16Numbers = 8;

/// A specification, read.
struct AttentionShape {
  Spec spec;
  View query, key, value, mask, result;  ///< the mask as if it had all axes
  std::optional<size_t> maskAt, countAt; ///< among the views
  int64_t batch, heads, queries, keys, depth, width;

  explicit AttentionShape(mlir::DictionaryAttr attr);
  /// Else they are turned: all keys' first numbers, then all second ones, and so on.
  bool keysLieAsTheyCame() const {
    return key.strides[2] == 1 && query.strides[3] == 1 && keys > 1 && depth > 1;
  }
  bool isBf16() const { return query.element.isBF16(); }
  bool hasKeyPairs() const { return key.element.isSignlessInteger(32); }
  bool isSupported() const;
  /// What is multiplied with values, of exp(score - largest).
  Expr weightOf(Expr power) const;
  /// Queries' heads that one of key and value serves.
  int64_t served(const View &view, size_t headAxis) const { return heads / view.shape[headAxis]; }
  /// A product as a score, before the mask: scaled, and within the attribute `softcap` if there is one.
  Expr scoreOf(Expr product) const;
};

} // namespace qcc::kernels

#endif // QCC_COMPILER_KERNELS_ATTENTION_H
