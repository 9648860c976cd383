//===- Layers.cpp - What is compared with the reference ---------------------===//
#include "test/kernels/Layers.h"
#include "compiler/kernels/gemm/Pack.h"

using namespace qcc;
using namespace qcc::kernels;
using namespace qcc::test;

static Layer conv(int64_t c, int64_t n, int64_t h, int64_t w, int64_t kernel = 1, int64_t stride = 1,
                  int64_t dilation = 1, int64_t groups = 1) {
  Layer layer;
  GemmSpec &s = layer.spec;
  s.c = c;
  s.n = n;
  s.groups = groups;
  s.outH = h;
  s.outW = w;
  s.kernelH = s.kernelW = kernel;
  s.strideH = s.strideW = stride;
  s.dilationH = s.dilationW = dilation;
  layer.values.zeroPoint = 100;
  layer.name = std::to_string(groups) + " x " + std::to_string(c) + " -> " + std::to_string(n) + ", " +
               std::to_string(h) + " x " + std::to_string(w) + ", kernel " + std::to_string(kernel) +
               ", stride " + std::to_string(stride) + ", dilation " + std::to_string(dilation);
  layer.layOut();
  return layer;
}

static Layer floatConv(Layer layer) {
  layer.name += ", f32";
  layer.spec.isFloat = true;
  layer.spec.epilogue.output = Output::F32;
  return layer;
}

static Layer bf16Conv(Layer layer) {
  layer = floatConv(layer);
  layer.name += " of bf16";
  layer.spec.isBf16 = true;
  return layer;
}

std::vector<Layer> qcc::test::shapes() {
  std::vector<Layer> layers;
  for (int64_t c : {1, 3, 8, 16, 24, 40})
    for (int64_t n : {1, 8, 16, 24, 32, 33, 64, 100}) {
      // Widths take turns so that each meets several channel counts.
      int64_t widths[] = {1, 5, 7, 13, 14, 28, 56, 11, 8};
      int64_t width = widths[layers.size() % 9];
      layers.push_back(conv(c, n, 2, width));
    }
  for (int64_t width : {1, 2, 5, 6, 7, 8, 9, 10, 11, 13, 14, 15, 20, 28})
    layers.push_back(conv(12, 40, 2, width));
  for (int64_t kernel : {3, 5, 7})
    for (int64_t stride : {1, 2})
      for (int64_t c : {1, 3, 16})
        layers.push_back(conv(c, 33, 5, 7, kernel, stride));
  for (int64_t groups : {2, 4})
    for (int64_t kernel : {1, 3})
      layers.push_back(conv(6, 20, 4, 7, kernel, 1, 1, groups));
  layers.push_back(conv(16, 40, 5, 9, 3, 1, 2));
  layers.push_back(conv(3, 16, 5, 9, 3, 2, 3));
  layers.push_back(conv(1, 2, 6, 6, 3, 1, 1, 10)); // a channel multiplier
  layers.push_back(conv(96, 64, 4, 14));
  layers.push_back(conv(64, 96, 7, 7, 3));
  layers.push_back(conv(257, 1000, 1, 1)); // fully connected
  layers.push_back(conv(64, 300, 1, 3));
  return layers;
}

/// Places that are not dense, images that are many.
std::vector<Layer> qcc::test::places() {
  std::vector<Layer> layers;
  for (int64_t batch : {1, 3})
    for (int64_t border : {0, 2})
      for (int64_t spare : {0, 5}) {
        Layer layer = conv(24, 40, 3, 5, batch == 1 ? 1 : 3);
        layer.name += ", batch " + std::to_string(batch) + ", border " + std::to_string(border) + ", spare " +
                      std::to_string(spare);
        layer.spec.batch = batch;
        layer.border = border;
        layer.layOut(spare);
        layers.push_back(layer);
      }
  Layer slice = conv(8, 16, 3, 5, 3); // input pixels further apart than their channels
  slice.spec.x = {4, 5 * 7 * 20, 7 * 20, 20};
  slice.name += ", slice of pixels";
  layers.push_back(slice);
  return layers;
}

namespace {
struct NamedEpilogue {
  std::string name;
  Epilogue form;
  EpilogueValues values;
};
} // namespace

