//===- Elementwise.h - Functions of two and more tensors --------*- C++ -*-===//
#ifndef QCC_DIALECTS_REFERENCE_ELEMENTWISE_H
#define QCC_DIALECTS_REFERENCE_ELEMENTWISE_H

#include "dialects/reference/Tensor.h"

namespace qcc::reference {

/// numpy's broadcasting: the shape that both extend to; empty optional-like
/// `false` where they do not fit.
bool broadcastShapes(const std::vector<int64_t> &a, const std::vector<int64_t> &b,
                     std::vector<int64_t> &result);

/// For every element of `shape` in row-major order the element of a tensor of
/// shape `from` that it reads.
std::vector<int64_t> broadcastIndices(const std::vector<int64_t> &from, const std::vector<int64_t> &shape);

Tensor broadcastTo(const Tensor &input, const std::vector<int64_t> &shape);

/// Floats narrower than 64 bits compute in float32. Integers wrap; division
/// truncates; `x / 0` and `x mod 0` are 0 (ONNX leaves them open, and nothing
/// may trap). `Mod` has the divisor's sign, `FMod` the dividend's. A shift by the
/// width or more is 0.
enum class Binary {
  Add,
  Sub,
  Mul,
  Div,
  Pow,
  Mod,
  FMod,
  PRelu,
  Min,
  Max,
  And,
  Or,
  BitAnd,
  BitOr,
  BitXor,
  ShiftLeft,
  ShiftRight
};
Tensor binary(Binary op, const Tensor &lhs, const Tensor &rhs);

enum class Compare { Equal, Greater, GreaterOrEqual, Less, LessOrEqual };
Tensor compare(Compare op, const Tensor &lhs, const Tensor &rhs);

Tensor logicalNot(const Tensor &input);
Tensor where(const Tensor &condition, const Tensor &lhs, const Tensor &rhs);

} // namespace qcc::reference

#endif // QCC_DIALECTS_REFERENCE_ELEMENTWISE_H
