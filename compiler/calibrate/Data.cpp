//===- Data.cpp - Samples of a model's inputs -----------------------------===//

#include "compiler/calibrate/Data.h"
#include "compiler/calibrate/ArrayFile.h"
#include "compiler/calibrate/Images.h"

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <dirent.h>
#include <sys/stat.h>

using namespace qcc::calibrate;
using namespace qcc::support;
using qcc::reference::DType;
using qcc::reference::Tensor;

//===----------------------------------------------------------------------===//
// All kinds of samples
//===----------------------------------------------------------------------===//

/// "[0, 2, 14]" for the element `flat` of `tensor`.
static std::string indexText(const Tensor &tensor, int64_t flat) {
  std::string text;
  for (int64_t axis = tensor.rank(); axis-- > 0; flat /= tensor.shape[axis])
    text = std::to_string(flat % tensor.shape[axis]) + (text.empty() ? "" : ", ") + text;
  return "[" + text + "]";
}

static int64_t firstNonFinite(const Tensor &tensor) {
  if (!isFloat(tensor.type))
    return -1;
  for (int64_t i = 0, size = tensor.size(); i < size; ++i)
    if (!std::isfinite(tensor.type == DType::F32 ? tensor.data<float>()[i] : tensor.getDouble(i)))
      return i;
  return -1;
}

static Tensor shapeOf(const Tensor &tensor) {
  Tensor shape(DType::I64, {tensor.rank()});
  std::copy(tensor.shape.begin(), tensor.shape.end(), shape.data<int64_t>());
  return shape;
}

bool Samples::read(int64_t index, std::vector<Tensor> &sample, std::string &error) {
  sample.clear();
  for (const InputSpec &input : inputs)
    sample.emplace_back(input.type, input.shape);
  if (!readUnchecked(index, sample, error)) {
    error = placeOf(index) + ": " + error;
    return false;
  }
  for (size_t i = 0; i < inputs.size(); ++i) {
    int64_t at = firstNonFinite(sample[i]);
    if (at < 0)
      continue;
    double value = sample[i].getDouble(at);
    error = placeOf(index) + ": sample " + std::to_string(index) + " of input '" + inputs[i].name + "' has " +
            (std::isnan(value) ? "NaN"
             : value > 0       ? "infinity"
                               : "-infinity") +
            " at " + indexText(sample[i], at);
    return false;
  }
  for (size_t i = 0; i < inputs.size(); ++i)
    if (inputs[i].isBounded())
      sample.push_back(shapeOf(sample[i]));
  return true;
}

namespace {

//===----------------------------------------------------------------------===//
// Files and folders of arrays
//===----------------------------------------------------------------------===//

class ArraySamples : public Samples {
public:
  ArraySamples(const std::string &path, const std::vector<InputSpec> &inputs) : Samples(inputs), path(path) {}

  bool open(const DataOptions &options, std::string &error) {
    if (!file.open(path, inputs, options, error))
      return false;
    limit = file.count();
    for (const std::string &name : file.others)
      notes.push_back(path + ": array '" + name + "' is no input of the model and is ignored");
    return true;
  }

protected:
  bool readUnchecked(int64_t index, std::vector<Tensor> &sample, std::string &error) override {
    return file.read(index, sample, error);
  }
  std::string placeOf(int64_t) const override { return path; }

private:
  std::string path;
  ArrayFile file;
};

class FolderSamples : public Samples {
public:
  FolderSamples(std::vector<std::string> files, const std::vector<InputSpec> &inputs,
                const DataOptions &options)
      : Samples(inputs), options(options), files(std::move(files)) {
    limit = static_cast<int64_t>(this->files.size());
  }

