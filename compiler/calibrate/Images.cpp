//===- Images.cpp - Photographs as a model's input ------------------------===//

#include "compiler/calibrate/Images.h"
#include "compiler/support/Npy.h"
#include "compiler/support/Zip.h"

#include <algorithm>
#include <cmath>

using namespace qcc::calibrate;
using qcc::reference::DType;
using qcc::reference::Tensor;
using namespace qcc::support;

/// No photograph is larger.
static constexpr uint64_t largestFile = 1 << 28;

namespace {

/// Two neighbours and the weight of the second.
struct Tap {
  int64_t a, b;
  double weight;
};

/// Taps for the centre `count` of `resized` pixels made from `size`.
std::vector<Tap> makeTaps(int64_t size, int64_t resized, int64_t count) {
  std::vector<Tap> taps;
  int64_t start = (resized - count) / 2;
  for (int64_t i = 0; i < count; ++i) {
    double at =
        (static_cast<double>(start + i) + 0.5) * static_cast<double>(size) / static_cast<double>(resized);
    at = std::clamp(at - 0.5, 0.0, static_cast<double>(size - 1));
    auto a = static_cast<int64_t>(at);
    taps.push_back({a, std::min(a + 1, size - 1), at - static_cast<double>(a)});
  }
  return taps;
}

int64_t resizedTo(int64_t size, double factor, int64_t atLeast) {
  return std::max(atLeast, static_cast<int64_t>(std::llround(static_cast<double>(size) * factor)));
}

double blend(double a, double b, double weight) { return a + (b - a) * weight; }

} // namespace

std::vector<double> qcc::calibrate::resizeAndCrop(const Image &image, int64_t height, int64_t width,
                                                  int64_t channels) {
  double factor = std::max(static_cast<double>(height) / static_cast<double>(image.height),
                           static_cast<double>(width) / static_cast<double>(image.width));
  std::vector<Tap> rows = makeTaps(image.height, resizedTo(image.height, factor, height), height);
  std::vector<Tap> columns = makeTaps(image.width, resizedTo(image.width, factor, width), width);
  auto pixel = [&](int64_t y, int64_t x, int64_t c) {
    return static_cast<double>(image.pixels[static_cast<size_t>((y * image.width + x) * image.channels + c)]);
  };
  std::vector<double> result(static_cast<size_t>(height * width * channels));
  double *to = result.data();
  for (const Tap &y : rows)
    for (const Tap &x : columns) {
      double sample[3];
      for (int64_t c = 0; c < image.channels; ++c)
        sample[c] = blend(blend(pixel(y.a, x.a, c), pixel(y.a, x.b, c), x.weight),
                          blend(pixel(y.b, x.a, c), pixel(y.b, x.b, c), x.weight), y.weight);
      if (image.channels == 3 && channels == 1)
        sample[0] = 0.299 * sample[0] + 0.587 * sample[1] + 0.114 * sample[2];
      for (int64_t c = 0; c < channels; ++c)
        *to++ = sample[std::min(c, image.channels - 1)];
    }
  return result;
}

namespace {

class ImageSamples : public Samples {
public:
  ImageSamples(std::vector<std::string> files, const std::vector<InputSpec> &inputs,
               const DataOptions &options)
      : Samples(inputs), files(std::move(files)), options(options) {
    limit = static_cast<int64_t>(this->files.size());
  }

