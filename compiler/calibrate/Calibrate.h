//===- Calibrate.h - Ranges and corrections from samples --------*- C++ -*-===//
//
// Memory: for each thread a sample and a histogram of 4096 counts for each mark;
// the float model's results for all samples; and for bias correction as many
// unfinished runs as fit CalibrateOptions::maxBytes, each of Executor::bytesPerRun.
//
//===----------------------------------------------------------------------===//
#ifndef QCC_COMPILER_CALIBRATE_CALIBRATE_H
#define QCC_COMPILER_CALIBRATE_CALIBRATE_H

#include "compiler/calibrate/Data.h"
#include "compiler/calibrate/Executor.h"
#include "compiler/calibrate/Ranges.h"
#include "dialects/Qcc.h"

#include <functional>
#include <optional>

namespace mlir {
class ModuleOp;
}

namespace qcc::calibrate {

/// Makes a module at the end of stage quantize (that may still hold qcc.observe)
/// run on this machine, in float; the module must live as long as the
/// executor. Reports its own errors.
using ExecutorFactory = std::function<std::unique_ptr<Executor>(mlir::ModuleOp)>;

struct CalibrateOptions {
  /// None: try minmax, mse and l3 and keep what has the least error at the
  /// results (the word `auto`).
  std::optional<Method> method;
  /// Correct the biases so that each product keeps its mean for each channel;
  /// dropped again where that makes the error larger.
  bool correctBias = true;
  /// Samples run side by side; results do not depend on how many.
  unsigned threads = 1;
  /// For unfinished runs; fewer samples are used for the correction if all need more.
  uint64_t maxBytes = uint64_t(2) << 30;
  /// Called with what is being done and the share that is done of all.
  std::function<void(const std::string &what, double done)> progress;
};

/// Signal to quantisation noise at the results, in dB, pooled over all samples;
/// of several results the mean of their noise ratios. None where no result is float.
using Decibels = std::optional<double>;

struct Trial {
  Method method = Method::MinMax;
  Decibels plain;     ///< without bias correction; if there is one, of the best method only
  Decibels corrected; ///< with it, on the samples it used
};

struct CalibrationReport {
  int64_t samples = 0;
  int64_t correctionSamples = 0; ///< of them used for bias correction
  std::vector<Trial> trials;
  Method method = Method::MinMax; ///< the one that was kept
  bool corrected = false;
  Decibels error;
};

/// Fills in `range` and `correction` of every qcc.observe in `module`, which is
/// left unchanged otherwise. Warns below 32 samples.
mlir::FailureOr<CalibrationReport> calibrate(mlir::ModuleOp module, Samples &samples,
                                             const ExecutorFactory &factory, const CalibrateOptions &options);

} // namespace qcc::calibrate

#endif // QCC_COMPILER_CALIBRATE_CALIBRATE_H
