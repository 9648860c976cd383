//===- Pack.cpp - Weights and parameters as the kernels read them -----------===//
#include "compiler/kernels/Pack.h"

#include "dialects/reference/Tensor.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"
#include <cassert>
#include <cstring>

using namespace qcc::kernels;

//--- Layout ------------------------------------------------------------------//

Segments qcc::kernels::segmentsOf(const GemmSpec &spec) {
  Segments s;
  bool rowIsContiguous =
      spec.kernelW == 1 || (spec.dilationW == 1 && spec.groups == 1 && spec.x.pixel == spec.c);
  s.outer = spec.kernelH;
  s.inner = rowIsContiguous ? 1 : spec.kernelW;
  s.depth = rowIsContiguous ? spec.kernelW * spec.c : spec.c;
  s.outerStride = spec.dilationH * spec.x.row;
  s.innerStride = spec.dilationW * spec.x.pixel;
  s.steps = llvm::divideCeil(s.depth, spec.isBf16 ? 2 : spec.isFloat ? 1 : 4);
  return s;
}

int64_t qcc::kernels::panelsOf(const GemmSpec &spec) { return llvm::divideCeil(spec.n, panelColumns); }

static int64_t blocksOf(const DepthwiseSpec &spec) { return llvm::divideCeil(spec.channels, blockChannels); }

int64_t qcc::kernels::verticalRows(const DepthwiseSpec &spec) {
  if (spec.kernelH < 3 || spec.kernelH * spec.kernelW > manyTaps)
    return 0;
  return std::min<int64_t>(spec.kernelH, 4);
}

bool qcc::kernels::hasLowerGroups(const DepthwiseSpec &spec) {
  return spec.kernelH == 3 && verticalRows(spec) == 3 && spec.strideH == 1 && spec.dilationH == 1 &&
         !spec.isFloat;
}

std::vector<TapGroup> qcc::kernels::tapGroups(const DepthwiseSpec &spec) {
  std::vector<TapGroup> groups;
  int64_t rows = verticalRows(spec);
  auto addColumns = [&](int64_t firstRow) {
    for (int64_t column = 0; column < spec.kernelW; ++column) {
      TapGroup &group = groups.emplace_back();
      for (int64_t i = 0; i < 4; ++i) {
        int64_t row = firstRow + i;
        group[i] = row >= 0 && row < rows ? row * spec.kernelW + column : -1;
      }
    }
  };
  if (rows > 0)
    addColumns(0);
  int64_t taps = spec.kernelH * spec.kernelW;
  for (int64_t tap = rows * spec.kernelW; tap < taps; tap += 4) {
    TapGroup &group = groups.emplace_back();
    for (int64_t i = 0; i < 4; ++i)
      group[i] = tap + i < taps ? tap + i : -1;
  }
  if (hasLowerGroups(spec))
    addColumns(-1);
  return groups;
}

ParamLayout::ParamLayout(const Epilogue &epilogue, bool isFloat, int64_t columns) {
  int64_t numScalars = 0;
  for (Step step : epilogue.steps)
    numScalars += scalarsOf(step);
  headBytes = (scalars + numScalars) * lineBytes;
  vectorBytes = columns * 4;
  bool scaled = !isFloat && epilogue.output != Output::I32;
  multiplier = vectorBytes;
  steps = multiplier + (scaled ? vectorBytes : 0);
  panelBytes = steps + epilogue.numColumnVectors() * vectorBytes;
}

int64_t qcc::kernels::packedWeightBytes(const GemmSpec &spec) {
  return spec.groups * panelsOf(spec) * segmentsOf(spec).packedSteps() * panelColumns * 4;
}

int64_t qcc::kernels::packedParamBytes(const GemmSpec &spec) {
  ParamLayout layout(spec.epilogue, spec.isFloat, panelColumns);
  return layout.headBytes + spec.groups * panelsOf(spec) * layout.panelBytes;
}

int64_t qcc::kernels::packedWeightBytes(const DepthwiseSpec &spec) {
  int64_t steps = spec.isFloat ? spec.kernelH * spec.kernelW : tapGroups(spec).size();
  return blocksOf(spec) * steps * blockChannels * 4;
}

int64_t qcc::kernels::packedParamBytes(const DepthwiseSpec &spec) {
  ParamLayout layout(spec.epilogue, spec.isFloat, blockChannels);
  return layout.headBytes + blocksOf(spec) * layout.panelBytes;
}

//--- Order of columns --------------------------------------------------------//