  /// Looks at the headers of all files.
  bool check(std::string &error) {
    for (int64_t i = 0; i < limit && (!options.maxSamples || i < options.maxSamples); ++i)
      if (ArrayFile file; !openOne(files[static_cast<size_t>(i)], file, error))
        return false;
    return true;
  }

protected:
  bool readUnchecked(int64_t index, std::vector<Tensor> &sample, std::string &error) override {
    ArrayFile file;
    return openOne(files[static_cast<size_t>(index)], file, error) && file.read(0, sample, error);
  }
  std::string placeOf(int64_t index) const override { return files[static_cast<size_t>(index)]; }

private:
  bool openOne(const std::string &path, ArrayFile &file, std::string &error) {
    if (!file.open(path, inputs, options, error))
      return false;
    if (file.count() == 1)
      return true;
    error = path + ": holds " + std::to_string(file.count()) + " samples; a file of a folder is one sample";
    return false;
  }

  DataOptions options;
  std::vector<std::string> files;
};

/// The lower-case letters behind the last dot.
std::string suffixOf(const std::string &path) {
  size_t dot = path.rfind('.');
  std::string suffix = dot == std::string::npos ? "" : path.substr(dot + 1);
  for (char &c : suffix)
    c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return suffix;
}

struct Folder {
  std::vector<std::string> arrays, images;
  int64_t others = 0;
};

bool listFolder(const std::string &path, Folder &folder, std::string &error) {
  DIR *dir = ::opendir(path.c_str());
  if (!dir) {
    error = path + ": cannot open: " + std::strerror(errno);
    return false;
  }
  while (dirent *entry = ::readdir(dir)) {
    std::string name = entry->d_name, suffix = suffixOf(name);
    if (name[0] == '.')
      continue;
    if (suffix == "npy" || suffix == "npz")
      folder.arrays.push_back(path + "/" + name);
    else if (suffix == "png" || suffix == "jpg" || suffix == "jpeg")
      folder.images.push_back(path + "/" + name);
    else
      ++folder.others;
  }
  ::closedir(dir);
  std::sort(folder.arrays.begin(), folder.arrays.end());
  std::sort(folder.images.begin(), folder.images.end());
  if (folder.arrays.empty() == folder.images.empty())
    error = path + (folder.arrays.empty() ? ": holds no .npy, .npz, .png or .jpg file"
                                          : ": holds arrays as well as images; only one kind is expected");
  return folder.arrays.empty() != folder.images.empty();
}

std::unique_ptr<Samples> openFolder(const std::string &path, const std::vector<InputSpec> &inputs,
                                    const DataOptions &options, std::string &error) {
  Folder folder;
  if (!listFolder(path, folder, error))
    return nullptr;
  if (!folder.images.empty())
    return openImages(folder.images, inputs, options, error);
  auto samples = std::make_unique<FolderSamples>(folder.arrays, inputs, options);
  if (!samples->check(error))
    return nullptr;
  return samples;
}

} // namespace

std::unique_ptr<Samples> qcc::calibrate::openSamples(const std::string &path,
                                                     const std::vector<InputSpec> &inputs,
                                                     const DataOptions &options, std::string &error) {
  struct stat info;
  if (::stat(path.c_str(), &info) != 0) {
    error = path + ": cannot open: " + std::strerror(errno);
    return nullptr;
  }
  std::unique_ptr<Samples> samples;
  if (S_ISDIR(info.st_mode)) {
    samples = openFolder(path, inputs, options, error);
    if (!samples)
      return nullptr;
  } else {
    auto arrays = std::make_unique<ArraySamples>(path, inputs);
    if (!arrays->open(options, error))
      return nullptr;
    samples = std::move(arrays);
  }
  if (samples->limit <= 0) {
    error = path + ": holds no samples";
    return nullptr;
  }
  if (options.maxSamples > samples->limit)
    samples->notes.push_back(path + ": holds " + std::to_string(samples->limit) + " samples, not " +
                             std::to_string(options.maxSamples));
  else if (options.maxSamples)
    samples->limit = options.maxSamples;
  return samples;
}
