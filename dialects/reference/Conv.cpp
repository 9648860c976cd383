//===- Conv.cpp - Convolutions --------------------------------------------===//

#include "dialects/reference/Conv.h"

#include <algorithm>
#include <array>

namespace qcc::reference {

namespace {
/// One convolution with exactly three spatial axes; missing ones have size 1.
/// "Near" is the convolution's input and "far" its output; transposing swaps
/// who is read and who is written.
struct Geometry {
  using Axes = std::array<int64_t, 3>;
  int64_t batch, nearChannels, farChannels, group;
  Axes near, far, kernel, stride, dilation, pad;
};

/// Positions o of a far row for which `o * stride + offset` lies in [0, size).
struct Span {
  int64_t begin, end;
};
} // namespace

static Geometry::Axes threeAxes(const int64_t *values, size_t count, int64_t missing) {
  Geometry::Axes axes = {missing, missing, missing};
  std::copy_n(values, count, axes.end() - count);
  return axes;
}

static Geometry makeGeometry(const std::vector<int64_t> &near, const std::vector<int64_t> &far,
                             const std::vector<int64_t> &filter, const ConvParams &params) {
  size_t spatial = near.size() - 2;
  return {near[0],
          near[1],
          far[1],
          params.group,
          threeAxes(&near[2], spatial, 1),
          threeAxes(&far[2], spatial, 1),
          threeAxes(&filter[2], spatial, 1),
          threeAxes(params.strides.data(), spatial, 1),
          threeAxes(params.dilations.data(), spatial, 1),
          threeAxes(params.padsBegin.data(), spatial, 0)};
}

static Span validSpan(const Geometry &g, int axis, int64_t k) {
  int64_t offset = k * g.dilation[axis] - g.pad[axis], stride = g.stride[axis];
  int64_t begin = offset >= 0 ? 0 : (-offset + stride - 1) / stride;
  int64_t end = offset >= g.near[axis] ? 0 : (g.near[axis] - 1 - offset) / stride + 1;
  return {begin, std::min(end, g.far[axis])};
}

/// Calls `row(near, far, weight, count)` for each run of the innermost axis that
/// one weight connects: far[i] goes with near[i * stride].
template <typename Row> static void forEachRow(const Geometry &g, Row row) {
  int64_t nearGroup = g.nearChannels / g.group, farGroup = g.farChannels / g.group;
  int64_t weight = 0; // the filter is (far, near / group, kernel...): row-major in this order
  for (int64_t f = 0; f < g.farChannels; ++f)
    for (int64_t c = 0; c < nearGroup; ++c)
      for (int64_t k0 = 0; k0 < g.kernel[0]; ++k0)
        for (int64_t k1 = 0; k1 < g.kernel[1]; ++k1)
          for (int64_t k2 = 0; k2 < g.kernel[2]; ++k2, ++weight) {
            Span s0 = validSpan(g, 0, k0), s1 = validSpan(g, 1, k1), s2 = validSpan(g, 2, k2);
            if (s2.begin >= s2.end)
              continue;
            int64_t nearChannel = f / farGroup * nearGroup + c;
            for (int64_t n = 0; n < g.batch; ++n)
              for (int64_t i0 = s0.begin; i0 < s0.end; ++i0)
                for (int64_t i1 = s1.begin; i1 < s1.end; ++i1) {
                  auto at = [&](int axis, int64_t i, int64_t k) {
                    return i * g.stride[axis] + k * g.dilation[axis] - g.pad[axis];
                  };
                  int64_t nearRow =
                      ((n * g.nearChannels + nearChannel) * g.near[0] + at(0, i0, k0)) * g.near[1];
                  int64_t farRow = ((n * g.farChannels + f) * g.far[0] + i0) * g.far[1] + i1;
                  row((nearRow + at(1, i1, k1)) * g.near[2] + at(2, s2.begin, k2),
                      farRow * g.far[2] + s2.begin, weight, s2.end - s2.begin);
                }
          }
}

/// Elements minus zero points, one for each block of `perZero` elements.
template <typename T>
static std::vector<T> shifted(const Tensor &tensor, const std::vector<int64_t> &zeros, int64_t perZero) {
  std::vector<T> values(static_cast<size_t>(tensor.size()));
  for (int64_t i = 0, e = tensor.size(); i < e; ++i) {
    if constexpr (std::is_same_v<T, double>)
      values[i] = tensor.getDouble(i);
    else
      values[i] = tensor.getInt(i) - (zeros.empty() ? 0 : zeros[i / perZero % zeros.size()]);
  }
  return values;
}

template <typename T>
static Tensor convolve(const Tensor &input, const Tensor &filter, const ConvParams &params, Tensor result,
                       int64_t inputZero, const std::vector<int64_t> &filterZeros) {
  if (input.size() == 0 || result.size() == 0)
    return result;
  Geometry g = makeGeometry(input.shape, result.shape, filter.shape, params);
  std::vector<T> x = shifted<T>(input, {inputZero}, input.size());
  std::vector<T> w = shifted<T>(filter, filterZeros, filter.size() / filter.shape[0]);
  T *y = result.data<T>();
  int64_t stride = g.stride[2];
  forEachRow(g, [&](int64_t near, int64_t far, int64_t weight, int64_t count) {
    for (int64_t i = 0; i < count; ++i)
      y[far + i] += x[near + i * stride] * w[weight];
  });
  return result;
}

/// (C, M/group, kernel...) seen from the convolution that this one transposes:
/// its output channels are our C, its input channels our M.
template <typename T>
static Tensor convolveTransposed(const Tensor &input, const Tensor &filter, const ConvParams &params,
                                 Tensor result, int64_t inputZero, const std::vector<int64_t> &filterZeros) {
  if (input.size() == 0 || result.size() == 0)
    return result;
  Geometry g = makeGeometry(result.shape, input.shape, filter.shape, params);
  std::vector<T> x = shifted<T>(input, {inputZero}, input.size());
  int64_t taps = g.kernel[0] * g.kernel[1] * g.kernel[2];
  std::vector<T> w(static_cast<size_t>(filter.size()));
  for (int64_t i = 0, e = filter.size(), perGroup = filter.shape[1], c = filter.shape[0] / g.group; i < e;
       ++i) {
    if constexpr (std::is_same_v<T, double>) {
      w[i] = filter.getDouble(i);
    } else {
      int64_t m = i / (taps * perGroup) / c * perGroup + i / taps % perGroup;
      w[i] = filter.getInt(i) - (filterZeros.empty() ? 0 : filterZeros[m % filterZeros.size()]);
    }
  }
  T *y = result.data<T>();
  int64_t stride = g.stride[2];
  forEachRow(g, [&](int64_t near, int64_t far, int64_t weight, int64_t count) {
    for (int64_t i = 0; i < count; ++i)
      y[near + i * stride] += x[far + i] * w[weight];
  });
  return result;
}

Tensor convSums(const Tensor &input, const Tensor &filter, const ConvParams &params,
                const std::vector<int64_t> &shape, int64_t inputZero,
                const std::vector<int64_t> &filterZeros) {
  if (isFloat(input.type))
    return convolve<double>(input, filter, params, Tensor(DType::F64, shape), 0, {});
  return convolve<int64_t>(input, filter, params, Tensor(DType::I64, shape), inputZero, filterZeros);
}

Tensor convTransposeSums(const Tensor &input, const Tensor &filter, const ConvParams &params,
                         const std::vector<int64_t> &shape, int64_t inputZero,
                         const std::vector<int64_t> &filterZeros) {
  if (isFloat(input.type))
    return convolveTransposed<double>(input, filter, params, Tensor(DType::F64, shape), 0, {});
  return convolveTransposed<int64_t>(input, filter, params, Tensor(DType::I64, shape), inputZero,
                                     filterZeros);
}

void addBias(Tensor &sums, const Tensor &bias, int64_t axis) {
  int64_t inner = 1;
  for (int64_t i = axis + 1; i < sums.rank(); ++i)
    inner *= sums.shape[i];
  for (int64_t i = 0, e = sums.size(); i < e; ++i) {
    int64_t channel = i / inner % sums.shape[axis];
    if (sums.type == DType::I64)
      sums.data<int64_t>()[i] += bias.getInt(channel);
    else
      sums.data<double>()[i] += bias.getDouble(channel);
  }
}

Tensor rounded(const Tensor &sums, DType type) {
  Tensor result(type, sums.shape);
  for (int64_t i = 0, e = sums.size(); i < e; ++i) {
    if (isFloat(type))
      result.setDouble(i, sums.getDouble(i));
    else
      result.setInt(i, sums.getInt(i));
  }
  return result;
}

} // namespace qcc::reference
