//===- Model.h - a shared object that holds a model -------------*- C++ -*-===//
#ifndef QCC_TOOLS_QCC_RUN_MODEL_H
#define QCC_TOOLS_QCC_RUN_MODEL_H

#include "tools/qcc-run/Tensor.h"

#include <map>
#include <memory>

namespace qcc::run {

/// Bytes aligned as the model likes them best.
class Buffer {
public:
  explicit Buffer(size_t size);
  uint8_t *data() const { return bytes.get(); }
  size_t size() const { return count; }

private:
  struct Free {
    void operator()(void *pointer) const;
  };
  std::unique_ptr<uint8_t, Free> bytes;
  size_t count;
};

/// A loaded model with the buffers of one run.
class Model {
public:
  ~Model();
  Model() = default;
  Model(const Model &) = delete;
  Model &operator=(const Model &) = delete;

  /// Loads the object and makes the buffers; fills inputs pseudo-randomly.
  bool open(const std::string &path, int threads, std::string &error);

  qcc_status run() const;
  /// The steps of the selected variant, one after the other, on this thread;
  /// `nanoseconds` (one per step) keep their minimum.
  void runSteps(std::vector<double> &milliseconds) const;

  const qcc_model &info() const { return *descriptor; }
  const qcc_variant *variant() const { return selected; }
  const char *statusText(qcc_status status) const { return runtime->status_string(status); }
  int threads() const { return runtime->pool_threads(pool); }

  /// Tensors as the run has them: those of bounded shape with the shape of this run, the most until another
  /// is set, or, of an output, until it has run.
  qcc_tensor_info inputInfo(uint32_t i) const { return infoOf(descriptor->inputs[i], inputShapes[i]); }
  qcc_tensor_info outputInfo(uint32_t o) const { return infoOf(descriptor->outputs[o], outputShapes[o]); }
  /// `shape` is within the bounds of input `i`. Other inputs get the same extents where they share them.
  void setShape(uint32_t i, const std::vector<int64_t> &shape);

  uint8_t *input(uint32_t i) const { return inputs[i].data(); }
  uint8_t *output(uint32_t i) const { return outputs[i].data(); }

  /// Splits "NAME=FILE" at the '=' that ends the name of one of `count` tensors.
  static bool splitPair(const std::string &pair, const qcc_tensor_info *infos, uint32_t count,
                        uint32_t &index, std::string &file);

private:
  bool load(const std::string &path, std::string &error);
  bool check(std::string &error) const;
  static qcc_tensor_info infoOf(const qcc_tensor_info &info, const std::vector<int64_t> &shape);
  void makeBuffers();

  void *handle = nullptr;
  const qcc_model *descriptor = nullptr;
  const qcc_runtime *runtime = nullptr;
  const qcc_variant *selected = nullptr;
  qcc_pool *pool = nullptr;
  std::vector<Buffer> inputs, outputs, work;
  std::vector<std::vector<int64_t>> inputShapes, outputShapes;
  std::map<int64_t, int64_t> lengths; ///< those that shapes of inputs have said
  std::vector<const void *> inputPointers;
  std::vector<void *> outputPointers;
};

} // namespace qcc::run

#endif // QCC_TOOLS_QCC_RUN_MODEL_H
