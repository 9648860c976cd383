//===- Pack.cpp - Weights and parameters as the kernels read them -----------===//
#include "compiler/kernels/gemm/Pack.h"

#include "compiler/kernels/gpu/Gpu.h"
#include "compiler/target/ByteTile.h"
#include "dialects/reference/Tensor.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"
#include <cassert>
#include <cstring>

using namespace qcc::kernels;
using qcc::target::ByteTile;
using qcc::target::Half;
using qcc::target::Packing;

//--- Layout ------------------------------------------------------------------//

/// Depth of a packed step.
static int64_t stepDepth(const GemmSpec &spec) {
  if (spec.nibbles)
    return 8;
  bool isRows = spec.packing == Packing::Rows;
  if (isRows ? !gpu::hasLines(spec) : spec.isFloat && !spec.isBf16)
    return 1;
  return ByteTile::depthOf(spec.packing) / spec.inBytes();
}

Segments qcc::kernels::segmentsOf(const GemmSpec &spec) {
  Segments s;
  bool rowIsContiguous =
      spec.kernelW == 1 || (spec.dilationW == 1 && spec.groups == 1 && spec.x.pixel == spec.c);
  s.outer = spec.kernelH;
  s.inner = rowIsContiguous ? 1 : spec.kernelW;
  s.depth = rowIsContiguous ? spec.kernelW * spec.c : spec.c;
  s.outerStride = spec.dilationH * spec.x.row;
  s.innerStride = spec.dilationW * spec.x.pixel;
  s.steps = llvm::divideCeil(s.depth, stepDepth(spec));
  s.tail = spec.isBf16 ? s.depth % stepDepth(spec) : 0;
  if (spec.nibbles)
    s.multiple = groupDepth / stepDepth(spec);
  else if (spec.packing == Packing::Rows && gpu::hasLines(spec))
    s.multiple = gpu::lineDepth / ByteTile::depthOf(spec.packing);
  return s;
}

int64_t qcc::kernels::weightBytesOf(const GemmSpec &spec) {
  return spec.byteWeights ? 1 : spec.halfWeights != Half::None ? 2 : spec.inBytes();
}

int64_t qcc::kernels::panelStepBytes(const GemmSpec &spec) {
  if (spec.nibbles) // with its part of the scales
    return spec.nibbles->groupBytes() / segmentsOf(spec).multiple;
  return panelColumns * stepDepth(spec) * weightBytesOf(spec);
}

