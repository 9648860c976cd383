//===- Labels.cpp - The right classes of labelled samples -----------------===//

#include "compiler/calibrate/Accuracy.h"
#include "compiler/calibrate/Arrays.h"

#include <cerrno>
#include <cstring>
#include <fstream>

using namespace qcc::calibrate;
using qcc::reference::DType;
using qcc::reference::Tensor;

static std::string shortened(const std::string &line) {
  constexpr size_t longest = 40;
  return line.size() <= longest ? line : line.substr(0, longest) + "...";
}

static bool readText(const std::string &path, std::vector<int64_t> &labels, std::string &error) {
  std::ifstream file(path);
  std::string line;
  for (size_t number = 1; std::getline(file, line); ++number) {
    size_t begin = line.find_first_not_of(" \t\r"), end = line.find_last_not_of(" \t\r");
    if (begin == std::string::npos)
      continue;
    std::string word = line.substr(begin, end - begin + 1);
    char *rest = nullptr;
    errno = 0;
    long long label = std::strtoll(word.c_str(), &rest, 10);
    if (errno || *rest) {
      error = path + ":" + std::to_string(number) + ": '" + shortened(word) +
              "' is no whole number; a text file of labels has one on each line";
      return false;
    }
    labels.push_back(label);
  }
  if (!file.bad())
    return true;
  error = path + ": cannot be read";
  return false;
}

static bool readArray(const std::string &path, std::vector<int64_t> &labels, std::string &error) {
  std::vector<NamedArray> arrays;
  std::vector<std::string> present;
  if (!openArrays(path, [](const std::string &) { return false; }, arrays, present, error))
    return false;
  if (arrays.size() != 1) {
    error = path + ": holds several arrays; labels are one .npy array or a text file";
    return false;
  }
  ArrayReader &reader = arrays[0].reader;
  if (!canConvert(reader.type(), DType::I64)) {
    error = path + ": holds " + qcc::support::npyTypeName(reader.type()) + "; labels are whole numbers";
    return false;
  }
  Tensor tensor(DType::I64, reader.shape());
  if (!reader.read(0, tensor, error)) {
    error = path + ": " + error;
    return false;
  }
  labels.assign(tensor.data<int64_t>(), tensor.data<int64_t>() + tensor.size());
  return true;
}

bool qcc::calibrate::readLabels(const std::string &path, std::vector<int64_t> &labels, std::string &error) {
  labels.clear();
  std::ifstream file(path, std::ios::binary);
  char first[6] = {};
  if (!file) {
    error = path + ": cannot open: " + std::strerror(errno);
    return false;
  }
  file.read(first, sizeof(first));
  if (file.bad() || (file.gcount() == 0 && !file.eof())) {
    error = path + ": cannot be read";
    return false;
  }
  bool isArray = !std::memcmp(first, "\x93NUMPY", 6) || !std::memcmp(first, "PK", 2);
  if (!(isArray ? readArray(path, labels, error) : readText(path, labels, error)))
    return false;
  if (labels.empty())
    error = path + ": holds no labels";
  return !labels.empty();
}