static std::vector<NamedEpilogue> u8Epilogues() {
  std::vector<NamedEpilogue> all;
  auto add = [&](std::string name, llvm::SmallVector<Step> steps,
                 llvm::SmallVector<float> scalars) -> NamedEpilogue & {
    NamedEpilogue &e = all.emplace_back();
    e.name = name;
    e.form.steps = steps;
    e.values.scalars = scalars;
    e.values.zeroPoint = 100;
    return e;
  };
  add("plain", {}, {});
  add("zero point 0", {}, {}).values.zeroPoint = 0;
  add("zero point 255", {}, {}).values.zeroPoint = 255;
  NamedEpilogue &clamp = add("clamp", {}, {});
  clamp.form.clampLow = clamp.form.clampHigh = true;
  clamp.values.low = 90;
  clamp.values.high = 140;
  add("table", {}, {}).form.table = true;
  NamedEpilogue &both = add("clamp and table", {}, {});
  both.form.clampLow = both.form.table = true;
  both.values.low = 100;
  add("unproven bound", {}, {}).form.bounded = false;
  add("residual", {Step::Residual}, {117, 0.43f});
  add("residual of a rounded sum", {Step::RoundClamp, Step::Mul, Step::Residual},
      {-100, 155, 0.7f, 3, 0.25f});
  NamedEpilogue &relu = add("residual, relu, table", {Step::Residual}, {117, 0.43f});
  relu.form.clampLow = relu.form.table = true;
  relu.values.low = 100;
  add("hard swish", {Step::HardSwish, Step::Mul}, {1 / 6.0f, 0.5f, 3.0f});
  add("hard sigmoid", {Step::HardSigmoid, Step::Mul}, {0.05f, 0.5f, 120.0f});
  add("leaky relu", {Step::LeakyRelu}, {0.1f});
  add("prelu", {Step::PRelu}, {});
  add("scale and shift", {Step::Mul, Step::Add, Step::Max, Step::Min, Step::Mul}, {1.3f, 4.5f, -30, 31, 2});
  add("columns", {Step::MulColumn, Step::AddColumn}, {});
  add("bias, relu, residual", {Step::AddColumn, Step::Max, Step::Residual, Step::Max}, {0, 117, 0.43f, 3});
  return all;
}

static std::vector<NamedEpilogue> f32Epilogues() {
  std::vector<NamedEpilogue> all;
  auto add = [&](std::string name, llvm::SmallVector<Step> steps, llvm::SmallVector<float> scalars) {
    NamedEpilogue &e = all.emplace_back();
    e.name = name;
    e.form.output = Output::F32;
    e.form.steps = steps;
    e.values.scalars = scalars;
  };
  add("f32 plain", {}, {});
  add("f32 bias", {Step::AddColumn}, {});
  add("f32 clip", {Step::Max, Step::Min}, {-0.5f, 1.0f});
  add("f32 residual, relu", {Step::Residual, Step::Max}, {0, 0, 0});
  add("f32 hard swish", {Step::HardSwish}, {1 / 6.0f, 0.5f});
  add("f32 prelu", {Step::PRelu}, {});
  return all;
}

/// What writes f32, writing bf16.
static std::vector<NamedEpilogue> bf16Epilogues() {
  auto all = f32Epilogues();
  for (NamedEpilogue &e : all) {
    e.form.output = Output::BF16;
    e.name += " to bf16";
  }
  return all;
}

static void setEpilogue(Layer &layer, const NamedEpilogue &e) {
  layer.name += ", " + e.name;
  layer.spec.epilogue = e.form;
  layer.values = e.values;
  for (unsigned i = 0; i < e.form.numColumnVectors(); ++i) {
    llvm::SmallVector<float> column;
    for (int64_t c = 0; c < layer.spec.outChannels(); ++c)
      column.push_back(0.8f + 0.01f * float(c % 37) - 0.3f * i);
    layer.values.columns.push_back(column);
  }
}

std::vector<Layer> qcc::test::epilogues() {
  std::vector<Layer> layers;
  auto all = u8Epilogues();
  for (const auto &floats : {f32Epilogues(), bf16Epilogues()})
    all.insert(all.end(), floats.begin(), floats.end());
  NamedEpilogue sums;
  sums.name = "i32";
  sums.form.output = Output::I32;
  all.push_back(sums);
  for (const NamedEpilogue &e : all)
    for (auto [n, w] : {std::pair(45, 8), std::pair(32, 2), std::pair(16, 7)}) {
      Layer layer = conv(20, n, 1, w);
      setEpilogue(layer, e);
      layers.push_back(layer);
      if (e.form.hasResidual() && n == 45) {
        layer.inPlace = true;
        layer.name += ", in place";
        layers.push_back(layer);
      }
    }
  return layers;
}