  bool check(std::string &error) {
    if (inputs.size() != 1) {
      error = "images serve a model with one input, and this one has " + std::to_string(inputs.size());
      return false;
    }
    return findLayout(error) && checkNormalisation(error);
  }

protected:
  bool readUnchecked(int64_t index, std::vector<Tensor> &sample, std::string &error) override {
    std::vector<uint8_t> bytes;
    Image image;
    if (!readWhole(files[static_cast<size_t>(index)], bytes, error) || !decodeImage(bytes, image, error))
      return false;
    std::vector<double> pixels = resizeAndCrop(image, height, width, channels);
    Tensor &tensor = sample.front();
    bool round = !isFloat(tensor.type);
    for (int64_t i = 0, area = height * width; i < area; ++i)
      for (int64_t c = 0; c < channels; ++c) {
        int64_t from = options.bgr ? channels - 1 - c : c;
        double value = normalised(pixels[static_cast<size_t>(i * channels + from)], c);
        tensor.setDouble(channelsFirst ? c * area + i : i * channels + c,
                         round ? std::nearbyint(value) : value);
      }
    return true;
  }
  std::string placeOf(int64_t index) const override { return files[static_cast<size_t>(index)]; }

private:
  static bool readWhole(const std::string &path, std::vector<uint8_t> &bytes, std::string &error) {
    std::shared_ptr<ByteSource> file = openFile(path, error);
    if (!file) {
      error.erase(0, path.size() + 2); // the caller names the file
      return false;
    }
    if (file->size() > largestFile) {
      error = "has " + std::to_string(file->size()) + " bytes; at most " + std::to_string(largestFile) +
              " are supported";
      return false;
    }
    bytes.resize(static_cast<size_t>(file->size()));
    return bytes.empty() || file->read(0, bytes.data(), bytes.size(), error);
  }

  double normalised(double value, int64_t c) const {
    auto at = [c](const std::vector<float> &list, double otherwise) -> double {
      return list.empty() ? otherwise : list[list.size() == 1 ? 0 : static_cast<size_t>(c)];
    };
    return (value - at(options.mean, 0)) / at(options.std, 1);
  }

  /// (1, C, H, W) or (1, H, W, C), the 1 may be missing; C is 3 or 1.
  bool findLayout(std::string &error) {
    std::vector<int64_t> shape = inputs[0].shape;
    if (shape.size() == 4 && shape[0] == 1)
      shape.erase(shape.begin());
    auto isChannels = [](int64_t extent) { return extent == 3 || extent == 1; };
    bool fits = shape.size() == 3 && shape[0] > 0 && shape[1] > 0 && shape[2] > 0;
    if (!fits || (!isChannels(shape[0]) && !isChannels(shape[2]))) {
      error = "images do not fit input '" + inputs[0].name + "' of shape " + npyShapeText(inputs[0].shape) +
              "; (1, C, H, W) or (1, H, W, C) with 1 or 3 channels do";
      return false;
    }
    channelsFirst = isChannels(shape[0]);
    channels = channelsFirst ? shape[0] : shape[2];
    height = channelsFirst ? shape[1] : shape[0];
    width = channelsFirst ? shape[2] : shape[1];
    return true;
  }

  bool checkNormalisation(std::string &error) {
    for (const auto *list : {&options.mean, &options.std}) {
      const char *option = list == &options.mean ? "--mean" : "--std";
      size_t want = static_cast<size_t>(channels);
      if (!list->empty() && list->size() != 1 && list->size() != want) {
        error = std::string(option) + " has " + std::to_string(list->size()) + " numbers for " +
                std::to_string(want) + " channels";
        return false;
      }
      for (float number : *list)
        if (!std::isfinite(number) || (list == &options.std && number <= 0)) {
          error = std::string(option) + " must hold " + (list == &options.std ? "positive" : "finite") +
                  " numbers, not " + std::to_string(number);
          return false;
        }
    }
    DType type = inputs[0].type;
    bool normalises = !options.mean.empty() || !options.std.empty();
    if (isFloat(type) || (type == DType::U8 && !normalises))
      return true;
    error = "images do not fit input '" + inputs[0].name + "' of type " + name(type) +
            (type == DType::U8 ? " with --mean or --std" : "") + "; floats, and plain u8, do";
    return false;
  }

  std::vector<std::string> files;
  DataOptions options;
  int64_t channels = 0, height = 0, width = 0;
  bool channelsFirst = true;
};

} // namespace

std::unique_ptr<Samples> qcc::calibrate::openImages(std::vector<std::string> files,
                                                    const std::vector<InputSpec> &inputs,
                                                    const DataOptions &options, std::string &error) {
  std::string first = files.front();
  auto samples = std::make_unique<ImageSamples>(std::move(files), inputs, options);
  if (samples->check(error))
    return samples;
  error = first + ": " + error;
  return nullptr;
}
