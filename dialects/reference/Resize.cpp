//===- Resize.cpp - Interpolation to a new size ---------------------------===//

#include "dialects/reference/Resize.h"
#include "dialects/reference/Shape.h"

#include <algorithm>
#include <cmath>

namespace qcc::reference {

using Taps = std::vector<ResizeTap>;

/// The coordinate in the operand of position `i` of the result.
static double coordinate(const ResizeParams &p, size_t axis, int64_t dim, int64_t i) {
  double scale = p.scales[axis], size = scale * static_cast<double>(dim), x = static_cast<double>(i);
  double last = static_cast<double>(dim - 1);
  switch (p.coordinates) {
  case Coordinates::HalfPixel:
    break;
  case Coordinates::HalfPixelSymmetric: {
    double adjustment = static_cast<double>(p.sizes[axis]) / size;
    return static_cast<double>(dim) / 2 * (1 - adjustment) + (x + 0.5) / scale - 0.5;
  }
  case Coordinates::PytorchHalfPixel:
    if (size == 1)
      return -0.5;
    break;
  case Coordinates::AlignCorners:
    return size == 1 ? 0 : x * last / (size - 1);
  case Coordinates::Asymmetric:
    return x / scale;
  case Coordinates::CropAndResize: {
    double extent = (p.roiEnd[axis] - p.roiStart[axis]) * last;
    return p.roiStart[axis] * last + (size == 1 ? extent / 2 : x * extent / (size - 1));
  }
  }
  return (x + 0.5) / scale - 0.5;
}

static int64_t nearestIndex(NearestMode mode, double x) {
  switch (mode) {
  case NearestMode::RoundPreferFloor:
    return static_cast<int64_t>(std::ceil(x - 0.5));
  case NearestMode::RoundPreferCeil:
    return static_cast<int64_t>(std::floor(x + 0.5));
  case NearestMode::Floor:
    return static_cast<int64_t>(std::floor(x));
  case NearestMode::Ceil:
    return static_cast<int64_t>(std::ceil(x));
  }
  return 0;
}

/// Weight of an element at distance `x`.
static double kernel(const ResizeParams &p, double x) {
  x = std::fabs(x);
  if (p.interpolation == Interpolation::Linear)
    return std::max(1 - x, 0.0);
  double a = p.cubicA;
  if (x <= 1)
    return ((a + 2) * x - (a + 3)) * x * x + 1;
  return x < 2 ? ((a * x - 5 * a) * x + 8 * a) * x - 4 * a : 0;
}

/// The weighted neighbours of coordinate `x`. With antialiasing the kernel is
/// stretched over as many elements as one step of the result spans.
static Taps taps(const ResizeParams &p, size_t axis, int64_t dim, double x) {
  double stretch = p.antialias ? std::min(p.scales[axis], 1.0) : 1.0;
  double support = p.interpolation == Interpolation::Linear ? 1 : 2;
  auto first = static_cast<int64_t>(std::floor(-support / stretch)) + 1;
  // The element left of x, so that x itself lies in (base, base + 1].
  auto base = static_cast<int64_t>(std::ceil(x)) - 1;
  Taps result;
  double sum = 0;
  for (int64_t i = first; i < 2 - first; ++i) {
    int64_t index = base + i;
    double weight = kernel(p, (static_cast<double>(index) - x) * stretch);
    if (p.excludeOutside && (index < 0 || index >= dim))
      weight = 0;
    result.push_back({std::clamp<int64_t>(index, 0, dim - 1), weight});
    sum += weight;
  }
  for (ResizeTap &tap : result)
    tap.weight /= sum == 0 ? 1 : sum;
  return result;
}

static bool isOutside(const ResizeParams &p, double x, int64_t dim) {
  return p.coordinates == Coordinates::CropAndResize && (x < 0 || x > static_cast<double>(dim - 1));
}

Taps resizeTaps(const ResizeParams &p, size_t axis, int64_t dim, int64_t i) {
  double x = coordinate(p, axis, dim, i);
  return isOutside(p, x, dim) ? Taps() : taps(p, axis, dim, x);
}

static Tensor resizeNearest(const Tensor &input, const ResizeParams &p) {
  AxisMaps maps(input.shape.size());
  for (size_t axis = 0; axis < maps.size(); ++axis)
    for (int64_t i = 0; i < p.sizes[axis]; ++i) {
      int64_t dim = input.shape[axis];
      double x = coordinate(p, axis, dim, i);
      maps[axis].push_back(
          isOutside(p, x, dim) ? outside : std::clamp<int64_t>(nearestIndex(p.nearest, x), 0, dim - 1));
    }
  Tensor fill(input.type, {});
  fill.setDouble(0, p.extrapolation);
  return take(input, maps, &fill);
}

/// Interpolates one axis of values in double.
static Tensor resizeAxis(const Tensor &input, const ResizeParams &p, size_t axis) {
  std::vector<int64_t> shape = input.shape;
  shape[axis] = p.sizes[axis];
  Tensor result(DType::F64, shape);
  int64_t inner = elementCount({shape.begin() + static_cast<int64_t>(axis) + 1, shape.end()});
  int64_t outer = elementCount({shape.begin(), shape.begin() + static_cast<int64_t>(axis)});
  int64_t dim = input.shape[axis], size = p.sizes[axis];
  for (int64_t i = 0; i < size; ++i) {
    Taps neighbours = resizeTaps(p, axis, dim, i);
    double start = neighbours.empty() ? p.extrapolation : 0;
    for (int64_t o = 0; o < outer; ++o)
      for (int64_t k = 0; k < inner; ++k) {
        double sum = start;
        for (const ResizeTap &tap : neighbours)
          sum += tap.weight * input.data<double>()[(o * dim + tap.index) * inner + k];
        result.data<double>()[(o * size + i) * inner + k] = sum;
      }
  }
  return result;
}

Tensor resize(const Tensor &input, const ResizeParams &p) {
  if (p.interpolation == Interpolation::Nearest)
    return resizeNearest(input, p);
  Tensor values(DType::F64, input.shape);
  for (int64_t i = 0, e = input.size(); i < e; ++i)
    values.setDouble(i, input.getDouble(i));
  for (size_t axis = 0; axis < p.sizes.size(); ++axis) {
    bool unchanged = p.sizes[axis] == input.shape[axis] && p.scales[axis] == 1 &&
                     p.coordinates != Coordinates::CropAndResize;
    if (!unchanged)
      values = resizeAxis(values, p, axis);
  }
  Tensor result(input.type, values.shape);
  for (int64_t i = 0, e = values.size(); i < e; ++i)
    result.setDouble(i, values.getDouble(i));
  return result;
}

} // namespace qcc::reference