/// Integers whose unit each image has found at run time.
std::vector<Layer> qcc::test::measuredImages() {
  NamedEpilogue plain{"measured", {}, {}};
  plain.form.output = Output::F32;
  plain.form.steps = {Step::MulImage, Step::AddColumn};
  NamedEpilogue residual = plain;
  residual.form.steps.append({Step::Residual, Step::Max});
  residual.values.scalars = {0, 0, 0};
  NamedEpilogue bf16 = plain;
  bf16.form.output = Output::BF16;
  std::vector<Layer> layers;
  for (const NamedEpilogue &e : {plain, residual, bf16})
    for (auto [batch, kernel, border] :
         {std::tuple(1, 1, 0), std::tuple(3, 1, 0), std::tuple(3, 3, 2), std::tuple(2, 1, 1)})
      for (auto [n, groups] : {std::pair(45, 1), std::pair(16, 1), std::pair(20, 2)}) {
        Layer layer = conv(20, n, 3, 5, kernel, 1, 1, groups);
        layer.name += ", batch " + std::to_string(batch);
        layer.spec.batch = batch;
        layer.border = border;
        layer.layOut();
        setEpilogue(layer, e);
        layers.push_back(layer);
      }
  return layers;
}

/// The same, and each image has found its zero point as well. Depthwise ones, too.
std::vector<Layer> qcc::test::measuredZeros() {
  std::vector<Layer> layers = measuredImages();
  for (Layer &layer : layers)
    layer.spec.epilogue.imageZeros = true;
  NamedEpilogue measured{"measured", {}, {}};
  measured.form.output = Output::F32;
  measured.form.steps = {Step::MulImage, Step::AddColumn};
  measured.form.imageZeros = true;
  for (auto [channels, kernel, stride, batch] : {std::tuple(130, 3, 1, 2), std::tuple(64, 3, 2, 1),
                                                 std::tuple(40, 5, 1, 3), std::tuple(16, 2, 1, 1)}) {
    Layer layer = conv(1, 1, 5, 9, kernel, stride, 1, channels);
    layer.depthwise = true;
    layer.spec.batch = batch;
    layer.layOut();
    setEpilogue(layer, measured);
    layer.name = "depthwise " + layer.name;
    layers.push_back(layer);
  }
  return layers;
}

std::vector<Layer> qcc::test::extremes() {
  std::vector<Layer> layers;
  for (Fill fill : {Fill::AllLow, Fill::AllHigh, Fill::Extremes})
    for (int32_t xZero : {0, 255})
      for (float scale : {0.02f, 1.0f, 50.0f}) {
        Layer layer = conv(64, 40, scale == 1 ? 4 : 2, 7, 3); // with tiles enough to widen weights for
        layer.fill = fill;
        layer.xZero = xZero;
        layer.multiplierScale = scale;
        layer.values.zeroPoint = xZero;
        layer.name += ", extremes " + std::to_string(int(fill)) + ", zero point " + std::to_string(xZero);
        layers.push_back(layer);
      }
  Layer deep = conv(1100, 40, 4, 7); // more weights than are widened
  deep.fill = Fill::Extremes;
  layers.push_back(deep);
  Layer huge = conv(64, 40, 2, 7, 3); // products beyond int32
  huge.fill = Fill::Extremes;
  huge.multiplierScale = 1e8f;
  huge.spec.epilogue.bounded = false;
  huge.name += ", products beyond int32";
  layers.push_back(huge);
  return layers;
}

std::vector<Layer> qcc::test::floats() {
  std::vector<Layer> layers;
  for (const Layer &layer : shapes())
    if (layers.size() % 2 == 0 || layer.spec.kernelH > 1)
      layers.push_back(floatConv(layer));
    else
      layers.push_back(
          floatConv(conv(layers.size() % 7 + 1, layers.size() % 50 + 1, 1, layers.size() % 15 + 1)));
  for (const Layer &layer : places())
    layers.push_back(floatConv(layer));
  for (const NamedEpilogue &e : f32Epilogues())
    for (auto [n, w] : {std::pair(45, 8), std::pair(8, 3)}) {
      Layer layer = conv(20, n, 1, w);
      layer.spec.isFloat = true;
      setEpilogue(layer, e);
      layers.push_back(layer);
    }
  return layers;
}

std::vector<Layer> qcc::test::bf16s() {
  std::vector<Layer> layers;
  for (Layer layer : floats()) {
    layer.spec.isBf16 = true;
    layer.name += ", of bf16";
    layers.push_back(layer);
  }
  for (const NamedEpilogue &e : bf16Epilogues())
    for (auto [c, n, w] : {std::tuple(20, 45, 8), std::tuple(7, 32, 14), std::tuple(20, 8, 3)}) {
      Layer layer = bf16Conv(conv(c, n, 1, w));
      setEpilogue(layer, e);
      layers.push_back(layer);
      if (e.form.hasResidual()) {
        layer.inPlace = true;
        layers.push_back(layer);
      }
    }
  return layers;
}

