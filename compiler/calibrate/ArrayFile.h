//===- ArrayFile.h - The samples of one .npy or .npz file -------*- C++ -*-===//
#ifndef QCC_COMPILER_CALIBRATE_ARRAYFILE_H
#define QCC_COMPILER_CALIBRATE_ARRAYFILE_H

#include "compiler/calibrate/Arrays.h"
#include "compiler/calibrate/Data.h"

namespace qcc::calibrate {

/// Arrays named after the inputs: each holds samples of one shape. Where those have several, arrays are
/// numbered: 'ids.0' and 'mask.0' belong together, then come 'ids.1' and 'mask.1'.
class ArrayFile {
public:
  /// Looks at the shapes of all samples. `error` starts with the path.
  bool open(const std::string &path, const std::vector<InputSpec> &inputs, const DataOptions &options,
            std::string &error);
  int64_t count() const { return sets.empty() ? 0 : sets.back().first + sets.back().count; }
  /// Into tensors of the inputs' types.
  bool read(int64_t index, std::vector<reference::Tensor> &sample, std::string &error);

  std::vector<std::string> others; ///< names of arrays of an .npz that are no input

private:
  /// The arrays of one number.
  struct Set {
    std::string suffix;               ///< ".0", or empty
    int64_t first = 0, count = 0;     ///< of all samples
    std::vector<ArrayReader> readers; ///< one for each input
  };

  bool sort(std::vector<NamedArray> &arrays, const std::vector<std::string> &present, std::string &error);
  bool check(Set &set, const DataOptions &options, std::string &error) const;

  std::vector<InputSpec> inputs;
  std::vector<Set> sets;
  size_t current = 0; ///< the set that was read last
};

} // namespace qcc::calibrate

#endif // QCC_COMPILER_CALIBRATE_ARRAYFILE_H
