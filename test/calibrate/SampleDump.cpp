//===- SampleDump.cpp - Writes what calibration reads ---------------------===//
//
// SampleDump OUT PATH NAME:TYPE:AxB..CxD... [--mean=..] [--std=..] [--bgr] [--n=N] [--order=2,0]
// writes OUT_SAMPLE_INPUT.npy, or prints "error: ..." and exits with status 1.
//
//===----------------------------------------------------------------------===//
#include "compiler/calibrate/Data.h"
#include "compiler/support/Npy.h"

#include <cstdio>
#include <cstdlib>
#include <sstream>

using namespace qcc;
using namespace qcc::calibrate;
using reference::DType;

static std::vector<std::string> split(const std::string &text, char separator) {
  std::vector<std::string> parts;
  std::stringstream stream(text);
  for (std::string part; std::getline(stream, part, separator);)
    parts.push_back(part);
  return parts;
}

static const struct {
  const char *word;
  DType type;
  support::NpyType npy;
} types[] = {{"f32", DType::F32, support::NpyType::F32}, {"f16", DType::F16, support::NpyType::F16},
             {"u8", DType::U8, support::NpyType::U8},    {"i32", DType::I32, support::NpyType::I32},
             {"i64", DType::I64, support::NpyType::I64}, {"bool", DType::Bool, support::NpyType::Bool}};

static int fail(const std::string &error) {
  std::printf("error: %s\n", error.c_str());
  return 1;
}

static InputSpec parseInput(const std::string &text) {
  std::vector<std::string> parts = split(text, ':');
  InputSpec spec;
  spec.name = parts.at(0);
  for (const auto &row : types)
    if (parts.at(1) == row.word)
      spec.type = row.type;
  if (parts.size() > 2)
    for (const std::string &extent : split(parts[2], 'x')) {
      size_t dots = extent.find("..");
      spec.least.push_back(std::atoll(extent.c_str()));
      spec.shape.push_back(dots == std::string::npos ? spec.least.back()
                                                     : std::atoll(extent.c_str() + dots + 2));
    }
  if (spec.least == spec.shape)
    spec.least.clear();
  return spec;
}

int main(int argc, char **argv) {
  std::vector<InputSpec> inputs;
  std::vector<int64_t> order;
  DataOptions options;
  for (int i = 3; i < argc; ++i) {
    std::string arg = argv[i], value = arg.substr(arg.find('=') + 1);
    std::vector<float> numbers;
    for (const std::string &number : split(value, ','))
      numbers.push_back(std::strtof(number.c_str(), nullptr));
    if (arg.rfind("--mean=", 0) == 0)
      options.mean = numbers;
    else if (arg.rfind("--std=", 0) == 0)
      options.std = numbers;
    else if (arg == "--bgr")
      options.bgr = true;
    else if (arg.rfind("--n=", 0) == 0)
      options.maxSamples = std::atoll(value.c_str());
    else if (arg.rfind("--order=", 0) == 0)
      order.assign(numbers.begin(), numbers.end());
    else
      inputs.push_back(parseInput(arg));
  }
  std::string error;
  std::unique_ptr<Samples> samples = openSamples(argv[2], inputs, options, error);
  if (!samples)
    return fail(error);
  for (const std::string &remark : samples->remarks())
    std::printf("remark: %s\n", remark.c_str());
  std::printf("count %lld\n", static_cast<long long>(samples->count()));
  if (order.empty())
    for (int64_t i = 0; i < samples->count(); ++i)
      order.push_back(i);
  std::vector<reference::Tensor> sample;
  for (int64_t index : order) {
    if (!samples->read(index, sample, error))
      return fail(error);
    for (size_t i = 0; i < inputs.size(); ++i) {
      support::NpyArray array;
      for (const auto &row : types)
        if (sample[i].type == row.type)
          array.type = row.npy;
      array.shape = sample[i].shape;
      array.data = sample[i].bytes;
      std::string path = std::string(argv[1]) + "_" + std::to_string(index) + "_" + inputs[i].name + ".npy";
      if (!support::writeNpyFile(path, array, error))
        return fail(error);
    }
  }
  return 0;
}