std::vector<Layer> qcc::test::depthwises() {
  std::vector<Layer> layers;
  auto add = [&](int64_t channels, int64_t h, int64_t w, int64_t kernel, int64_t stride = 1,
                 int64_t dilation = 1) {
    Layer layer = conv(1, 1, h, w, kernel, stride, dilation, channels);
    layer.depthwise = true;
    layer.name = "depthwise " + layer.name;
    layers.push_back(layer);
  };
  for (int64_t channels : {1, 8, 16, 24, 32, 40, 64, 72, 96, 144})
    for (int64_t kernel : {3, 5})
      add(channels, 3, channels % 3 + 5, kernel, channels % 16 == 8 ? 2 : 1);
  for (int64_t w : {1, 2, 3, 4, 7, 14, 28})
    for (int64_t stride : {1, 2})
      add(80, 4, w, 3, stride);
  for (int64_t kernel : {1, 2, 4, 6, 7, 9, 11})
    add(40, 3, 5, kernel);
  add(72, 5, 5, 3, 1, 2);
  add(72, 5, 5, 5, 2, 2);
  return layers;
}

std::vector<Layer> qcc::test::depthwiseEpilogues() {
  std::vector<Layer> layers;
  auto all = u8Epilogues();
  for (const NamedEpilogue &e : f32Epilogues())
    all.push_back(e);
  for (const NamedEpilogue &e : all)
    for (int64_t channels : {64, 24}) {
      Layer layer = conv(1, 1, 3, 5, 3, 1, 1, channels);
      layer.depthwise = true;
      layer.name = "depthwise " + layer.name;
      setEpilogue(layer, e);
      layer.inPlace = e.form.hasResidual() && channels == 24;
      layers.push_back(layer);
    }
  for (Fill fill : {Fill::AllLow, Fill::AllHigh, Fill::Extremes}) {
    Layer layer = conv(1, 1, 4, 6, 3, 1, 1, 72);
    layer.depthwise = true;
    layer.fill = fill;
    layers.push_back(layer);
  }
  return layers;
}

std::vector<Layer> qcc::test::floatDepthwises() {
  std::vector<Layer> layers;
  for (const Layer &layer : depthwises())
    layers.push_back(floatConv(layer));
  for (const auto &all : {f32Epilogues(), bf16Epilogues()})
    for (const NamedEpilogue &e : all) {
      Layer layer = conv(1, 1, 3, 5, 3, 1, 1, 75);
      layer.depthwise = layer.spec.isFloat = true;
      setEpilogue(layer, e);
      layers.push_back(layer);
    }
  return layers;
}

/// Floats times weights of bytes, with their scales.
std::vector<Layer> qcc::test::decoded() {
  std::vector<Layer> layers;
  auto add = [&](Layer layer, bool depthwise) {
    NamedEpilogue e{"s8 weights", {}, {}};
    e.form.output = Output::F32;
    e.form.steps = {Step::MulColumn, Step::AddColumn, Step::Max};
    e.values.scalars = {0};
    layer.spec.isFloat = layer.spec.byteWeights = true;
    layer.depthwise = depthwise;
    setEpilogue(layer, e);
    layers.push_back(layer);
  };
  for (int64_t n : {1, 8, 16, 24, 33, 100})
    for (int64_t width : {1, 5, 14, 28})
      add(conv(n % 5 + width, n, 2, width, n % 3 == 0 ? 3 : 1), false);
  add(conv(6, 20, 4, 7, 3, 1, 1, 2), false);
  add(conv(257, 300, 1, 1), false);
  for (const Layer &layer : depthwises())
    if (layer.spec.groups % 3 != 1)
      add(layer, true);
  return layers;
}

/// Floats times weights of 16 bits.
std::vector<Layer> qcc::test::halves() {
  std::vector<Layer> layers;
  auto add = [&](Layer layer) {
    layer = floatConv(layer);
    bool isBf16 = layers.size() % 3 == 2;
    layer.spec.halfWeights = isBf16 ? target::Half::BF16 : target::Half::F16;
    layer.name += isBf16 ? ", weights of bf16" : ", weights of f16";
    layers.push_back(layer);
  };
  for (int64_t n : {1, 8, 16, 24, 33, 64, 100})
    for (int64_t width : {1, 5, 14, 28})
      add(conv(n % 5 + width, n, 2, width, n % 3 == 0 ? 3 : 1));
  add(conv(6, 20, 4, 7, 3, 1, 1, 2));
  add(conv(257, 300, 1, 1));
  for (const Layer &layer : places())
    add(layer);
  for (const NamedEpilogue &e : f32Epilogues()) {
    add(conv(20, 45, 1, 8));
    setEpilogue(layers.back(), e);
  }
  return layers;
}
