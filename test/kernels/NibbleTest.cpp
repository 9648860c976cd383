//===- NibbleTest.cpp - Products with weights of 4 bits against the reference -===//
#include "compiler/kernels/gemm/Pack.h"
#include "test/kernels/KernelRunner.h"
#include <cmath>
#include <cstring>
#include <gtest/gtest.h>
#include <random>

using namespace qcc;
using namespace qcc::kernels;
using namespace qcc::test;

namespace {

struct Product {
  int64_t rows, depth, columns;
  bool isFloat = false, wideScales = false, zeros = false;

  std::string name() const {
    return std::to_string(rows) + " x " + std::to_string(depth) + " x " + std::to_string(columns) +
           (isFloat ? ", f32" : "") + (wideScales ? ", wide scales" : "") + (zeros ? ", zero points" : "");
  }
};

/// Rows further apart than their elements.
constexpr int64_t spare = 3;
constexpr size_t slack = 64;

class ProductRun {
public:
  explicit ProductRun(const Product &product) : product(product), random(7) {
    fillWeights();
    fillRows();
    for (int64_t i = 0; i < product.columns; ++i)
      bias.push_back(real());
    spec.outW = product.rows;
    spec.c = product.depth;
    spec.n = product.columns;
    spec.x.pixel = product.depth + spare;
    spec.out.pixel = product.columns + spare;
    spec.isFloat = product.isFloat;
    spec.nibbles = weights.form();
    spec.nibbles->isFloat = product.isFloat;
    spec.epilogue.output = Output::F32;
    spec.epilogue.rows = !product.isFloat;
    spec.epilogue.steps = {Step::AddColumn};
  }
  GemmSpec spec;

  /// Computes units [0, half) and [half, all) and compares.
  std::string compare(KernelRunner &runner, size_t kernel) {
    GuardedBuffer x(rowBytes()), out((product.rows - 1) * spec.out.pixel * 4 + product.columns * 4);
    std::memcpy(x.data(), product.isFloat ? static_cast<const void *>(floats.data()) : bytes.data(),
                x.size());
    std::memset(out.data(), 0x5a, out.size());
    EpilogueValues values;
    values.columns.emplace_back(bias.begin(), bias.end());
    Bytes packed = packWeights(spec, weights), params = packParams(spec, weights, values);
    GuardedBuffer weightBuffer(packed.size()), paramBuffer(params.size()), scaleBuffer(scales.size() * 4),
        zeroBuffer(zeros.size() * 4);
    std::memcpy(weightBuffer.data(), packed.data(), packed.size());
    std::memcpy(paramBuffer.data(), params.data(), params.size());
    std::memcpy(scaleBuffer.data(), scales.data(), scaleBuffer.size());
    std::memcpy(zeroBuffer.data(), zeros.data(), zeroBuffer.size());
    llvm::SmallVector<void *> pointers = {x.data(), weightBuffer.data(), paramBuffer.data()};
    if (spec.epilogue.rows)
      pointers.append({scaleBuffer.data(), zeroBuffer.data()});
    pointers.push_back(out.data());
    int64_t units = gemmUnits(spec), half = units / 2;
    runner.call(kernel, pointers, 0, half);
    runner.call(kernel, pointers, half, units);
    return difference(reinterpret_cast<const float *>(out.data()));
  }

private:
  const Product &product;
  std::mt19937 random;
  NibbleWeights weights;
  std::vector<uint8_t> bytes;
  std::vector<float> floats, scales, bias;
  std::vector<int32_t> zeros;

  int uniform(int low, int high) { return std::uniform_int_distribution<int>(low, high)(random); }
  float real() { return std::uniform_real_distribution<float>(-1, 1)(random); }
  size_t rowElements() const { return (product.rows - 1) * (product.depth + spare) + product.depth; }
  size_t rowBytes() const { return rowElements() * (product.isFloat ? 4 : 1) + slack; }

  void fillWeights() {
    weights.depth = product.depth;
    for (int64_t i = 0; i < product.columns * product.depth; ++i)
      weights.values.push_back(static_cast<int8_t>(uniform(-8, 7)));
    for (int64_t i = 0; i < product.columns * weights.groups(); ++i) {
      float scale = 0.01f * (1.5f + real());
      weights.scales.push_back(
          product.wideScales ? scale : reference::bfloatToFloat(reference::floatToBfloat(scale)));
      weights.zeros.push_back(static_cast<int8_t>(product.zeros ? uniform(-8, 7) : 0));
    }
  }

