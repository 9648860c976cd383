//===- Executor.h - A model that can be watched while it runs ---*- C++ -*-===//
//
// Calibration asks this of whatever runs the model: compiled code, or the
// reference. Plain C++, no MLIR.
//
// A run stops at each qcc.observe, in program order. It owns its workspace, so
// that several can be under way: bias correction takes all samples to one stop,
// changes the values there, and takes all on to the next.
//
//===----------------------------------------------------------------------===//
#ifndef QCC_COMPILER_CALIBRATE_EXECUTOR_H
#define QCC_COMPILER_CALIBRATE_EXECUTOR_H

#include "dialects/reference/Tensor.h"

#include <memory>
#include <vector>

namespace qcc::calibrate {

/// The tensor that a run stopped at: float32 values in row-major order, valid
/// until the run goes on. What is written there is what the model goes on with.
struct Stop {
  int64_t id = 0; ///< of the qcc.observe
  float *values = nullptr;
  std::vector<int64_t> shape;
  int64_t axis = -1; ///< where the operation has one
  /// How many positions along each axis the sample has, the first ones: less than the shape where that is
  /// of the longest run. What lies behind is nobody's. Empty where it is not known.
  std::vector<int64_t> counts;

  bool isWhole() const; ///< all of them, or nobody knows
  /// Those alone, as a dense tensor of its own in `storage`; itself where that is all.
  Stop counted(std::vector<float> &storage) const;
  int64_t size() const;
};

/// One sample on its way through the model.
class Run {
public:
  enum class Status { Stopped, Finished, Failed };
  virtual ~Run() = default;
  /// Computes up to the next qcc.observe. An error has been reported when it fails.
  virtual Status next(Stop &stop) = 0;
  /// After Finished: the results in the model's order.
  virtual const std::vector<reference::Tensor> &outputs() const = 0;
};

/// A compiled or interpreted model with float arithmetic: of a quantize only the
/// rounding is seen. It computes the same on every build machine (q10).
class Executor {
public:
  virtual ~Executor() = default;
  /// `inputs` are the model's, in its order; the run keeps them. Null if an
  /// error was reported.
  virtual std::unique_ptr<Run> start(std::vector<reference::Tensor> inputs) = 0;
  /// Memory that one unfinished run takes.
  virtual uint64_t bytesPerRun() const = 0;
};

} // namespace qcc::calibrate

#endif // QCC_COMPILER_CALIBRATE_EXECUTOR_H
