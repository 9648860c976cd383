//===- ArrayFile.cpp - The samples of one .npy or .npz file ---------------===//

#include "compiler/calibrate/ArrayFile.h"

#include <algorithm>
#include <map>

using namespace qcc::calibrate;
using namespace qcc::support;
using qcc::reference::Tensor;

namespace {

//===----------------------------------------------------------------------===//
// How arrays split into samples
//===----------------------------------------------------------------------===//

bool fits(const InputSpec &input, size_t axis, int64_t size) {
  int64_t most = input.shape[axis];
  return input.isBounded() ? input.least[axis] <= size && size <= most : size == most;
}

/// Whether the sizes from `first` on are those of the input's axes from `axis` on.
bool fitsFrom(const InputSpec &input, size_t axis, const std::vector<int64_t> &shape, size_t first) {
  for (; first < shape.size(); ++first, ++axis)
    if (!fits(input, axis, shape[first]))
      return false;
  return true;
}

/// "(1, 1..128)"
std::string boundsText(const InputSpec &input) {
  if (!input.isBounded())
    return npyShapeText(input.shape);
  std::string text;
  for (size_t axis = 0; axis < input.shape.size(); ++axis) {
    int64_t least = input.least[axis], most = input.shape[axis];
    text += (axis ? ", " : "") + (least == most ? "" : std::to_string(least) + "..") + std::to_string(most);
  }
  return "(" + text + (input.shape.size() == 1 ? ",)" : ")");
}

/// How many samples an array of `shape` holds: slices along its first axis that are whole inputs, or that the
/// input's first axis adds up to, where the last one may have less than the most.
bool countSamples(const InputSpec &input, const std::vector<int64_t> &shape, int64_t &count,
                  std::string &error) {
  const std::vector<int64_t> &want = input.shape;
  if (shape.size() == want.size() + 1 && fitsFrom(input, 0, shape, 1)) {
    count = shape[0];
    return true;
  }
  bool sameRank = !want.empty() && shape.size() == want.size();
  if (sameRank && fitsFrom(input, 1, shape, 1) && want[0] > 0) {
    int64_t rest = shape[0] % want[0];
    count = shape[0] / want[0] + (rest ? 1 : 0);
    if (!rest || fits(input, 0, rest))
      return true;
  }
  if (shape.empty() && want.empty()) {
    count = 1;
    return true;
  }
  error = "has shape " + npyShapeText(shape) + ", which does not split into samples of shape " +
          boundsText(input);
  if (input.isBounded())
    error += "; samples out of bounds must be cut or left out, or --shape must allow them";
  return false;
}

/// Of a sample, and the number of the element that it begins with.
std::vector<int64_t> sampleShape(const InputSpec &input, const std::vector<int64_t> &shape, int64_t sample,
                                 size_t &first) {
  std::vector<int64_t> own(shape);
  int64_t rows = 1;
  if (shape.size() > input.shape.size()) {
    own.erase(own.begin());
  } else if (!own.empty()) {
    rows = input.shape[0];
    own[0] = std::min(rows, shape[0] - sample * rows);
  }
  int64_t inner = rows;
  for (size_t axis = 1; axis < shape.size(); ++axis)
    inner *= shape[axis];
  first = static_cast<size_t>(sample * inner);
  return own;
}

//===----------------------------------------------------------------------===//
// Which arrays belong together
//===----------------------------------------------------------------------===//

/// 'ids' is input 'ids', and so is 'ids.7', with the number 7.
struct ArrayName {
  size_t input;
  int64_t number = -1;

  static bool parse(const std::string &name, const std::vector<InputSpec> &inputs, ArrayName &parsed) {
    auto find = [&](const std::string &word) {
      auto found =
          std::find_if(inputs.begin(), inputs.end(), [&](auto &input) { return input.name == word; });
      parsed.input = static_cast<size_t>(found - inputs.begin());
      return found != inputs.end();
    };
    parsed.number = -1;
    if (find(name))
      return true;
    constexpr size_t mostDigits = 9;
    size_t dot = name.rfind('.'), digits = name.size() - dot - 1;
    if (dot == std::string::npos || digits == 0 || digits > mostDigits ||
        name.find_first_not_of("0123456789", dot + 1) != std::string::npos || !find(name.substr(0, dot)))
      return false;
    parsed.number = std::stoll(name.substr(dot + 1));
    return true;
  }
};

std::string quoted(const std::vector<std::string> &names) {
  constexpr size_t enough = 20;
  std::string list;
  for (size_t i = 0; i < names.size() && i < enough; ++i)
    list += (list.empty() ? "'" : ", '") + names[i] + "'";
  return list.empty() ? "none" : list + (names.size() > enough ? ", ..." : "");
}

} // namespace