  void fillRows() {
    for (size_t i = 0; i < rowElements() + slack; ++i) {
      bytes.push_back(static_cast<uint8_t>(uniform(0, 3) ? uniform(0, 255) : uniform(0, 1) * 255));
      floats.push_back(real());
    }
    for (size_t i = rowElements(); i < floats.size(); ++i)
      floats[i] = NAN;
    for (int64_t row = 0; row < product.rows; ++row) {
      scales.push_back(0.02f * (1.1f + real()));
      zeros.push_back(uniform(0, 255));
      if (product.isFloat) // between rows
        std::fill_n(&floats[row * (product.depth + spare) + product.depth], spare, NAN);
    }
  }

  float expected(int64_t row, int64_t column, float &tolerance) {
    int64_t depth = product.depth, first = row * spec.x.pixel;
    auto group = [&](int64_t k) { return column * weights.groups() + k / groupDepth; };
    auto weight = [&](int64_t k) {
      return weights.values[column * depth + k] - weights.zero(column, k / groupDepth);
    };
    auto scale = [&](int64_t k) { return weights.scales[group(k)]; };
    tolerance = 0;
    if (!product.isFloat) {
      float sum =
          reference::sumOfGroups(depth, [&](int64_t k) { return bytes[first + k] * weight(k); }, scale);
      float shift = static_cast<float>(zeros[row]) * reference::sumOfGroups(depth, weight, scale);
      float t = (sum - shift) * scales[row];
      return t + bias[column];
    }
    double sum = bias[column], magnitude = 1;
    for (int64_t k = 0; k < depth; ++k) {
      double term = double(floats[first + k]) * weight(k) * scale(k);
      sum += term;
      magnitude += std::abs(term);
    }
    tolerance = static_cast<float>(magnitude * 1e-6);
    return static_cast<float>(sum);
  }

  std::string difference(const float *out) {
    for (int64_t row = 0; row < product.rows; ++row)
      for (int64_t column = 0; column < spec.out.pixel; ++column) {
        if (column >= product.columns) {
          if (row + 1 < product.rows && std::memcmp(&out[row * spec.out.pixel + column], "ZZZZ", 4) != 0)
            return product.name() + ": wrote behind row " + std::to_string(row);
          continue;
        }
        float found = out[row * spec.out.pixel + column], tolerance = 0;
        float right = expected(row, column, tolerance);
        if (!(std::abs(found - right) <= tolerance))
          return product.name() + ": [" + std::to_string(row) + ", " + std::to_string(column) + "] is " +
                 std::to_string(found) + ", should be " + std::to_string(right);
      }
    return "";
  }
};

std::vector<Product> products() {
  std::vector<Product> all;
  for (int64_t depth : {1, 31, 32, 33, 100})
    for (int64_t columns : {16, 45})
      all.push_back({1 + int64_t(all.size()) % 15, depth, columns});
  for (int64_t rows : {1, 2, 4, 7, 8, 12, 13, 15, 16})
    all.push_back({rows, 40, 64});
  all.push_back({3, 384, 100});
  std::vector<Product> forms;
  for (Product product : all)
    for (bool isFloat : {false, true}) {
      product.isFloat = isFloat;
      product.wideScales = forms.size() % 3 == 0;
      product.zeros = forms.size() % 4 >= 2;
      forms.push_back(product);
    }
  return forms;
}

class Nibbles : public testing::TestWithParam<const char *> {};

TEST_P(Nibbles, ProductsEqualTheReference) {
  target::Variant variant = *variantNamed(GetParam());
  if (!canRun(variant) && variant.name == "avxvnni") // the same code in the encoding of AVX-512
    variant.features = variantNamed("avx512vnni")->features;
  if (!canRun(variant))
    GTEST_SKIP() << "this machine has no " << GetParam();
  KernelRunner runner(variant);
  std::vector<Product> all = products();
  std::vector<std::unique_ptr<ProductRun>> runs;
  for (const Product &product : all) {
    runs.push_back(std::make_unique<ProductRun>(product));
    runs.back()->spec.packing = variant.packing;
    ASSERT_EQ(unsupportedReason(runs.back()->spec), "");
    runner.add(runs.back()->spec.toAttr(&runner.context()));
  }
  runner.compile();
  for (size_t i = 0; i < runs.size(); ++i)
    EXPECT_EQ(runs[i]->compare(runner, i), "");
}

std::string testName(const testing::TestParamInfo<const char *> &info) {
  std::string name = info.param;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

INSTANTIATE_TEST_SUITE_P(X86, Nibbles, testing::Values("x86-64", "avx2", "avxvnni", "avx512vnni"), testName);
INSTANTIATE_TEST_SUITE_P(Nvptx, Nibbles, testing::Values("emulated"), testName);
INSTANTIATE_TEST_SUITE_P(AArch64, Nibbles, testing::Values("armv8-a", "dotprod", "i8mm"), testName);

} // namespace
