//===- Data.cpp - Samples of a model's inputs -----------------------------===//

#include "compiler/calibrate/Data.h"
#include "compiler/calibrate/Arrays.h"
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
  sample.insert(sample.end(), constants.begin(), constants.end());
  return true;
}

namespace {

//===----------------------------------------------------------------------===//
// Arrays
//===----------------------------------------------------------------------===//

/// How many samples an array of `shape` holds: slices along its first axis that
/// are whole inputs, or that the input's first axis adds up to.
bool countSamples(const InputSpec &input, const std::vector<int64_t> &shape, int64_t &count,
                  std::string &error) {
  const std::vector<int64_t> &want = input.shape;
  if (shape.size() == want.size() + 1 && std::equal(want.begin(), want.end(), shape.begin() + 1)) {
    count = shape[0];
    return true;
  }
  bool sameRank = !want.empty() && shape.size() == want.size();
  if (sameRank && std::equal(want.begin() + 1, want.end(), shape.begin() + 1) && want[0] > 0 &&
      shape[0] % want[0] == 0) {
    count = shape[0] / want[0];
    return true;
  }
  if (shape.empty() && want.empty()) {
    count = 1;
    return true;
  }
  error = "has shape " + npyShapeText(shape) + ", which does not split into samples of shape " +
          npyShapeText(want);
  return false;
}

/// The arrays of one file, matched to the inputs.
class ArrayFile {
public:
  bool open(const std::string &path, const std::vector<InputSpec> &inputs, std::string &error) {
    std::vector<std::string> names;
    for (const InputSpec &input : inputs)
      names.push_back(input.name);
    std::vector<NamedArray> arrays;
    if (!openArrays(path, names, arrays, present, error))
      return false;
    if (arrays.size() == 1 && arrays[0].name.empty() && present.empty()) {
      if (inputs.size() != 1) {
        error = path + ": a .npy file serves a model with one input, and this one has " +
                std::to_string(inputs.size()) + "; write an .npz with arrays named after them";
        return false;
      }
      arrays[0].name = inputs[0].name;
    }
    for (const InputSpec &input : inputs)
      if (!match(path, input, arrays, error))
        return false;
    return true;
  }

  bool read(int64_t index, std::vector<Tensor> &sample, std::string &error) {
    for (size_t i = 0; i < sample.size(); ++i)
      if (!readers[i].read(static_cast<size_t>(index * sample[i].size()), sample[i], error))
        return false;
    return true;
  }

  int64_t count = -1;
  std::vector<std::string> present; ///< names of all arrays of an .npz

private:
  bool match(const std::string &path, const InputSpec &input, std::vector<NamedArray> &arrays,
             std::string &error) {
    auto found =
        std::find_if(arrays.begin(), arrays.end(), [&](auto &array) { return array.name == input.name; });
    if (found == arrays.end()) {
      std::string list;
      for (const std::string &name : present)
        list += (list.empty() ? "'" : ", '") + name + "'";
      error = path + ": holds no array '" + input.name + "' for the input of that name; it holds " +
              (list.empty() ? "none" : list);
      return false;
    }
    int64_t samples = 0;
    std::string where = path + ": array for input '" + input.name + "' ";
    if (!canConvert(found->reader.type(), input.type)) {
      error = where + "is " + npyTypeName(found->reader.type()) +
              ", which does not convert to the input's type " + name(input.type) +
              " without a change of meaning";
      return false;
    }
    if (!countSamples(input, found->reader.shape(), samples, error)) {
      error = where + error;
      return false;
    }
    if (count >= 0 && samples != count) {
      error =
          where + "holds " + std::to_string(samples) + " samples, the one before " + std::to_string(count);
      return false;
    }
    count = samples;
    readers.push_back(std::move(found->reader));
    return true;
  }

  std::vector<ArrayReader> readers;
};

class ArraySamples : public Samples {
public:
  ArraySamples(const std::string &path, const std::vector<InputSpec> &inputs) : Samples(inputs), path(path) {}

  bool open(std::string &error) {
    if (!file.open(path, inputs, error))
      return false;
    limit = file.count;
    for (const std::string &name : file.present)
      if (std::none_of(inputs.begin(), inputs.end(), [&](auto &input) { return input.name == name; }))
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

//===----------------------------------------------------------------------===//
// Folders
//===----------------------------------------------------------------------===//

class FolderSamples : public Samples {
public:
  FolderSamples(std::vector<std::string> files, const std::vector<InputSpec> &inputs)
      : Samples(inputs), files(std::move(files)) {
    limit = static_cast<int64_t>(this->files.size());
  }

  /// Looks at the headers of all files.
  bool check(int64_t maxSamples, std::string &error) {
    for (int64_t i = 0; i < limit && (!maxSamples || i < maxSamples); ++i)
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
    if (!file.open(path, inputs, error))
      return false;
    if (file.count == 1)
      return true;
    error = path + ": holds " + std::to_string(file.count) + " samples; a file of a folder is one sample";
    return false;
  }

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
  auto samples = std::make_unique<FolderSamples>(folder.arrays, inputs);
  if (!samples->check(options.maxSamples, error))
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
    if (!arrays->open(error))
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
