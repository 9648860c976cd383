//===- Attention.h - What the attention kernel can do -----------*- C++ -*-===//
#ifndef QCC_COMPILER_KERNELS_ATTENTION_H
#define QCC_COMPILER_KERNELS_ATTENTION_H

#include <cstdint>

namespace qcc::kernels {

/// The scores of a few queries lie on the stack; with more keys than these they would be too much for a
/// thread's.
constexpr int64_t mostAttentionKeys = 16384;

} // namespace qcc::kernels

#endif // QCC_COMPILER_KERNELS_ATTENTION_H
