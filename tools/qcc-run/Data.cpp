//===- Data.cpp - reads, checks, feeds, collects and writes arrays --------===//
#include "tools/qcc-run/Data.h"

#include <algorithm>
#include <filesystem>
#include <set>

namespace qcc::run {
namespace {

std::string describe(const std::string &shape, support::NpyType type) {
  return shape + " of " + support::npyTypeName(type);
}

std::string listNames(const qcc_tensor_info *infos, uint32_t count) {
  std::string text;
  for (uint32_t i = 0; i < count; ++i)
    text += (i ? ", '" : "'") + std::string(infos[i].name) + "'";
  return text.empty() ? "none" : text;
}

} // namespace

bool Data::read(std::string &error) {
  return readArrays(options.inputs, true, inputs, error) && checkShared(error) &&
         readArrays(options.expected, false, expected, error) && nameFiles(error);
}

bool Data::readArrays(const std::vector<std::string> &pairs, bool isInput, std::vector<NamedArray> &arrays,
                      std::string &error) {
  const qcc_tensor_info *infos = isInput ? model.info().inputs : model.info().outputs;
  uint32_t count = isInput ? model.info().n_inputs : model.info().n_outputs;
  for (const std::string &pair : pairs) {
    NamedArray named;
    if (!Model::splitPair(pair, infos, count, named.index, named.file)) {
      error = std::string("the model has no ") + (isInput ? "input" : "output") + " '" +
              pair.substr(0, pair.find('=')) + "'; it has " + listNames(infos, count);
      return false;
    }
    auto same = [&](const NamedArray &other) { return other.index == named.index; };
    if (std::any_of(arrays.begin(), arrays.end(), same)) {
      error = "'" + std::string(infos[named.index].name) + "' is given twice";
      return false;
    }
    if (!support::readNpyFile(named.file, named.array, error) ||
        !checkArray(named, infos[named.index], isInput, error))
      return false;
    arrays.push_back(std::move(named));
  }
  return true;
}

bool Data::checkArray(const NamedArray &named, const qcc_tensor_info &info, bool isInput,
                      std::string &error) {
  std::vector<int64_t> shape = named.array.shape;
  const ElementType &type = *findType(info.type);
  bool stacked = options.samples && !shape.empty();
  int64_t count = stacked ? shape[0] : 1;
  if (stacked)
    shape.erase(shape.begin());
  if (!fitsShape(info, shape) || stacked != options.samples || named.array.type != type.npy) {
    error = named.file + ": is " + describe(support::npyShapeText(named.array.shape), named.array.type) +
            "; " + (isInput ? "input '" : "output '") + info.name + "' is " +
            (options.samples ? "(samples) + " : "") + describe(boundsText(info), type.npy);
    if (std::string(type.name) != support::npyTypeName(type.npy))
      error += std::string(", the bits of ") + type.name;
    return false;
  }
  if (samples >= 0 && count != samples) {
    error = named.file + ": has " + std::to_string(count) + " samples, the arrays before it " +
            std::to_string(samples);
    return false;
  }
  samples = count;
  if (isInput)
    model.setShape(named.index, shape);
  return true;
}

bool Data::nameFiles(std::string &error) {
  if (options.outDir.empty())
    return true;
  std::set<std::string> seen;
  for (uint32_t o = 0; o < model.info().n_outputs; ++o) {
    std::string name = model.info().outputs[o].name;
    std::replace(name.begin(), name.end(), '/', '_');
    outputFiles.push_back(options.outDir + "/" + name + ".npy");
    if (!seen.insert(name).second) {
      error = "two outputs would be written to " + outputFiles.back() + "; run without --out-dir";
      return false;
    }
  }
  std::error_code failure;
  std::filesystem::create_directories(options.outDir, failure);
  if (failure)
    error = options.outDir + ": cannot create the folder: " + failure.message();
  return !failure;
}

/// Inputs that share an extent have the last one's now.
bool Data::checkShared(std::string &error) const {
  for (const NamedArray &named : inputs) {
    std::vector<int64_t> shape = named.array.shape;
    shape.erase(shape.begin(), shape.begin() + options.samples);
    if (qcc_tensor_info info = model.inputInfo(named.index); shape != shapeOf(info)) {
      error = named.file + ": is " + support::npyShapeText(shape) + ", but input '" + info.name + "' is " +
              support::npyShapeText(shapeOf(info)) + " beside the other inputs, with which it shares extents";
      return false;
    }
  }
  return true;
}

/// Shapes of the run, which nobody knew before.
bool Data::checkExpected(std::string &error) const {
  for (const NamedArray &named : expected) {
    const support::NpyArray &got = outputs[named.index];
    if (named.array.shape == got.shape)
      continue;
    error = named.file + ": is " + support::npyShapeText(named.array.shape) + "; output '" +
            model.info().outputs[named.index].name + "' is " + support::npyShapeText(got.shape) +
            " in this run";
    return false;
  }
  return true;
}

void Data::makeOutputs() {
  size_t count = options.samples ? static_cast<size_t>(samples) : 1;
  for (uint32_t o = 0; o < model.info().n_outputs; ++o) {
    qcc_tensor_info info = model.outputInfo(o);
    support::NpyArray array;
    array.type = findType(info.type)->npy;
    array.shape = shapeOf(info);
    if (options.samples)
      array.shape.insert(array.shape.begin(), samples);
    array.data.resize(count * elementsOf(info) * support::npyTypeBytes(array.type));
    outputs.push_back(std::move(array));
  }
}

bool Data::runSample(size_t sample, std::string &error) {
  for (const NamedArray &named : inputs) {
    qcc_tensor_info info = model.inputInfo(named.index);
    size_t bytes = elementsOf(info) * support::npyTypeBytes(named.array.type);
    if (!pack(info, named.array.data.data() + sample * bytes, model.input(named.index), error)) {
      error = named.file + ": " + (options.samples ? "sample " + std::to_string(sample) + ": " : "") + error;
      return false;
    }
  }
  if (qcc_status status = model.run()) {
    error = options.model + ": " + model.statusText(status);
    return false;
  }
  if (outputs.empty())
    makeOutputs(); // their shapes are known now, and the same for all samples
  for (uint32_t o = 0; o < outputs.size(); ++o) {
    qcc_tensor_info info = model.outputInfo(o);
    size_t bytes = elementsOf(info) * support::npyTypeBytes(outputs[o].type);
    unpack(info, model.output(o), outputs[o].data.data() + sample * bytes);
  }
  return true;
}

bool Data::run(std::string &error) {
  size_t count = options.samples ? static_cast<size_t>(samples) : 1;
  for (size_t sample = 0; sample < count; ++sample)
    if (!runSample(sample, error))
      return false;
  if (outputs.empty())
    makeOutputs(); // no sample, no run
  return checkExpected(error);
}

bool Data::write(std::string &error) const {
  for (size_t o = 0; o < outputFiles.size(); ++o)
    if (!support::writeNpyFile(outputFiles[o], outputs[o], error))
      return false;
  return true;
}

} // namespace qcc::run
