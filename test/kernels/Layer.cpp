//===- Layer.cpp - A convolution with data, run and compared ----------------===//
#include "test/kernels/Layer.h"

#include "compiler/kernels/gemm/Pack.h"
#include "dialects/reference/Tensor.h"
#include "test/kernels/Reference.h"
#include "llvm/ADT/bit.h"
#include <cstring>
#include <random>
#include <sstream>

using namespace qcc;
using namespace qcc::kernels;
using namespace qcc::test;

namespace {

constexpr size_t slack = 64;

size_t outBytes(const Layer &layer) {
  Output output = layer.spec.epilogue.output;
  return output == Output::U8 ? 1 : output == Output::BF16 ? 2 : 4;
}

/// A float as its `bytes` bytes: f32 or bf16.
void writeFloat(uint8_t *to, float value, size_t bytes) {
  uint16_t half = reference::floatToBfloat(value);
  std::memcpy(to, bytes == 2 ? static_cast<void *>(&half) : &value, bytes);
}
float readFloat(const uint8_t *from, size_t bytes) {
  uint32_t bits = 0;
  std::memcpy(reinterpret_cast<uint8_t *>(&bits) + (4 - bytes), from, bytes);
  return llvm::bit_cast<float>(bits);
}

/// One past the last element.
int64_t extent(const Place &place, int64_t images, int64_t rows, int64_t pixels, int64_t channels) {
  return place.offset + (images - 1) * place.image + (rows - 1) * place.row + (pixels - 1) * place.pixel +
         channels;
}

DepthwiseSpec toDepthwise(const GemmSpec &s) {
  DepthwiseSpec d;
  d.isFloat = s.isFloat;
  d.byteWeights = s.byteWeights;
  d.packing = s.packing;
  d.batch = s.batch;
  d.outH = s.outH;
  d.outW = s.outW;
  d.channels = s.groups;
  d.kernelH = s.kernelH;
  d.kernelW = s.kernelW;
  d.strideH = s.strideH;
  d.strideW = s.strideW;
  d.dilationH = s.dilationH;
  d.dilationW = s.dilationW;
  d.x = s.x;
  d.out = s.out;
  d.residual = s.residual;
  d.epilogue = s.epilogue;
  return d;
}

/// A layer's numbers and buffers.
class Run {
public:
  explicit Run(const Layer &layer);
  std::string compare(KernelRunner &runner, size_t kernel);

private:
  const Layer &layer;
  const GemmSpec &spec;
  std::mt19937 random;
  int64_t inH, inW, depth;
  std::vector<int8_t> weights;
  std::vector<float> floatWeights, floatBias, multiplier, imageScales;
  std::vector<int32_t> bias;
  uint8_t table[256];
  std::unique_ptr<GuardedBuffer> x, residual, out;
  std::vector<uint8_t> outBefore, expected;
  std::vector<float> tolerance; ///< of float kernels, by element of out
  Bytes packedWeights, packedParams;

