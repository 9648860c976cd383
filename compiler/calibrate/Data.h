//===- Data.h - Samples of a model's inputs ---------------------*- C++ -*-===//
//
// What --calib and --eval read: .npz, .npy, folders of either, folders of
// images. One sample is in memory at a time, and all can be read again: ranges,
// means and errors take several passes. Of inputs of bounded shape each sample has
// its own. Plain C++, no MLIR.
//
//===----------------------------------------------------------------------===//
#ifndef QCC_COMPILER_CALIBRATE_DATA_H
#define QCC_COMPILER_CALIBRATE_DATA_H

#include "dialects/reference/Tensor.h"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace qcc::calibrate {

/// An input of the model.
struct InputSpec {
  std::string name;
  reference::DType type = reference::DType::F32;
  std::vector<int64_t> shape;      ///< where it is bounded, the most
  std::vector<int64_t> least = {}; ///< empty where it is not

  bool isBounded() const { return !least.empty(); }
};

/// One for each input.
using Shapes = std::vector<std::vector<int64_t>>;

struct DataOptions {
  /// Images only: (pixel - mean) / std on the 0..255 scale, one number for each
  /// channel or one for all; empty: 0 and 1.
  std::vector<float> mean, std;
  bool bgr = false;
  /// Use the first so many samples; 0: all.
  int64_t maxSamples = 0;
  /// Why shapes within the bounds are none of one sample, as "input 'mask' is (1, 7), ..."; "" where they
  /// are. May be missing.
  std::function<std::string(const Shapes &)> whyNotTogether;
};

class Samples {
public:
  virtual ~Samples() = default;
  int64_t count() const { return limit; }
  /// What the user should know but need not act on, one line each.
  const std::vector<std::string> &remarks() const { return notes; }

  /// One tensor for each input, in the inputs' order, of their types and shapes,
  /// finite; behind them the shape, in i64, of each that is bounded. Ascending indices
  /// are read fastest. `error` names file, array and sample.
  bool read(int64_t index, std::vector<reference::Tensor> &sample, std::string &error);

protected:
  explicit Samples(std::vector<InputSpec> inputs) : inputs(std::move(inputs)) {}
  /// `sample` comes with tensors of the most.
  virtual bool readUnchecked(int64_t index, std::vector<reference::Tensor> &sample, std::string &error) = 0;
  /// The file that sample `index` came from, for messages.
  virtual std::string placeOf(int64_t index) const = 0;

  std::vector<InputSpec> inputs;
  std::vector<std::string> notes;
  int64_t limit = 0;
  friend std::unique_ptr<Samples> openSamples(const std::string &, const std::vector<InputSpec> &,
                                              const DataOptions &, std::string &);
};

/// Looks at everything but the numbers themselves: names, types, shapes and
/// counts. Returns null and sets `error` to "PATH: what is wrong". At least one
/// sample is guaranteed.
std::unique_ptr<Samples> openSamples(const std::string &path, const std::vector<InputSpec> &inputs,
                                     const DataOptions &options, std::string &error);

} // namespace qcc::calibrate

#endif // QCC_COMPILER_CALIBRATE_DATA_H