/// The slot of a column among `vectors` interleaved vectors of 64 bytes: 128-bit lane L of vector j
/// holds columns 4 * vectors * L + 4j .. + 3, which saturating packs put back in order.
static int64_t interleavedSlot(int64_t column, int64_t vectors) {
  int64_t lane = column / (4 * vectors), vector = column % (4 * vectors) / 4, element = column % 4;
  return vector * 16 + lane * 4 + element;
}

static int64_t gemmSlot(int64_t column, bool isFloat) {
  return isFloat ? column : interleavedSlot(column, 2);
}
static int64_t depthwiseSlot(int64_t channel, bool isFloat) {
  return isFloat ? channel : interleavedSlot(channel, 4);
}

//--- Weights -----------------------------------------------------------------//

template <typename T> static Bytes packGemmWeights(const GemmSpec &spec, llvm::ArrayRef<T> weights) {
  assert(spec.inBytes() == sizeof(T));
  assert(int64_t(weights.size()) == spec.groups * spec.n * spec.kernelH * spec.kernelW * spec.c);
  Segments segments = segmentsOf(spec);
  constexpr int64_t perStep = 4 / sizeof(T);
  int64_t stepElements = panelColumns * perStep;
  Bytes bytes(packedWeightBytes(spec));
  T *packed = reinterpret_cast<T *>(bytes.data());
  int64_t panelElements = segments.packedSteps() * stepElements;
  const T *source = weights.data();
  for (int64_t group = 0; group < spec.groups; ++group)
    for (int64_t column = 0; column < spec.n; ++column) {
      int64_t panel = group * panelsOf(spec) + column / panelColumns;
      T *target = packed + panel * panelElements + gemmSlot(column % panelColumns, spec.isFloat) * perStep;
      for (int64_t segment = 0; segment < segments.outer * segments.inner; ++segment)
        for (int64_t depth = 0; depth < segments.depth; ++depth)
          target[(segment * segments.steps + depth / perStep) * stepElements + depth % perStep] = *source++;
    }
  return bytes;
}

Bytes qcc::kernels::packWeights(const GemmSpec &spec, llvm::ArrayRef<int8_t> weights) {
  return packGemmWeights(spec, weights);
}
Bytes qcc::kernels::packWeights(const GemmSpec &spec, llvm::ArrayRef<float> weights) {
  if (!spec.isBf16)
    return packGemmWeights(spec, weights);
  std::vector<uint16_t> rounded(weights.size());
  llvm::transform(weights, rounded.begin(), reference::floatToBfloat);
  return packGemmWeights(spec, llvm::ArrayRef<uint16_t>(rounded));
}

Bytes qcc::kernels::packWeights(const DepthwiseSpec &spec, llvm::ArrayRef<int8_t> weights) {
  std::vector<TapGroup> groups = tapGroups(spec);
  int64_t taps = spec.kernelH * spec.kernelW, blockBytes = groups.size() * blockChannels * 4;
  Bytes bytes(packedWeightBytes(spec));
  for (int64_t channel = 0; channel < spec.channels; ++channel)
    for (size_t group = 0; group < groups.size(); ++group)
      for (int64_t i = 0; i < 4; ++i)
        if (groups[group][i] >= 0)
          bytes[channel / blockChannels * blockBytes + group * blockChannels * 4 +
                depthwiseSlot(channel % blockChannels, false) * 4 + i] =
              weights[channel * taps + groups[group][i]];
  return bytes;
}

Bytes qcc::kernels::packWeights(const DepthwiseSpec &spec, llvm::ArrayRef<float> weights) {
  int64_t taps = spec.kernelH * spec.kernelW;
  Bytes bytes(packedWeightBytes(spec));
  float *packed = reinterpret_cast<float *>(bytes.data());
  for (int64_t channel = 0; channel < spec.channels; ++channel)
    for (int64_t tap = 0; tap < taps; ++tap)
      packed[(channel / blockChannels * taps + tap) * blockChannels + channel % blockChannels] =
          weights[channel * taps + tap];
  return bytes;
}

std::vector<int32_t> qcc::kernels::foldZeroPoint(llvm::ArrayRef<int32_t> bias, llvm::ArrayRef<int8_t> weights,
                                                 int64_t depth, int32_t zeroPoint) {
  std::vector<int32_t> folded(bias.size());
  for (size_t column = 0; column < bias.size(); ++column) {
    uint32_t sum = 0;
    for (int8_t weight : weights.slice(column * depth, depth))
      sum += static_cast<uint32_t>(weight);
    folded[column] =
        static_cast<int32_t>(static_cast<uint32_t>(bias[column]) - static_cast<uint32_t>(zeroPoint) * sum);
  }
  return folded;
}