int64_t qcc::kernels::panelBytes(const GemmSpec &spec) {
  return segmentsOf(spec).packedSteps() * panelStepBytes(spec);
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

ParamLayout::ParamLayout(const Epilogue &epilogue, bool isFloat, Packing packing, int64_t columns) {
  int64_t numScalars = 0;
  for (Step step : epilogue.steps)
    numScalars += scalarsOf(step);
  headBytes = (scalars + numScalars) * lineBytes;
  vectorBytes = columns * 4;
  bool scaled = !isFloat && epilogue.output != Output::I32;
  multiplier = vectorBytes;
  columnSums = multiplier + (scaled ? vectorBytes : 0);
  steps = columnSums + (epilogue.needsColumnSums() ? vectorBytes : 0);
  shift = steps + epilogue.numColumnVectors() * vectorBytes;
  panelBytes = shift + (!isFloat && packing == Packing::Pairs ? vectorBytes : 0);
}

int64_t qcc::kernels::packedWeightBytes(const GemmSpec &spec) {
  return spec.groups * panelsOf(spec) * panelBytes(spec);
}

int64_t qcc::kernels::packedParamBytes(const GemmSpec &spec) {
  ParamLayout layout(spec.epilogue, spec.hasFloatSums(), spec.packing, panelColumns);
  return layout.headBytes + spec.groups * panelsOf(spec) * layout.panelBytes;
}

int64_t qcc::kernels::packedWeightBytes(const DepthwiseSpec &spec) {
  if (!spec.isFloat && spec.packing == Packing::Rows)
    return blocksOf(spec) * spec.kernelH * spec.kernelW * blockChannels;
  int64_t steps = spec.isFloat ? spec.kernelH * spec.kernelW : tapGroups(spec).size();
  return blocksOf(spec) * steps * blockChannels * (spec.byteWeights ? 1 : 4);
}

int64_t qcc::kernels::packedParamBytes(const DepthwiseSpec &spec) {
  ParamLayout layout(spec.epilogue, spec.isFloat, spec.packing, blockChannels);
  return layout.headBytes + blocksOf(spec) * layout.panelBytes;
}

//--- Order of columns --------------------------------------------------------//

/// The slot of a column among `vectors` interleaved vectors of 64 bytes: 128-bit lane L of vector j
/// holds columns 4 * vectors * L + 4j .. + 3, which saturating packs put back in order.
static int64_t interleavedSlot(int64_t column, int64_t vectors) {
  int64_t lane = column / (4 * vectors), vector = column % (4 * vectors) / 4, element = column % 4;
  return vector * 16 + lane * 4 + element;
}

static int64_t naturalSlot(int64_t column) { return column; }
static int64_t gemmSlot(int64_t column) { return interleavedSlot(column, 2); }
static int64_t depthwiseSlot(int64_t channel) { return interleavedSlot(channel, 4); }

using Slot = int64_t (*)(int64_t column);
static Slot slotsOf(const GemmSpec &spec) {
  return spec.hasFloatSums() || spec.packing != Packing::Quads ? naturalSlot : gemmSlot;
}
static Slot slotsOf(const DepthwiseSpec &spec) {
  return spec.isFloat || spec.packing == Packing::Rows ? naturalSlot : depthwiseSlot;
}

//--- Weights -----------------------------------------------------------------//

template <typename T> static Bytes packGemmWeights(const GemmSpec &spec, llvm::ArrayRef<T> weights) {
  assert(weightBytesOf(spec) == sizeof(T));
  assert(int64_t(weights.size()) == spec.groups * spec.n * spec.kernelH * spec.kernelW * spec.c);
  if (spec.packing == Packing::Rows && gpu::hasLines(spec))
    return gpu::packRows(spec, weights);
  Segments segments = segmentsOf(spec);
  int64_t perStep = stepDepth(spec);
  int64_t stepElements = panelColumns * perStep;
  Slot slot = slotsOf(spec);
  Bytes bytes(packedWeightBytes(spec));
  T *packed = reinterpret_cast<T *>(bytes.data());
  int64_t panelElements = segments.packedSteps() * stepElements;
  const T *source = weights.data();
  for (int64_t group = 0; group < spec.groups; ++group)
    for (int64_t column = 0; column < spec.n; ++column) {
      int64_t panel = group * panelsOf(spec) + column / panelColumns;
      T *target = packed + panel * panelElements + slot(column % panelColumns) * perStep;
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
  if (!spec.isBf16 && spec.halfWeights == Half::None)
    return packGemmWeights(spec, weights);
  std::vector<uint16_t> rounded(weights.size());
  llvm::transform(weights, rounded.begin(),
                  spec.halfWeights == Half::F16 ? reference::floatToHalf : reference::floatToBfloat);
  return packGemmWeights(spec, llvm::ArrayRef<uint16_t>(rounded));
}

/// One tap after the other, channels in order.
template <typename T> static Bytes packTaps(const DepthwiseSpec &spec, llvm::ArrayRef<T> weights) {
  int64_t taps = spec.kernelH * spec.kernelW;
  Bytes bytes(packedWeightBytes(spec));
  T *packed = reinterpret_cast<T *>(bytes.data());
  for (int64_t channel = 0; channel < spec.channels; ++channel)
    for (int64_t tap = 0; tap < taps; ++tap)
      packed[(channel / blockChannels * taps + tap) * blockChannels + channel % blockChannels] =
          weights[channel * taps + tap];
  return bytes;
}

Bytes qcc::kernels::packWeights(const DepthwiseSpec &spec, llvm::ArrayRef<int8_t> weights) {
  if (spec.byteWeights || spec.packing == Packing::Rows)
    return packTaps(spec, weights);
  std::vector<TapGroup> groups = tapGroups(spec);
  int64_t taps = spec.kernelH * spec.kernelW, blockBytes = groups.size() * blockChannels * 4;
  Bytes bytes(packedWeightBytes(spec));
  for (int64_t channel = 0; channel < spec.channels; ++channel)
    for (size_t group = 0; group < groups.size(); ++group)
      for (int64_t i = 0; i < 4; ++i)
        if (groups[group][i] >= 0)
          bytes[channel / blockChannels * blockBytes + group * blockChannels * 4 +
                depthwiseSlot(channel % blockChannels) * 4 + i] = weights[channel * taps + groups[group][i]];
  return bytes;
}

Bytes qcc::kernels::packWeights(const DepthwiseSpec &spec, llvm::ArrayRef<float> weights) {
  return packTaps(spec, weights);
}

/// bias - zeroPoint * sum(weights of the column), modulo 2^32: the sum that starts from it is right
/// whenever the true one fits (q4), whatever happens on the way.
static std::vector<int32_t> foldZeroPoint(llvm::ArrayRef<int32_t> bias, llvm::ArrayRef<int8_t> weights,
                                          int32_t zeroPoint) {
  std::vector<int32_t> folded(bias.size());
  size_t depth = weights.size() / bias.size();
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
/// The column vectors of the parameters, one after the other.
class ColumnWriter {
public:
  template <typename Spec>
  ColumnWriter(Bytes &bytes, const Spec &spec, bool floatSums, int64_t columnsOfGroup, int64_t panelWidth)
      : bytes(bytes), layout(spec.epilogue, floatSums, spec.packing, panelWidth), slot(slotsOf(spec)),
        columnsOfGroup(columnsOfGroup), panelWidth(panelWidth) {}

  template <typename T> void write(llvm::ArrayRef<T> column, int64_t offset) {
    int64_t panelsOfGroup = llvm::divideCeil(columnsOfGroup, panelWidth);
    for (size_t i = 0; i < column.size(); ++i) {
      int64_t group = i / columnsOfGroup, inGroup = i % columnsOfGroup;
      int64_t panel = group * panelsOfGroup + inGroup / panelWidth;
      int64_t place = layout.headBytes + panel * layout.panelBytes + offset + slot(inGroup % panelWidth) * 4;
      std::memcpy(&bytes[place], &column[i], 4);
    }
  }

  void writeSteps(const EpilogueValues &values) {
    for (size_t i = 0; i < values.columns.size(); ++i)
      write(llvm::ArrayRef<float>(values.columns[i]), layout.steps + i * layout.vectorBytes);
  }

  const ParamLayout &places() const { return layout; }

private:
  Bytes &bytes;
  ParamLayout layout;
  Slot slot;
  int64_t columnsOfGroup, panelWidth;
};

ColumnWriter columnsOf(const GemmSpec &spec, Bytes &bytes) {
  return ColumnWriter(bytes, spec, spec.hasFloatSums(), spec.n, panelColumns);
}
ColumnWriter columnsOf(const DepthwiseSpec &spec, Bytes &bytes) {
  return ColumnWriter(bytes, spec, spec.isFloat, spec.channels, blockChannels);
}

template <typename Spec>
Bytes packByteParams(const Spec &spec, llvm::ArrayRef<int32_t> bias, llvm::ArrayRef<int8_t> weights,
                     int32_t zeroPoint, llvm::ArrayRef<float> multiplier, const EpilogueValues &values) {
  Bytes bytes(packedParamBytes(spec));
  fillHead(bytes, spec.epilogue, values);
  ColumnWriter columns = columnsOf(spec, bytes);
  columns.write(llvm::ArrayRef<int32_t>(foldZeroPoint(bias, weights, zeroPoint)), 0);
  if (spec.epilogue.output != Output::I32)
    columns.write(multiplier, columns.places().multiplier);
  std::vector<int32_t> none(bias.size());
  if (spec.epilogue.needsColumnSums()) // 0 - (-1) * sum
    columns.write(llvm::ArrayRef<int32_t>(foldZeroPoint(none, weights, -1)), columns.places().columnSums);
  columns.writeSteps(values);
  if (spec.packing == Packing::Pairs)
    columns.write(llvm::ArrayRef<int32_t>(foldZeroPoint(none, weights, -128)), columns.places().shift);
  return bytes;
}

template <typename Spec>
Bytes packFloatParams(const Spec &spec, llvm::ArrayRef<float> bias, const EpilogueValues &values) {
  Bytes bytes(packedParamBytes(spec));
  fillHead(bytes, spec.epilogue, values);
  ColumnWriter columns = columnsOf(spec, bytes);
  columns.write(bias, 0);
  columns.writeSteps(values);
  return bytes;
}
} // namespace

Bytes qcc::kernels::packParams(const GemmSpec &spec, llvm::ArrayRef<int32_t> bias,
                               llvm::ArrayRef<int8_t> weights, int32_t zeroPoint,
                               llvm::ArrayRef<float> multiplier, const EpilogueValues &values) {
  return packByteParams(spec, bias, weights, zeroPoint, multiplier, values);
}
Bytes qcc::kernels::packParams(const DepthwiseSpec &spec, llvm::ArrayRef<int32_t> bias,
                               llvm::ArrayRef<int8_t> weights, int32_t zeroPoint,
                               llvm::ArrayRef<float> multiplier, const EpilogueValues &values) {
  return packByteParams(spec, bias, weights, zeroPoint, multiplier, values);
}
Bytes qcc::kernels::packParams(const GemmSpec &spec, llvm::ArrayRef<float> bias,
                               const EpilogueValues &values) {
  return packFloatParams(spec, bias, values);
}
Bytes qcc::kernels::packParams(const DepthwiseSpec &spec, llvm::ArrayRef<float> bias,
                               const EpilogueValues &values) {
  return packFloatParams(spec, bias, values);
}

Bytes qcc::kernels::packWeights(const GemmSpec &spec, const NibbleWeights &weights) {
  return packNibbles(*spec.nibbles, weights, panelsOf(spec), [&](int64_t panel, int64_t i) {
    int64_t column = panel * panelColumns + i;
    return column < spec.n ? column : -1;
  });
}

Bytes qcc::kernels::packParams(const GemmSpec &spec, const NibbleWeights &weights,
                               const EpilogueValues &values) {
  Bytes bytes(packedParamBytes(spec));
  fillHead(bytes, spec.epilogue, values);
  ColumnWriter columns = columnsOf(spec, bytes);
  if (spec.epilogue.rows)
    columns.write(llvm::ArrayRef<float>(nibbleColumnSums(weights)), columns.places().columnSums);
  columns.writeSteps(values);
  return bytes;
}
