//===- Accuracy.cpp - Top-1 accuracy on labelled samples ------------------===//

#include "compiler/calibrate/Accuracy.h"

#include <algorithm>
#include <limits>

using namespace qcc::calibrate;
using qcc::reference::Tensor;

std::vector<int64_t> qcc::calibrate::classesOf(const Tensor &result) {
  std::vector<int64_t> classes;
  if (!isFloat(result.type)) {
    for (int64_t i = 0; i < result.size(); ++i)
      classes.push_back(result.getInt(i));
    return classes;
  }
  int64_t rows = result.rank() > 1 ? result.shape[0] : 1;
  int64_t columns = rows > 0 ? result.size() / rows : 0;
  for (int64_t row = 0; row < rows; ++row) {
    int64_t best = 0;
    for (int64_t i = 1; i < columns; ++i)
      if (result.getDouble(row * columns + i) > result.getDouble(row * columns + best))
        best = i;
    classes.push_back(best);
  }
  return classes;
}

/// How many classes a float result tells apart; for integers there is no telling.
static int64_t numberOfClasses(const Tensor &result) {
  if (!isFloat(result.type))
    return std::numeric_limits<int64_t>::max();
  return result.rank() > 1 && result.shape[0] > 0 ? result.size() / result.shape[0] : result.size();
}

static bool checkLabels(const Tensor &result, int64_t samples, const std::vector<int64_t> &labels,
                        std::string &error) {
  auto perSample = static_cast<int64_t>(classesOf(result).size());
  int64_t classes = numberOfClasses(result), given = static_cast<int64_t>(labels.size());
  if (given != samples * perSample) {
    error = "there are " + std::to_string(given) + " labels for " + std::to_string(samples) + " samples";
    if (perSample != 1)
      error += " of " + std::to_string(perSample) + " results each";
    error += "; " + std::to_string(samples * perSample) + " are expected";
    return false;
  }
  for (int64_t i = 0; i < given; ++i)
    if (labels[i] < 0 || labels[i] >= classes) {
      error = "label " + std::to_string(i) + " is " + std::to_string(labels[i]) +
              ", but the model's first output has the classes 0 to " + std::to_string(classes - 1);
      return false;
    }
  return true;
}

bool qcc::calibrate::measureAccuracy(Executor &executor, Samples &samples, const std::vector<int64_t> &labels,
                                     const std::function<void(double)> &progress, Accuracy &accuracy,
                                     std::string &error) {
  accuracy = {};
  for (int64_t index = 0; index < samples.count(); ++index) {
    if (progress)
      progress(static_cast<double>(index) / static_cast<double>(samples.count()));
    std::vector<Tensor> sample;
    if (!samples.read(index, sample, error))
      return false;
    std::unique_ptr<Run> run = executor.start(std::move(sample));
    Stop stop;
    Run::Status status = run ? run->next(stop) : Run::Status::Failed;
    while (status == Run::Status::Stopped)
      status = run->next(stop);
    if (status == Run::Status::Failed)
      return false;
    if (run->outputs().empty()) {
      error = "the model has no output to name classes";
      return false;
    }
    const Tensor &result = run->outputs().front();
    if (index == 0 && !checkLabels(result, samples.count(), labels, error))
      return false;
    for (int64_t predicted : classesOf(result)) {
      if (accuracy.total == static_cast<int64_t>(labels.size())) {
        error = "there are " + std::to_string(labels.size()) + " labels, fewer than the samples have results";
        return false;
      }
      accuracy.right += predicted == labels[static_cast<size_t>(accuracy.total++)];
    }
  }
  if (progress)
    progress(1);
  return true;
}
