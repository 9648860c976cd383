//===- Normalize.cpp - Normalisation and reductions -----------------------===//

#include "dialects/reference/Normalize.h"
#include "dialects/reference/Elementwise.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace qcc::reference {

using Dims = std::vector<int64_t>;

Tensor batchNormalization(const Tensor &input, const Tensor &scale, const Tensor &bias, const Tensor &mean,
                          const Tensor &var, double epsilon, int64_t axis) {
  Tensor result(input.type, input.shape);
  int64_t inner = elementCount({input.shape.begin() + axis + 1, input.shape.end()});
  for (int64_t i = 0, e = input.size(); i < e; ++i) {
    int64_t c = i / inner % input.shape[axis];
    double normal = (input.getDouble(i) - mean.getDouble(c)) / std::sqrt(var.getDouble(c) + epsilon);
    result.setDouble(i, normal * scale.getDouble(c) + bias.getDouble(c));
  }
  return result;
}

Tensor layerNormalization(const Tensor &input, const Tensor &scale, const Tensor *bias, double epsilon,
                          int64_t axis) {
  Tensor result(input.type, input.shape);
  Dims shape(input.shape.begin() + axis, input.shape.end());
  int64_t count = elementCount(shape);
  Dims scaleAt = broadcastIndices(scale.shape, shape), biasAt;
  if (bias)
    biasAt = broadcastIndices(bias->shape, shape);
  for (int64_t first = 0; first < input.size(); first += count) {
    double mean = 0, variance = 0;
    for (int64_t i = 0; i < count; ++i)
      mean += input.getDouble(first + i) / static_cast<double>(count);
    for (int64_t i = 0; i < count; ++i) {
      double centred = input.getDouble(first + i) - mean;
      variance += centred * centred / static_cast<double>(count);
    }
    for (int64_t i = 0; i < count; ++i) {
      double normal = (input.getDouble(first + i) - mean) / std::sqrt(variance + epsilon);
      result.setDouble(first + i,
                       normal * scale.getDouble(scaleAt[i]) + (bias ? bias->getDouble(biasAt[i]) : 0.0));
    }
  }
  return result;
}

Tensor softmax(const Tensor &input, int64_t axis) {
  Tensor result(input.type, input.shape);
  int64_t size = input.shape[axis], inner = elementCount({input.shape.begin() + axis + 1, input.shape.end()});
  int64_t lines = size ? input.size() / size : 0;
  for (int64_t line = 0; line < lines; ++line) {
    int64_t first = line / inner * inner * size + line % inner;
    double highest = -std::numeric_limits<double>::infinity(), sum = 0;
    for (int64_t i = 0; i < size; ++i)
      highest = std::max(highest, input.getDouble(first + i * inner));
    for (int64_t i = 0; i < size; ++i)
      sum += std::exp(input.getDouble(first + i * inner) - highest);
    for (int64_t i = 0; i < size; ++i)
      result.setDouble(first + i * inner, std::exp(input.getDouble(first + i * inner) - highest) / sum);
  }
  return result;
}

Dims reducedShape(const Dims &shape, const Dims &axes, bool keepDims) {
  Dims reduced;
  for (size_t i = 0; i < shape.size(); ++i) {
    bool gone = std::find(axes.begin(), axes.end(), static_cast<int64_t>(i)) != axes.end();
    if (!gone || keepDims)
      reduced.push_back(gone ? 1 : shape[i]);
  }
  return reduced;
}

Dims reducedIndices(const Dims &shape, const Dims &axes) {
  return broadcastIndices(reducedShape(shape, axes, true), shape);
}

/// Folds `x` into what is already there.
template <typename T> static T fold(Reduce kind, T folded, T x) {
  switch (kind) {
  case Reduce::Max:
    return x > folded || x != x ? x : folded;
  case Reduce::Min:
    return x < folded || x != x ? x : folded;
  case Reduce::L2:
    return folded + x * x;
  case Reduce::Prod:
    return folded * x;
  default:
    return folded + x;
  }
}

template <typename T> static T startOf(Reduce kind, T lowest, T highest) {
  return kind == Reduce::Max ? lowest : kind == Reduce::Min ? highest : kind == Reduce::Prod ? T(1) : T(0);
}

static Tensor reduceFloats(Reduce kind, const Tensor &input, Tensor result, const Dims &to) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  std::vector<double> folded(static_cast<size_t>(result.size()), startOf(kind, -infinity, infinity));
  for (size_t i = 0; i < to.size(); ++i)
    folded[to[i]] = fold(kind, folded[to[i]], input.getDouble(static_cast<int64_t>(i)));
  auto count = static_cast<double>(input.size()) / static_cast<double>(result.size());
  for (size_t i = 0; i < folded.size(); ++i) {
    double value = kind == Reduce::Mean ? folded[i] / count
                   : kind == Reduce::L2 ? std::sqrt(folded[i])
                                        : folded[i];
    result.setDouble(static_cast<int64_t>(i), value);
  }
  return result;
}

/// Integers stay exact; a mean truncates. T holds every value, of `low` to `high`.
template <typename T>
static Tensor reduceIntegers(Reduce kind, const Tensor &input, Tensor result, const Dims &to, T low, T high) {
  std::vector<T> folded(static_cast<size_t>(result.size()), startOf(kind, low, high));
  for (size_t i = 0; i < to.size(); ++i)
    folded[to[i]] = fold(kind, folded[to[i]], static_cast<T>(input.getInt(static_cast<int64_t>(i))));
  auto count = static_cast<T>(std::max<int64_t>(result.size() ? input.size() / result.size() : 0, 1));
  for (size_t i = 0; i < folded.size(); ++i) {
    if (kind == Reduce::L2)
      result.setDouble(static_cast<int64_t>(i), std::sqrt(static_cast<double>(folded[i])));
    else
      result.setInt(static_cast<int64_t>(i),
                    static_cast<int64_t>(kind == Reduce::Mean ? folded[i] / count : folded[i]));
  }
  return result;
}

Tensor reduce(Reduce kind, const Tensor &input, const Dims &axes, bool keepDims) {
  Tensor result(input.type, reducedShape(input.shape, axes, keepDims));
  Dims to = reducedIndices(input.shape, axes);
  if (isFloat(input.type))
    return reduceFloats(kind, input, std::move(result), to);
  if (input.type == DType::U64 || kind == Reduce::Prod) // products wrap
    return reduceIntegers<uint64_t>(kind, input, std::move(result), to, 0, UINT64_MAX);
  Range range = rangeOf(input.type);
  return reduceIntegers<int64_t>(kind, input, std::move(result), to, range.low, range.high);
}

} // namespace qcc::reference
