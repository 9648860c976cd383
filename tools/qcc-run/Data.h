//===- Data.h - the arrays that go in and come out --------------*- C++ -*-===//
#ifndef QCC_TOOLS_QCC_RUN_DATA_H
#define QCC_TOOLS_QCC_RUN_DATA_H

#include "tools/qcc-run/Model.h"
#include "tools/qcc-run/Options.h"

namespace qcc::run {

/// An array that belongs to input or output number `index`.
struct NamedArray {
  uint32_t index;
  std::string file;
  support::NpyArray array;
};

/// Everything the command line names, read and checked before anything runs.
class Data {
public:
  Data(Model &model, const Options &options) : model(model), options(options) {}

  bool read(std::string &error);
  /// Runs every sample and keeps the outputs.
  bool run(std::string &error);
  bool write(std::string &error) const;

  const std::vector<NamedArray> &expectations() const { return expected; }
  const std::vector<support::NpyArray> &results() const { return outputs; }

private:
  bool readArrays(const std::vector<std::string> &pairs, bool isInput, std::vector<NamedArray> &arrays,
                  std::string &error);
  bool checkArray(const NamedArray &named, const qcc_tensor_info &info, bool isInput, std::string &error);
  bool nameFiles(std::string &error);
  void makeOutputs();
  bool checkShared(std::string &error) const;
  bool checkExpected(std::string &error) const;
  bool runSample(size_t sample, std::string &error);

  Model &model;
  const Options &options;
  std::vector<NamedArray> inputs, expected;
  std::vector<support::NpyArray> outputs;
  std::vector<std::string> outputFiles;
  int64_t samples = -1; // unknown until an array tells
};

} // namespace qcc::run

#endif // QCC_TOOLS_QCC_RUN_DATA_H