/// Puts the arrays into sets, by number.
bool ArrayFile::sort(std::vector<NamedArray> &arrays, const std::vector<std::string> &present,
                     std::string &error) {
  std::map<int64_t, std::vector<NamedArray *>> byNumber; // -1: those without
  for (NamedArray &array : arrays) {
    ArrayName name;
    ArrayName::parse(array.name, inputs, name);
    std::vector<NamedArray *> &row = byNumber[name.number];
    row.resize(inputs.size());
    if (row[name.input]) {
      error = "holds '" + row[name.input]->name + "' and '" + array.name + "', which is the same number";
      return false;
    }
    row[name.input] = &array;
  }
  if (byNumber.empty())
    byNumber[-1].resize(inputs.size());
  if (byNumber.size() > 1 && byNumber.count(-1)) {
    error = "holds arrays with a number behind their name and without; all inputs have one or none has";
    return false;
  }
  for (auto &[number, row] : byNumber) {
    Set set;
    if (number >= 0)
      set.suffix = "." + std::to_string(number);
    for (size_t i = 0; i < row.size(); ++i) {
      if (!row[i]) {
        error = "holds no array '" + inputs[i].name + set.suffix + "' for the input of that name; it holds " +
                quoted(present);
        return false;
      }
      set.readers.push_back(std::move(row[i]->reader));
    }
    sets.push_back(std::move(set));
  }
  return true;
}

/// Counts the samples of a set, whose arrays must agree.
bool ArrayFile::check(Set &set, const DataOptions &options, std::string &error) const {
  for (size_t i = 0; i < inputs.size(); ++i) {
    const InputSpec &input = inputs[i];
    std::string where = "array " + (set.suffix.empty() ? "" : "'" + input.name + set.suffix + "' ") +
                        "for input '" + input.name + "' ";
    if (!canConvert(set.readers[i].type(), input.type)) {
      error = where + "is " + npyTypeName(set.readers[i].type()) +
              ", which does not convert to the input's type " + name(input.type) +
              " without a change of meaning";
      return false;
    }
    int64_t samples = 0;
    if (!countSamples(input, set.readers[i].shape(), samples, error)) {
      error = where + error;
      return false;
    }
    if (i && samples != set.count) {
      error = where + "holds " + std::to_string(samples) + " samples, the one before " +
              std::to_string(set.count);
      return false;
    }
    set.count = samples;
  }
  // Only the last of a set can have another shape.
  for (int64_t sample : {int64_t(0), set.count - 1}) {
    Shapes shapes;
    size_t first;
    for (size_t i = 0; i < inputs.size(); ++i)
      shapes.push_back(sampleShape(inputs[i], set.readers[i].shape(), sample, first));
    std::string why = options.whyNotTogether && set.count ? options.whyNotTogether(shapes) : "";
    if (why.empty())
      continue;
    error = "sample " + std::to_string(set.first + sample) +
            (set.suffix.empty() ? "" : " (arrays of number " + set.suffix.substr(1) + ")") + ": " + why;
    return false;
  }
  return true;
}

bool ArrayFile::open(const std::string &path, const std::vector<InputSpec> &specs, const DataOptions &options,
                     std::string &error) {
  inputs = specs;
  ArrayName name;
  auto isInput = [&](const std::string &word) { return ArrayName::parse(word, inputs, name); };
  std::vector<NamedArray> arrays;
  std::vector<std::string> present;
  if (!openArrays(path, isInput, arrays, present, error))
    return false;
  if (arrays.size() == 1 && arrays[0].name.empty() && present.empty()) {
    if (inputs.size() != 1) {
      error = path + ": a .npy file serves a model with one input, and this one has " +
              std::to_string(inputs.size()) + "; write an .npz with arrays named after them";
      return false;
    }
    arrays[0].name = inputs[0].name;
  }
  std::copy_if(present.begin(), present.end(), std::back_inserter(others),
               [&](const std::string &word) { return !isInput(word); });
  bool fine = sort(arrays, present, error);
  for (size_t i = 0; fine && i < sets.size(); ++i) {
    sets[i].first = i ? sets[i - 1].first + sets[i - 1].count : 0;
    fine = check(sets[i], options, error);
  }
  if (!fine)
    error = path + ": " + error;
  return fine;
}

bool ArrayFile::read(int64_t index, std::vector<Tensor> &sample, std::string &error) {
  size_t at = static_cast<size_t>(
      std::upper_bound(sets.begin(), sets.end(), index,
                       [](int64_t value, const Set &set) { return value < set.first + set.count; }) -
      sets.begin());
  if (at != current)
    for (ArrayReader &reader : sets[current].readers)
      reader.release();
  current = at;
  for (size_t i = 0; i < sample.size(); ++i) {
    size_t first;
    std::vector<int64_t> shape =
        sampleShape(inputs[i], sets[at].readers[i].shape(), index - sets[at].first, first);
    if (shape != sample[i].shape)
      sample[i] = Tensor(sample[i].type, shape);
    if (!sets[at].readers[i].read(first, sample[i], error))
      return false;
  }
  return true;
}