  int uniform(int low, int high) { return std::uniform_int_distribution<int>(low, high)(random); }
  int32_t zeroOf(int64_t image) const {
    return layer.xZero + (spec.epilogue.imageZeros ? 90 * int32_t(image) : 0);
  }
  float uniformFloat() { return std::uniform_real_distribution<float>(-1, 1)(random); }
  float asStored(float weight);
  void fillNumbers();
  void fillBuffers();
  void pack();
  void computeExpected();
  double sumAt(int64_t b, int64_t y, int64_t px, int64_t column, double &magnitude);
  void expectElement(int64_t b, int64_t y, int64_t px, int64_t column);
  void runRanges(KernelRunner &runner, size_t kernel, int pieces);
  std::string difference();
  std::string neighbourhood(int64_t b, int64_t y, int64_t px, int64_t column);
  int64_t outIndex(int64_t b, int64_t y, int64_t px, int64_t column) const {
    return spec.out.offset + b * spec.out.image + y * spec.out.row + px * spec.out.pixel + column;
  }
  std::string show(const uint8_t *buffer, int64_t index) const;
  bool equal(int64_t index) const;
};

Run::Run(const Layer &layer) : layer(layer), spec(layer.spec), random(12345) {
  inH = (spec.outH - 1) * spec.strideH + (spec.kernelH - 1) * spec.dilationH + 1;
  inW = (spec.outW - 1) * spec.strideW + (spec.kernelW - 1) * spec.dilationW + 1;
  depth = spec.kernelH * spec.kernelW * spec.c;
  fillNumbers();
  fillBuffers();
  pack();
  computeExpected();
}

/// What is left of a weight in memory. Every third of float16 is too small to be a normal number.
float Run::asStored(float weight) {
  if (spec.isBf16 || spec.halfWeights == target::Half::BF16)
    return reference::bfloatToFloat(reference::floatToBfloat(weight));
  if (spec.halfWeights == target::Half::None)
    return weight;
  float scale = floatWeights.size() % 3 == 0 ? 0x1p-15f : 1;
  return reference::halfToFloat(reference::floatToHalf(weight * scale));
}

void Run::fillNumbers() {
  int64_t columns = spec.outChannels();
  for (int64_t i = 0; i < columns * depth; ++i) {
    int extreme = uniform(0, 1) ? -128 : 127;
    weights.push_back(layer.fill == Fill::Random     ? uniform(-128, 127)
                      : layer.fill == Fill::Extremes ? extreme
                      : layer.fill == Fill::AllLow   ? -128
                                                     : 127);
    float weight = spec.byteWeights ? weights.back() : uniformFloat();
    floatWeights.push_back(asStored(weight));
  }
  // Outputs spread over the range of u8.
  float scale = layer.multiplierScale / (60.0f * std::sqrt(float(depth)));
  for (int64_t i = 0; i < columns; ++i) {
    bias.push_back(uniform(-20000, 20000));
    floatBias.push_back(uniformFloat());
    multiplier.push_back(scale * (0.5f + 0.4f * uniformFloat()) / 60.0f);
  }
  for (int64_t i = 0; i < spec.batch; ++i) {
    imageScales.push_back(0.7f + 0.37f * float(i));
    if (spec.epilogue.imageZeros)
      imageScales.push_back(float(zeroOf(i)));
  }
  for (int i = 0; i < 256; ++i)
    table[i] = uint8_t(i * 37 + 11);
}

void Run::fillBuffers() {
  size_t inBytes = spec.inBytes(), outSize = outBytes(layer);
  int64_t xElements = extent(spec.x, spec.batch, inH, inW, spec.groups * spec.c);
  x = std::make_unique<GuardedBuffer>(xElements * inBytes + slack);
  if (spec.isFloat) {
    for (int64_t i = 0; i < xElements; ++i) {
      writeFloat(x->data() + i * inBytes, uniformFloat(), inBytes);
    }
    std::memset(x->data() + xElements * inBytes, 0xff, slack); // NaNs
  } else {
    for (size_t i = 0; i < x->size(); ++i) {
      int extreme = uniform(0, 1) * 255;
      x->data()[i] = layer.fill == Fill::Random     ? uniform(0, 255)
                     : layer.fill == Fill::Extremes ? extreme
                     : layer.fill == Fill::AllLow   ? 0
                                                    : 255;
    }
  }
  int64_t outElements = extent(spec.out, spec.batch, spec.outH, spec.outW, spec.outChannels());
  size_t outSlack = layer.inPlace ? slack : 0; // else it might be the user's
  out = std::make_unique<GuardedBuffer>(outElements * outSize + outSlack);
  residual = std::make_unique<GuardedBuffer>(outElements * outSize + slack);
  for (auto *buffer : {out.get(), residual.get()})
    for (size_t i = 0; i < buffer->size(); ++i)
      buffer->data()[i] = uniform(0, 255);
  if (outSize != 1)
    for (auto *buffer : {out.get(), residual.get()})
      for (int64_t i = 0; i < outElements; ++i)
        writeFloat(buffer->data() + i * outSize, uniformFloat(), outSize);
  outBefore.assign(out->data(), out->data() + out->size());
}

void Run::pack() {
  auto packAll = [&](const auto &s) {
    if (spec.isFloat) {
      packedWeights = spec.byteWeights ? packWeights(s, llvm::ArrayRef<int8_t>(weights))
                                       : packWeights(s, llvm::ArrayRef<float>(floatWeights));
      packedParams = packParams(s, llvm::ArrayRef<float>(floatBias), layer.values);
    } else {
      packedWeights = packWeights(s, llvm::ArrayRef<int8_t>(weights));
      int32_t zero = spec.epilogue.imageZeros ? 0 : layer.xZero; // else it comes with the images
      packedParams = packParams(s, bias, weights, zero, multiplier, layer.values);
    }
  };
  if (layer.depthwise)
    packAll(toDepthwise(spec));
  else
    packAll(spec);
}

double Run::sumAt(int64_t b, int64_t y, int64_t px, int64_t column, double &magnitude) {
  int64_t group = column / spec.n;
  double floatSum = spec.isFloat ? floatBias[column] : 0;
  int64_t sum = spec.isFloat ? 0 : bias[column];
  magnitude = std::abs(floatSum);
  for (int64_t ky = 0; ky < spec.kernelH; ++ky)
    for (int64_t kx = 0; kx < spec.kernelW; ++kx)
      for (int64_t c = 0; c < spec.c; ++c) {
        int64_t index = spec.x.offset + b * spec.x.image +
                        (y * spec.strideH + ky * spec.dilationH) * spec.x.row +
                        (px * spec.strideW + kx * spec.dilationW) * spec.x.pixel + group * spec.c + c;
        int64_t weight = ((column * spec.kernelH + ky) * spec.kernelW + kx) * spec.c + c;
        if (spec.isFloat) {
          float value = readFloat(x->data() + index * spec.inBytes(), spec.inBytes());
          floatSum += double(value) * floatWeights[weight];
          magnitude += std::abs(double(value) * floatWeights[weight]);
        } else {
          sum += (int64_t(x->data()[index]) - zeroOf(b)) * weights[weight];
        }
      }
  return spec.isFloat ? floatSum : double(sum);
}

void Run::expectElement(int64_t b, int64_t y, int64_t px, int64_t column) {
  double magnitude;
  double sum = sumAt(b, y, px, column, magnitude);
  int64_t index = outIndex(b, y, px, column);
  if (spec.epilogue.output == Output::I32) {
    int32_t value = int32_t(sum);
    std::memcpy(&expected[index * 4], &value, 4);
    return;
  }
  const Place &r = spec.residual;
  int64_t residualIndex = r.offset + b * r.image + y * r.row + px * r.pixel + column;
  const uint8_t *residualData = layer.inPlace ? outBefore.data() : residual->data();
  float residualValue = 0;
  if (spec.epilogue.output == Output::U8)
    residualValue = residualData[residualIndex];
  else if (spec.epilogue.hasResidual())
    residualValue = readFloat(residualData + residualIndex * outBytes(layer), outBytes(layer));
  float scale = imageScales[size_t(b) * size_t(spec.epilogue.bytesOfImage() / 4)],
        factor = multiplier[column];
  if (spec.epilogue.imageZeros) {
    factor *= scale;
    scale = 1;
  }
  float t = spec.isFloat ? float(sum) : float(int32_t(sum)) * factor;
  t = applySteps(t, residualValue, column, spec.epilogue, layer.values, scale);
  if (spec.epilogue.output == Output::U8) {
    expected[index] = toU8(t, spec.epilogue, layer.values, table);
  } else {
    writeFloat(&expected[index * outBytes(layer)], t, outBytes(layer));
    tolerance[index] = spec.isFloat ? float(2e-6 * (magnitude + 1)) : 0;
    if (spec.epilogue.output == Output::BF16) // a sum a little off may round to the neighbour
      tolerance[index] += spec.isFloat ? std::abs(t) / 128 : 0;
  }
}

void Run::computeExpected() {
  expected = outBefore;
  tolerance.assign(expected.size() / outBytes(layer) + 1, 0);
  for (int64_t b = 0; b < spec.batch; ++b)
    for (int64_t y = 0; y < spec.outH; ++y)
      for (int64_t px = 0; px < spec.outW; ++px)
        for (int64_t column = 0; column < spec.outChannels(); ++column)
          expectElement(b, y, px, column);
}

/// Disjoint ranges in a strange order, as threads might run them.
void Run::runRanges(KernelRunner &runner, size_t kernel, int pieces) {
  std::memcpy(out->data(), outBefore.data(), outBefore.size());
  std::vector<void *> pointers = {x->data(), packedWeights.data(), packedParams.data()};
  // The blobs want an alignment that vectors do not promise.
  GuardedBuffer alignedWeights(llvm::alignTo(packedWeights.size(), 64));
  GuardedBuffer alignedParams(llvm::alignTo(packedParams.size(), 64));
  std::memcpy(alignedWeights.data(), packedWeights.data(), packedWeights.size());
  std::memcpy(alignedParams.data(), packedParams.data(), packedParams.size());
  pointers[1] = alignedWeights.data();
  pointers[2] = alignedParams.data();
  GuardedBuffer alignedTable(256);
  std::memcpy(alignedTable.data(), table, 256);
  GuardedBuffer scales(imageScales.size() * sizeof(float));
  std::memcpy(scales.data(), imageScales.data(), scales.size());
  if (spec.epilogue.scalesImages())
    pointers.push_back(scales.data());
  if (spec.epilogue.hasResidual())
    pointers.push_back(layer.inPlace ? out->data() : residual->data());
  if (spec.epilogue.table)
    pointers.push_back(alignedTable.data());
  pointers.push_back(out->data());
  int64_t units = layer.depthwise ? depthwiseUnits(toDepthwise(spec)) : gemmUnits(spec);
  for (int piece = pieces - 1; piece >= 0; --piece)
    runner.call(kernel, pointers, units * piece / pieces, units * (piece + 1) / pieces);
}

bool Run::equal(int64_t index) const {
  size_t size = outBytes(layer);
  const uint8_t *got = out->data() + index * size, *want = expected.data() + index * size;
  if (std::memcmp(got, want, size) == 0)
    return true;
  if (spec.epilogue.output != Output::F32 && spec.epilogue.output != Output::BF16)
    return false;
  float a = readFloat(got, size), b = readFloat(want, size);
  // Zeros of both signs are equal; NaNs (of padding) are not looked at here.
  return a == b || std::abs(a - b) <= tolerance[index];
}

std::string Run::show(const uint8_t *buffer, int64_t index) const {
  if (spec.epilogue.output == Output::U8)
    return std::to_string(buffer[index]);
  if (spec.epilogue.output == Output::I32) {
    int32_t value;
    std::memcpy(&value, buffer + index * 4, 4);
    return std::to_string(value);
  }
  return std::to_string(readFloat(buffer + index * outBytes(layer), outBytes(layer)));
}

std::string Run::neighbourhood(int64_t b, int64_t y, int64_t px, int64_t column) {
  std::ostringstream text;
  for (int64_t p = std::max<int64_t>(0, px - 1); p <= std::min(spec.outW - 1, px + 1); ++p) {
    text << "    pixel " << p << ":";
    for (int64_t c = std::max<int64_t>(0, column - 4); c <= std::min(spec.outChannels() - 1, column + 4);
         ++c) {
      int64_t index = outIndex(b, y, p, c);
      text << " " << show(expected.data(), index) << "/" << show(out->data(), index);
    }
    text << "\n";
  }
  return text.str();
}

std::string Run::difference() {
  std::ostringstream text;
  int64_t wrong = 0;
  std::map<int64_t, int64_t> wrongColumns;
  for (int64_t b = 0; b < spec.batch; ++b)
    for (int64_t y = 0; y < spec.outH; ++y)
      for (int64_t px = 0; px < spec.outW; ++px)
        for (int64_t column = 0; column < spec.outChannels(); ++column) {
          int64_t index = outIndex(b, y, px, column);
          if (equal(index))
            continue;
          ++wrongColumns[column];
          if (wrong++ == 0)
            text << "  first at image " << b << ", row " << y << ", pixel " << px << ", channel " << column
                 << ": expected " << show(expected.data(), index) << ", got " << show(out->data(), index)
                 << "\n  expected/got around it:\n"
                 << neighbourhood(b, y, px, column);
        }
  if (wrong) {
    text << "  " << wrong << " wrong, in channels";
    for (auto [column, count] : wrongColumns)
      text << " " << column << "(" << count << ")";
    return text.str() + "\n";
  }
  // Outside of the elements: compare bytes, with the (checked) elements as they are.
  std::vector<uint8_t> rest(out->data(), out->data() + out->size());
  for (int64_t b = 0; b < spec.batch; ++b)
    for (int64_t y = 0; y < spec.outH; ++y)
      for (int64_t px = 0; px < spec.outW; ++px) {
        int64_t index = outIndex(b, y, px, 0) * outBytes(layer);
        std::memcpy(&rest[index], &outBefore[index], spec.outChannels() * outBytes(layer));
      }
  for (size_t i = 0; i < rest.size(); ++i)
    if (rest[i] != outBefore[i])
      return "  byte " + std::to_string(i) + " of the output buffer is no element and was written\n";
  return "";
}

std::string Run::compare(KernelRunner &runner, size_t kernel) {
  runRanges(runner, kernel, 1);
  std::string text = difference();
  if (!text.empty())
    return layer.name + ": wrong values\n" + text;
  std::vector<uint8_t> whole(out->data(), out->data() + out->size());
  runRanges(runner, kernel, 3);
  if (std::memcmp(whole.data(), out->data(), whole.size()) != 0)
    return layer.name + ": three ranges give other bytes than one\n" + difference();
  return "";
}

} // namespace

void Layer::layOut(int64_t spare) {
  int64_t inChannels = spec.groups * spec.c, outChannels = spec.outChannels();
  int64_t inH = (spec.outH - 1) * spec.strideH + (spec.kernelH - 1) * spec.dilationH + 1;
  int64_t inW = (spec.outW - 1) * spec.strideW + (spec.kernelW - 1) * spec.dilationW + 1;
  spec.x.pixel = inChannels;
  spec.x.row = inW * inChannels;
  spec.x.image = inH * spec.x.row;
  spec.x.offset = 0;
  Place &out = spec.out;
  out.pixel = outChannels + spare;
  out.row = (spec.outW + 2 * border) * out.pixel;
  out.image = (spec.outH + 2 * border) * out.row;
  out.offset = border * (out.row + out.pixel);
  spec.residual = out;
}

mlir::DictionaryAttr Layer::specAttr(mlir::MLIRContext *context) const {
  return depthwise ? toDepthwise(spec).toAttr(context) : spec.toAttr(context);
}

std::string qcc::test::runAndCompare(KernelRunner &runner, size_t kernel, const Layer &layer) {
  return Run(layer).compare(runner, kernel);
}
