//===- Epilogue.h - From sums to stored values ------------------*- C++ -*-===//
//
// The tail of every operation that accumulates, as stage `fuse` composes it: a
// chain of steps on each sum, then the result's own representation.
//
//===----------------------------------------------------------------------===//
#ifndef QCC_DIALECTS_REFERENCE_EPILOGUE_H
#define QCC_DIALECTS_REFERENCE_EPILOGUE_H

#include "dialects/reference/Integer.h"
#include "dialects/reference/Pointwise.h"

#include <optional>

namespace qcc::reference {

struct EpilogueStep {
  enum Kind { Pointwise, Residual, Requantize } kind = Pointwise;
  PointwiseStep function; ///< of Pointwise
  QuantParams type;       ///< of Requantize
};

struct Epilogue {
  /// Sums count units of inputScale * weightScales[c % size]: those of integers, and of floats with weights
  /// that are stored as integers (q8b).
  bool scaledSums = false;
  float inputScale = 1;
  std::vector<float> weightScales = {1};
  std::vector<float> imageScales; ///< none, or one for each index of the first axis (q11)
  std::vector<float> floatBias;   ///< one for each channel; added once the sum is real (q8)
  std::vector<EpilogueStep> steps;
  std::optional<QuantParams> residual; ///< absent: the residual is float
  std::optional<QuantParams> result;   ///< absent: the result is float
};

/// Rules q2, q7, q8 and q8a; QccOps.td states them at `fusedArguments`. `axis`
/// is the channels' axis of `sums`, `residual` has their shape, `table` is
/// indexed by the byte of the requantised value.
Tensor finish(const Tensor &sums, int64_t axis, const Epilogue &epilogue, const Tensor *residual,
              const Tensor *table, DType resultType);

} // namespace qcc::reference

#endif // QCC_DIALECTS_REFERENCE_EPILOGUE_H