//--- Parameters --------------------------------------------------------------//

template <typename T> static void fillLine(Bytes &bytes, int64_t line, T value) {
  for (size_t i = 0; i < lineBytes / sizeof(T); ++i)
    std::memcpy(&bytes[line * lineBytes + i * sizeof(T)], &value, sizeof(T));
}

static void fillHead(Bytes &bytes, const Epilogue &epilogue, const EpilogueValues &values) {
  fillLine<int16_t>(bytes, ParamLayout::zeroPoint, values.zeroPoint);
  fillLine<uint8_t>(bytes, ParamLayout::low, values.low);
  fillLine<uint8_t>(bytes, ParamLayout::high, values.high);
  fillLine<float>(bytes, ParamLayout::boundLow, -values.zeroPoint);
  fillLine<float>(bytes, ParamLayout::boundHigh, 255 - values.zeroPoint);
  size_t index = 0;
  for (Step step : epilogue.steps)
    for (unsigned i = 0; i < scalarsOf(step); ++i, ++index) {
      bool residualZero = step == Step::Residual && i == 0 && epilogue.output == Output::U8;
      fillLine<float>(bytes, ParamLayout::scalars + index,
                      values.scalars[index] + (residualZero ? residualOffset : 0));
    }
}

namespace {
/// Where the values of a column go: its panel, and its slot there.
struct ColumnOrder {
  int64_t columnsOfGroup, panelWidth;
  int64_t (*slot)(int64_t column, bool isFloat);
};
} // namespace

template <typename T>
static Bytes packAllParams(int64_t size, const Epilogue &epilogue, bool isFloat, ColumnOrder order,
                           llvm::ArrayRef<T> bias, llvm::ArrayRef<float> multiplier,
                           const EpilogueValues &values) {
  ParamLayout layout(epilogue, isFloat, order.panelWidth);
  Bytes bytes(size);
  fillHead(bytes, epilogue, values);
  int64_t panelsOfGroup = llvm::divideCeil(order.columnsOfGroup, order.panelWidth);
  auto scatter = [&](auto column, int64_t offset) {
    for (size_t i = 0; i < column.size(); ++i) {
      int64_t group = i / order.columnsOfGroup, inGroup = i % order.columnsOfGroup;
      int64_t panel = group * panelsOfGroup + inGroup / order.panelWidth;
      int64_t slot = order.slot(inGroup % order.panelWidth, isFloat);
      std::memcpy(&bytes[layout.headBytes + panel * layout.panelBytes + offset + slot * 4], &column[i], 4);
    }
  };
  scatter(bias, 0);
  if (layout.steps != layout.multiplier)
    scatter(multiplier, layout.multiplier);
  for (size_t i = 0; i < values.columns.size(); ++i)
    scatter(llvm::ArrayRef<float>(values.columns[i]), layout.steps + i * layout.vectorBytes);
  return bytes;
}

static ColumnOrder orderOf(const GemmSpec &spec) { return {spec.n, panelColumns, gemmSlot}; }
static ColumnOrder orderOf(const DepthwiseSpec &spec) {
  return {spec.channels, blockChannels, depthwiseSlot};
}

Bytes qcc::kernels::packParams(const GemmSpec &spec, llvm::ArrayRef<int32_t> bias,
                               llvm::ArrayRef<float> multiplier, const EpilogueValues &values) {
  return packAllParams(packedParamBytes(spec), spec.epilogue, false, orderOf(spec), bias, multiplier, values);
}
Bytes qcc::kernels::packParams(const DepthwiseSpec &spec, llvm::ArrayRef<int32_t> bias,
                               llvm::ArrayRef<float> multiplier, const EpilogueValues &values) {
  return packAllParams(packedParamBytes(spec), spec.epilogue, false, orderOf(spec), bias, multiplier, values);
}
Bytes qcc::kernels::packParams(const GemmSpec &spec, llvm::ArrayRef<float> bias,
                               const EpilogueValues &values) {
  return packAllParams(packedParamBytes(spec), spec.epilogue, true, orderOf(spec), bias, {}, values);
}
Bytes qcc::kernels::packParams(const DepthwiseSpec &spec, llvm::ArrayRef<float> bias,
                               const EpilogueValues &values) {
  return packAllParams(packedParamBytes(spec), spec.epilogue, true, orderOf(spec), bias, {}, values);
}
