//===- GridSample.h - Interpolation at given places -------------*- C++ -*-===//
#ifndef QCC_DIALECTS_REFERENCE_GRIDSAMPLE_H
#define QCC_DIALECTS_REFERENCE_GRIDSAMPLE_H

#include "dialects/reference/Tensor.h"

namespace qcc::reference {

struct GridSampleParams {
  enum class Mode { Linear, Nearest, Cubic } mode = Mode::Linear;
  enum class Padding { Zeros, Border, Reflection } padding = Padding::Zeros;
  bool alignCorners = false; ///< -1 and 1 are the centres of the outermost elements, not their edges
};

/// `input` (N, C, H, W) at the places of `grid` (N, H', W', 2), each x then y: (N, C, H', W'). In float32
/// (f64 in double). A place that is no number reads outside.
Tensor gridSample(const Tensor &input, const Tensor &grid, const GridSampleParams &params);

} // namespace qcc::reference

#endif // QCC_DIALECTS_REFERENCE_GRIDSAMPLE_H
