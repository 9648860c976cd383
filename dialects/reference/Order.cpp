//===- Order.cpp - Where elements stand among others ----------------------===//

#include "dialects/reference/Order.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace qcc::reference {

namespace {
/// The lines of a tensor along one axis.
struct Lines {
  int64_t size, inner, count;

  Lines(const std::vector<int64_t> &shape, int64_t axis)
      : size(shape[axis]), inner(elementCount({shape.begin() + axis + 1, shape.end()})),
        count(elementCount({shape.begin(), shape.begin() + axis}) * inner) {}
  /// The place of element `i` of a line, where lines have `length` elements.
  int64_t at(int64_t line, int64_t i, int64_t length) const {
    return (line / inner * length + i) * inner + line % inner;
  }
  int64_t at(int64_t line, int64_t i) const { return at(line, i, size); }
};
} // namespace

/// Whether element `a` is larger than element `b`.
static bool isLarger(const Tensor &input, int64_t a, int64_t b) {
  if (isFloat(input.type)) {
    double x = input.getDouble(a), y = input.getDouble(b);
    return x > y || (std::isnan(x) && !std::isnan(y));
  }
  if (input.type == DType::U64)
    return static_cast<uint64_t>(input.getInt(a)) > static_cast<uint64_t>(input.getInt(b));
  return input.getInt(a) > input.getInt(b);
}

static bool isNan(const Tensor &input, int64_t i) {
  return isFloat(input.type) && std::isnan(input.getDouble(i));
}

Tensor argReduce(const Tensor &input, int64_t axis, bool largest, bool selectLast) {
  std::vector<int64_t> shape = input.shape;
  shape[axis] = 1;
  Tensor result(DType::I64, shape);
  Lines lines(input.shape, axis);
  auto wins = [&](int64_t a, int64_t b) {
    if (isNan(input, a) || isNan(input, b))
      return isNan(input, a) && !isNan(input, b);
    return largest ? isLarger(input, a, b) : isLarger(input, b, a);
  };
  for (int64_t line = 0; line < lines.count; ++line) {
    int64_t best = 0;
    for (int64_t i = 1; i < lines.size; ++i) {
      int64_t here = lines.at(line, i), there = lines.at(line, best);
      if (wins(here, there) || (selectLast && !wins(there, here)))
        best = i;
    }
    result.setInt(line, best);
  }
  return result;
}

TopK topK(const Tensor &input, int64_t k, int64_t axis, bool largest) {
  std::vector<int64_t> shape = input.shape;
  shape[axis] = k;
  TopK result{Tensor(input.type, shape), Tensor(DType::I64, shape)};
  Lines lines(input.shape, axis);
  auto width = static_cast<size_t>(byteSize(input.type));
  for (int64_t line = 0; line < lines.count; ++line) {
    std::vector<int64_t> order(static_cast<size_t>(lines.size));
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) {
      a = lines.at(line, a), b = lines.at(line, b);
      return largest ? isLarger(input, a, b) : isLarger(input, b, a);
    });
    for (int64_t i = 0; i < k; ++i) {
      int64_t to = lines.at(line, i, k), from = lines.at(line, order[i]);
      result.indices.setInt(to, order[i]);
      std::memcpy(&result.values.bytes[to * width], &input.bytes[from * width], width);
    }
  }
  return result;
}

Tensor cumulativeSum(const Tensor &input, int64_t axis, bool exclusive, bool reverse) {
  Tensor result(input.type, input.shape);
  Lines lines(input.shape, axis);
  for (int64_t line = 0; line < lines.count; ++line) {
    double sum = 0;
    uint64_t integer = 0; // wraps
    for (int64_t i = 0; i < lines.size; ++i) {
      int64_t at = lines.at(line, reverse ? lines.size - 1 - i : i);
      double before = sum;
      uint64_t integerBefore = integer;
      sum += input.getDouble(at);
      if (isFloat(input.type)) {
        result.setDouble(at, exclusive ? before : sum);
        continue;
      }
      integer += static_cast<uint64_t>(input.getInt(at));
      result.setInt(at, static_cast<int64_t>(exclusive ? integerBefore : integer));
    }
  }
  return result;
}

} // namespace qcc::reference
