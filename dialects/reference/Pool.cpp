//===- Pool.cpp - Pooling over windows ------------------------------------===//

#include "dialects/reference/Pool.h"

#include <algorithm>
#include <cmath>

namespace qcc::reference {

using Dims = std::vector<int64_t>;

/// Steps `position` through `shape` in row-major order; false at the end.
static bool advance(Dims &position, const Dims &shape) {
  for (size_t axis = shape.size(); axis-- > 0;) {
    if (++position[axis] < shape[axis])
      return true;
    position[axis] = 0;
  }
  return false;
}

/// Calls `tap(plane offset or -1, inPads)` for each kernel element at the window
/// of `out`: the offset is -1 outside the operand, `inPads` tells whether the
/// element lies within the operand or its declared pads.
template <typename F>
static void forEachTap(const PoolParams &p, const Dims &spatial, const Dims &out, F tap) {
  Dims k(p.kernel.size(), 0);
  do {
    int64_t offset = 0;
    bool inside = true, inPads = true;
    for (size_t axis = 0; axis < k.size(); ++axis) {
      int64_t i = out[axis] * p.strides[axis] + k[axis] * p.dilations[axis] - p.padsBegin[axis];
      inside &= i >= 0 && i < spatial[axis];
      inPads &= i < spatial[axis] + p.padsEnd[axis];
      offset = offset * spatial[axis] + i;
    }
    tap(inside ? offset : -1, inPads);
  } while (advance(k, p.kernel));
}

/// Calls `window(result index, plane's first element, spatial position)`.
template <typename F> static void forEachWindow(const Tensor &input, const Dims &shape, F window) {
  if (elementCount(shape) == 0)
    return;
  Dims outSpatial(shape.begin() + 2, shape.end());
  int64_t plane = elementCount({input.shape.begin() + 2, input.shape.end()}), index = 0;
  for (int64_t i = 0; i < shape[0] * shape[1]; ++i) {
    Dims out(outSpatial.size(), 0);
    do
      window(index++, i * plane, out);
    while (advance(out, outSpatial));
  }
}

Tensor maxPool(const Tensor &input, const PoolParams &params, const Dims &shape) {
  Tensor result(input.type, shape);
  Dims spatial(input.shape.begin() + 2, input.shape.end());
  size_t width = static_cast<size_t>(byteSize(input.type));
  forEachWindow(input, shape, [&](int64_t index, int64_t plane, const Dims &out) {
    int64_t best = -1;
    forEachTap(params, spatial, out, [&](int64_t offset, bool) {
      if (offset < 0)
        return;
      double value = input.getDouble(plane + offset);
      if (best < 0 || value > input.getDouble(best) || std::isnan(value))
        best = plane + offset;
    });
    if (best >= 0) // else the window lies in the padding alone, and the result stays 0
      std::memcpy(&result.bytes[index * width], &input.bytes[best * width], width);
  });
  return result;
}

WindowSums averageSums(const Tensor &input, const PoolParams &params, const Dims &shape, int64_t zero) {
  bool exact = !isFloat(input.type);
  WindowSums result = {Tensor(exact ? DType::I64 : DType::F64, shape), {}};
  result.counts.assign(static_cast<size_t>(result.sums.size()), 0);
  Dims spatial(input.shape.begin() + 2, input.shape.end());
  forEachWindow(input, shape, [&](int64_t index, int64_t plane, const Dims &out) {
    forEachTap(params, spatial, out, [&](int64_t offset, bool inPads) {
      result.counts[index] += params.countIncludePad ? inPads : offset >= 0;
      if (offset < 0)
        return;
      if (exact)
        result.sums.data<int64_t>()[index] += input.getInt(plane + offset) - zero;
      else
        result.sums.data<double>()[index] += input.getDouble(plane + offset);
    });
  });
  return result;
}

Tensor averagePool(const Tensor &input, const PoolParams &params, const Dims &shape) {
  WindowSums windows = averageSums(input, params, shape);
  Tensor result(input.type, shape);
  for (int64_t i = 0, e = result.size(); i < e; ++i)
    result.setDouble(i, windows.sums.getDouble(i) /
                            static_cast<double>(std::max<int64_t>(windows.counts[i], 1)));
  return result;
}

float averageReal(int64_t sum, int64_t count, float scale) {
  return static_cast<float>(sum) * (scale / static_cast<float>(count));
}

} // namespace qcc::reference
