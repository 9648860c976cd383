//===- Accuracy.h - Top-1 accuracy on labelled samples ----------*- C++ -*-===//
//
// Plain C++, no MLIR.
//
//===----------------------------------------------------------------------===//
#ifndef QCC_COMPILER_CALIBRATE_ACCURACY_H
#define QCC_COMPILER_CALIBRATE_ACCURACY_H

#include "compiler/calibrate/Data.h"
#include "compiler/calibrate/Executor.h"

#include <functional>

namespace qcc::calibrate {

/// Reads a .npy of integers (all its values in row-major order) or a text file
/// with a whole number on each line. `error` starts with the file's name.
bool readLabels(const std::string &path, std::vector<int64_t> &labels, std::string &error);

struct Accuracy {
  int64_t right = 0, total = 0;
  double percent() const {
    return total ? 100.0 * static_cast<double>(right) / static_cast<double>(total) : 0;
  }
};

/// The classes that one sample's result names: of a float result the index of
/// the largest value (the first of equals) for each index of the first axis, or
/// of all where it has one axis; an integer result holds the classes themselves.
std::vector<int64_t> classesOf(const reference::Tensor &result);

/// Runs all samples and compares the classes in the model's first result with
/// the labels, which go on from sample to sample. On failure `error` says why;
/// it is empty where the model reported the reason itself.
bool measureAccuracy(Executor &executor, Samples &samples, const std::vector<int64_t> &labels,
                     const std::function<void(double done)> &progress, Accuracy &accuracy,
                     std::string &error);

} // namespace qcc::calibrate

#endif // QCC_COMPILER_CALIBRATE_ACCURACY_H
