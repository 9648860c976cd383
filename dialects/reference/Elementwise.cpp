//===- Elementwise.cpp - Functions of two and more tensors ----------------===//

#include "dialects/reference/Elementwise.h"

#include <algorithm>
#include <cmath>

namespace qcc::reference {

bool broadcastShapes(const std::vector<int64_t> &a, const std::vector<int64_t> &b,
                     std::vector<int64_t> &result) {
  size_t rank = std::max(a.size(), b.size());
  result.assign(rank, 1);
  for (size_t i = 0; i < rank; ++i) { // counted from the last axis
    int64_t dimA = i < a.size() ? a[a.size() - 1 - i] : 1;
    int64_t dimB = i < b.size() ? b[b.size() - 1 - i] : 1;
    if (dimA != dimB && dimA != 1 && dimB != 1)
      return false;
    result[rank - 1 - i] = dimA == 1 ? dimB : dimA;
  }
  return true;
}

std::vector<int64_t> broadcastIndices(const std::vector<int64_t> &from, const std::vector<int64_t> &shape) {
  size_t rank = shape.size();
  std::vector<int64_t> strides(rank, 0); // 0 along a broadcast axis
  int64_t stride = 1;
  for (size_t i = 0; i < from.size(); ++i) {
    int64_t dim = from[from.size() - 1 - i];
    strides[rank - 1 - i] = dim == 1 ? 0 : stride;
    stride *= dim;
  }
  std::vector<int64_t> indices(static_cast<size_t>(elementCount(shape)));
  std::vector<int64_t> position(rank, 0);
  int64_t offset = 0;
  for (int64_t &index : indices) {
    index = offset;
    for (size_t axis = rank; axis-- > 0;) {
      offset += strides[axis];
      if (++position[axis] < shape[axis])
        break;
      offset -= strides[axis] * shape[axis];
      position[axis] = 0;
    }
  }
  return indices;
}

Tensor broadcastTo(const Tensor &input, const std::vector<int64_t> &shape) {
  Tensor result(input.type, shape);
  std::vector<int64_t> from = broadcastIndices(input.shape, shape);
  size_t width = static_cast<size_t>(byteSize(input.type));
  for (size_t i = 0; i < from.size(); ++i)
    std::memcpy(&result.bytes[i * width], &input.bytes[from[i] * width], width);
  return result;
}

/// The remainder with the divisor's sign; exact, and defined for infinities.
template <typename T> static T floorMod(T a, T b) {
  T rest = std::fmod(a, b);
  if (rest == 0)
    return std::copysign(T(0), b);
  return (rest < 0) != (b < 0) ? rest + b : rest;
}

template <typename T> static T onFloats(Binary op, T a, T b) {
  switch (op) {
  case Binary::Add:
    return a + b;
  case Binary::Sub:
    return a - b;
  case Binary::Mul:
    return a * b;
  case Binary::Div:
    return a / b;
  case Binary::Pow:
    return std::pow(a, b);
  case Binary::Mod:
    return floorMod(a, b);
  case Binary::FMod:
    return std::fmod(a, b);
  case Binary::PRelu:
    return a < 0 ? a * b : a;
  case Binary::Min:
    return a < b || std::isnan(a) ? a : b;
  case Binary::Max:
    return a > b || std::isnan(a) ? a : b;
  default:
    return 0; // And, Or and those on bits: never floats
  }
}

/// Division and remainder truncate toward zero; T is int64_t or uint64_t.
template <typename T> static T divide(T a, T b) {
  if (b == 0)
    return 0;
  if (b == static_cast<T>(-1) && static_cast<T>(-1) < T(0))
    return static_cast<T>(0 - static_cast<uint64_t>(a)); // INT64_MIN / -1 wraps
  return a / b;
}

template <typename T> static T power(T base, T exponent) {
  if (exponent < 0)
    return base == 1 ? 1 : base == static_cast<T>(-1) ? (exponent % 2 ? base : 1) : 0;
  uint64_t result = 1;
  uint64_t square = static_cast<uint64_t>(base);
  for (auto left = static_cast<uint64_t>(exponent); left; left >>= 1, square *= square)
    if (left & 1)
      result *= square;
  return static_cast<T>(result);
}

template <typename T> static T onIntegers(Binary op, T a, T b) {
  auto ua = static_cast<uint64_t>(a), ub = static_cast<uint64_t>(b);
  switch (op) {
  case Binary::Add:
    return static_cast<T>(ua + ub);
  case Binary::Sub:
    return static_cast<T>(ua - ub);
  case Binary::Mul:
    return static_cast<T>(ua * ub);
  case Binary::Div:
    return divide(a, b);
  case Binary::Pow:
    return power(a, b);
  case Binary::FMod:
    return b == 0 ? 0 : static_cast<T>(ua - static_cast<uint64_t>(divide(a, b)) * ub);
  case Binary::Mod: {
    T rest = onIntegers(Binary::FMod, a, b);
    return rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest;
  }
  case Binary::PRelu:
    return a < 0 ? static_cast<T>(ua * ub) : a;
  case Binary::Min:
    return std::min(a, b);
  case Binary::Max:
    return std::max(a, b);
  case Binary::And:
    return a && b;
  case Binary::Or:
    return a || b;
  case Binary::BitAnd:
    return a & b;
  case Binary::BitOr:
    return a | b;
  case Binary::BitXor:
    return a ^ b;
  case Binary::ShiftLeft:
    return ub < 64 ? static_cast<T>(ua << ub) : 0;
  case Binary::ShiftRight: // unsigned types only, so that narrow ones have zeros above them
    return ub < 64 ? static_cast<T>(ua >> ub) : 0;
  }
  return 0;
}

static void setBinary(Binary op, Tensor &result, int64_t i, const Tensor &lhs, int64_t l, const Tensor &rhs,
                      int64_t r) {
  if (result.type == DType::F64 || (op == Binary::Pow && (isFloat(lhs.type) || isFloat(rhs.type))))
    result.setDouble(i, onFloats(op, lhs.getDouble(l), rhs.getDouble(r)));
  else if (isFloat(result.type))
    result.setDouble(
        i, onFloats(op, static_cast<float>(lhs.getDouble(l)), static_cast<float>(rhs.getDouble(r))));
  else if (result.type == DType::U64)
    result.setInt(i, static_cast<int64_t>(onIntegers(op, static_cast<uint64_t>(lhs.getInt(l)),
                                                     static_cast<uint64_t>(rhs.getInt(r)))));
  else
    result.setInt(i, onIntegers(op, lhs.getInt(l), rhs.getInt(r)));
}

Tensor binary(Binary op, const Tensor &lhs, const Tensor &rhs) {
  std::vector<int64_t> shape;
  broadcastShapes(lhs.shape, rhs.shape, shape);
  Tensor result(lhs.type, shape);
  std::vector<int64_t> left = broadcastIndices(lhs.shape, shape);
  std::vector<int64_t> right = broadcastIndices(rhs.shape, shape);
  for (size_t i = 0; i < left.size(); ++i)
    setBinary(op, result, static_cast<int64_t>(i), lhs, left[i], rhs, right[i]);
  return result;
}

template <typename T> static bool holds(Compare op, T a, T b) {
  switch (op) {
  case Compare::Equal:
    return a == b;
  case Compare::Greater:
    return a > b;
  case Compare::GreaterOrEqual:
    return a >= b;
  case Compare::Less:
    return a < b;
  case Compare::LessOrEqual:
    return a <= b;
  }
  return false;
}

static bool compareAt(Compare op, const Tensor &lhs, int64_t l, const Tensor &rhs, int64_t r) {
  if (isFloat(lhs.type))
    return holds(op, lhs.getDouble(l), rhs.getDouble(r));
  if (lhs.type == DType::U64)
    return holds(op, static_cast<uint64_t>(lhs.getInt(l)), static_cast<uint64_t>(rhs.getInt(r)));
  return holds(op, lhs.getInt(l), rhs.getInt(r));
}

Tensor compare(Compare op, const Tensor &lhs, const Tensor &rhs) {
  std::vector<int64_t> shape;
  broadcastShapes(lhs.shape, rhs.shape, shape);
  Tensor result(DType::Bool, shape);
  std::vector<int64_t> left = broadcastIndices(lhs.shape, shape);
  std::vector<int64_t> right = broadcastIndices(rhs.shape, shape);
  for (size_t i = 0; i < left.size(); ++i)
    result.bytes[i] = compareAt(op, lhs, left[i], rhs, right[i]);
  return result;
}

Tensor logicalNot(const Tensor &input) {
  Tensor result = input;
  for (uint8_t &byte : result.bytes)
    byte = !byte;
  return result;
}

Tensor where(const Tensor &condition, const Tensor &lhs, const Tensor &rhs) {
  std::vector<int64_t> both, shape;
  broadcastShapes(lhs.shape, rhs.shape, both);
  broadcastShapes(both, condition.shape, shape);
  Tensor result = broadcastTo(lhs, shape);
  Tensor other = broadcastTo(rhs, shape);
  Tensor chosen = broadcastTo(condition, shape);
  size_t width = static_cast<size_t>(byteSize(lhs.type));
  for (size_t i = 0; i < chosen.bytes.size(); ++i)
    if (!chosen.bytes[i])
      std::memcpy(&result.bytes[i * width], &other.bytes[i * width], width);
  return result;
}

} // namespace qcc::reference
