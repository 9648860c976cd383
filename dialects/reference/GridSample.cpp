//===- GridSample.cpp - Interpolation at given places ---------------------===//

#include "dialects/reference/GridSample.h"

#include <algorithm>
#include <cmath>

namespace qcc::reference {

using Params = GridSampleParams;

namespace {
/// One element that a result reads along an axis.
template <typename T> struct Tap {
  int64_t index;
  T weight;
  bool inside;
};
} // namespace

/// Mirrored at `low` and `high` until it lies between them.
template <typename T> static T reflect(T x, T low, T high) {
  T range = high - low;
  if (range <= 0)
    return low;
  T distance = std::abs(x - low), turns = std::floor(distance / range), rest = distance - turns * range;
  return turns / 2 == std::floor(turns / 2) ? low + rest : high - rest;
}

/// The weights of the cubic convolution with a = -0.75 at `t` behind the second of four elements.
template <typename T> static void cubicWeights(T t, T weights[4]) {
  const T a = T(-0.75);
  auto near = [&](T d) { return ((a + 2) * d - (a + 3)) * d * d + 1; };
  auto far = [&](T d) { return ((a * d - 5 * a) * d + 8 * a) * d - 4 * a; };
  weights[0] = far(t + 1), weights[1] = near(t), weights[2] = near(1 - t), weights[3] = far(2 - t);
}

/// Where an axis of `size` elements is read for the coordinate `place`.
template <typename T> static std::vector<Tap<T>> tapsAt(T place, int64_t size, const Params &params) {
  T length = static_cast<T>(size), low = params.alignCorners ? T(0) : T(-0.5), high = length - 1 - low;
  T x = params.alignCorners ? (place + 1) / 2 * (length - 1) : ((place + 1) * length - 1) / 2;
  // Beyond this all is outside, or mirrored without a meaning; a NaN becomes the bound.
  T bound = params.padding == Params::Padding::Zeros ? length + 8 : T(1 << 22);
  x = x < bound ? x : bound;
  x = x > -bound ? x : -bound;
  if (params.mode == Params::Mode::Nearest)
    x = std::nearbyint(x);
  if (params.padding == Params::Padding::Border)
    x = std::clamp<T>(x, 0, length - 1);
  if (params.padding == Params::Padding::Reflection)
    x = reflect(x, low, high);
  T first = std::floor(x), weights[4] = {1, 0, 0, 0};
  int64_t count = 1, begin = static_cast<int64_t>(first);
  if (params.mode == Params::Mode::Linear)
    count = 2, weights[0] = first + 1 - x, weights[1] = x - first;
  if (params.mode == Params::Mode::Cubic)
    count = 4, begin -= 1, cubicWeights(x - first, weights);
  std::vector<Tap<T>> taps;
  for (int64_t i = 0; i < count; ++i) {
    int64_t index = begin + i;
    bool inside = params.padding != Params::Padding::Zeros || (index >= 0 && index < size);
    if (params.padding == Params::Padding::Reflection)
      index = static_cast<int64_t>(reflect(static_cast<T>(index), low, high));
    taps.push_back({std::clamp<int64_t>(index, 0, size - 1), weights[i], inside});
  }
  return taps;
}

template <typename T> static Tensor sample(const Tensor &input, const Tensor &grid, const Params &params) {
  int64_t channels = input.shape[1], height = input.shape[2], width = input.shape[3];
  int64_t places = grid.shape[1] * grid.shape[2];
  Tensor result(input.type, {input.shape[0], channels, grid.shape[1], grid.shape[2]});
  for (int64_t n = 0; n < input.shape[0]; ++n)
    for (int64_t place = 0; place < places; ++place) {
      int64_t at = (n * places + place) * 2;
      auto columns = tapsAt(static_cast<T>(grid.getDouble(at)), width, params);
      auto rows = tapsAt(static_cast<T>(grid.getDouble(at + 1)), height, params);
      for (int64_t c = 0; c < channels; ++c) {
        int64_t plane = n * channels + c;
        T sum = 0;
        for (const Tap<T> &row : rows) {
          T line = 0;
          for (const Tap<T> &column : columns)
            if (row.inside && column.inside)
              line += column.weight *
                      static_cast<T>(input.getDouble((plane * height + row.index) * width + column.index));
          sum += row.weight * line;
        }
        result.setDouble(plane * places + place, sum);
      }
    }
  return result;
}

Tensor gridSample(const Tensor &input, const Tensor &grid, const Params &params) {
  bool wide = input.type == DType::F64 || grid.type == DType::F64;
  return wide ? sample<double>(input, grid, params) : sample<float>(input, grid, params);
}

} // namespace qcc::reference
