//===- Noise.h - How far results are from what they should be ---*- C++ -*-===//
#ifndef QCC_COMPILER_CALIBRATE_NOISE_H
#define QCC_COMPILER_CALIBRATE_NOISE_H

#include "dialects/reference/Tensor.h"

#include <optional>
#include <vector>

namespace qcc::calibrate {

/// Accumulates, for each of a model's results, the energy of the right values and
/// of the differences from them.
class Noise {
public:
  void add(const std::vector<reference::Tensor> &expected, const std::vector<reference::Tensor> &actual);

  /// Signal to noise in dB, from the mean of the results' noise ratios; at most
  /// 150. None where no result of a float type has any signal.
  std::optional<double> decibels() const;

private:
  struct Energy {
    double signal = 0, noise = 0;
  };
  std::vector<Energy> results;
};

} // namespace qcc::calibrate

#endif // QCC_COMPILER_CALIBRATE_NOISE_H
