//===- Attention.h - Attention ----------------------------------*- C++ -*-===//
#ifndef QCC_DIALECTS_REFERENCE_ATTENTION_H
#define QCC_DIALECTS_REFERENCE_ATTENTION_H

#include "dialects/reference/Tensor.h"

namespace qcc::reference {

/// softmax(query * key^T * scale + mask) * value for each head, in double. Operands are (batch, tokens,
/// heads, numbers); key and value may have fewer heads, of which each serves as many neighbouring ones of
/// the query. A `softcap` c other than 0 makes scaled scores c * tanh(score / c). `mask`, which may be null,
/// broadcasts to (batch, heads, queries, keys). A row of scores that are all -infinity gives zeros, as in
/// ONNX's Attention. Of the keys the first `count` are there, which may be null, too: all of them. Where the
/// operands are bf16, exp(score - largest) is rounded to bf16 before it is multiplied; the sum that products
/// are divided by is that of the exact ones. The result is of type `result`.
Tensor attention(const Tensor &query, const Tensor &key, const Tensor &value, const Tensor *mask,
                 const Tensor *count, double scale, double softcap, DType result);

} // namespace qcc::reference

#endif // QCC_DIALECTS_REFERENCE_ATTENTION_H
