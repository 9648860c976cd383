//===- Resize.h - Interpolation to a new size -------------------*- C++ -*-===//
#ifndef QCC_DIALECTS_REFERENCE_RESIZE_H
#define QCC_DIALECTS_REFERENCE_RESIZE_H

#include "dialects/reference/Tensor.h"

namespace qcc::reference {

enum class Interpolation { Nearest, Linear, Cubic };
/// How a position of the result maps to the operand (ONNX's names).
enum class Coordinates {
  HalfPixel,
  HalfPixelSymmetric,
  PytorchHalfPixel,
  AlignCorners,
  Asymmetric,
  CropAndResize
};
enum class NearestMode { RoundPreferFloor, RoundPreferCeil, Floor, Ceil };

struct ResizeParams {
  Interpolation interpolation = Interpolation::Nearest;
  Coordinates coordinates = Coordinates::HalfPixel;
  NearestMode nearest = NearestMode::RoundPreferFloor;
  bool antialias = false, excludeOutside = false;
  double cubicA = -0.75, extrapolation = 0;
  /// For each axis; the region of interest only for CropAndResize.
  std::vector<int64_t> sizes;
  std::vector<double> scales, roiStart, roiEnd;
};

/// One element of the operand that a position of the result reads.
struct ResizeTap {
  int64_t index;
  double weight;
};
/// What position `i` of the result reads along `axis`, of size `dim` in the operand,
/// for linear and cubic interpolation; nothing where it lies outside the region of
/// interest.
std::vector<ResizeTap> resizeTaps(const ResizeParams &params, size_t axis, int64_t dim, int64_t i);

/// One axis after the other, in double. Integers are truncated at the end.
Tensor resize(const Tensor &input, const ResizeParams &params);

} // namespace qcc::reference

#endif // QCC_DIALECTS_REFERENCE_RESIZE_H
