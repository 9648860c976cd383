//===- RangesTest.cpp - Histograms, ranges, scales ------------------------===//

#include "compiler/calibrate/Ranges.h"
#include "gtest/gtest.h"

#include <algorithm>
#include <cmath>
#include <limits>

using namespace qcc::calibrate;
using namespace qcc::quantize;

namespace {

/// Reproducible normally distributed values.
std::vector<float> bell(size_t count, float scale) {
  std::vector<float> values;
  uint64_t state = 42;
  auto uniform = [&] {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return static_cast<double>(state >> 40) / (1 << 24);
  };
  for (size_t i = 0; i < count; ++i) {
    double sum = 0;
    for (int k = 0; k < 12; ++k)
      sum += uniform();
    values.push_back(static_cast<float>((sum - 6) * scale));
  }
  return values;
}

Histogram histogramOf(const std::vector<float> &values) {
  Histogram histogram;
  histogram.add(values.data(), values.size());
  return histogram;
}

void expectSame(const Histogram &a, const Histogram &b) {
  EXPECT_EQ(a.binWidth(), b.binWidth());
  EXPECT_EQ(a.first(), b.first());
  EXPECT_EQ(a.bins(), b.bins());
  EXPECT_EQ(a.count(), b.count());
  EXPECT_EQ(a.min(), b.min());
  EXPECT_EQ(a.max(), b.max());
}

double meanError(const std::vector<float> &values, Range range, int power) {
  QuantParams p = chooseParams(range);
  double sum = 0;
  for (float value : values) {
    double q = std::clamp(std::nearbyint(value / p.scale) + p.zeroPoint, 0.0f, 255.0f);
    sum += std::pow(std::fabs(value - (q - p.zeroPoint) * p.scale), power);
  }
  return sum / static_cast<double>(values.size());
}

TEST(HistogramTest, DoesNotDependOnOrderOrPieces) {
  std::vector<float> values = bell(5000, 3);
  for (size_t i = 0; i < values.size(); i += 7)
    values[i] *= 1000;
  Histogram whole = histogramOf(values), pieces, merged;
  for (size_t i = 0; i < values.size(); i += 13)
    pieces.add(values.data() + i, std::min<size_t>(13, values.size() - i));
  expectSame(whole, pieces);
  std::reverse(values.begin(), values.end());
  expectSame(whole, histogramOf(values));
  Histogram a, b;
  a.add(values.data(), 100);
  b.add(values.data() + 100, values.size() - 100);
  merged.merge(b);
  merged.merge(a);
  expectSame(whole, merged);
}

TEST(HistogramTest, BinsCoverTheValuesExactly) {
  Histogram histogram = histogramOf({0.0f, 0.25f, 1.0f, 1.0f, 3.999f});
  EXPECT_EQ(histogram.binWidth(), 1.0 / 1024);
  EXPECT_EQ(histogram.first(), 0);
  EXPECT_EQ(histogram.bins().at(0), 1u);
  EXPECT_EQ(histogram.bins().at(256), 1u);
  EXPECT_EQ(histogram.bins().at(1024), 2u);
  EXPECT_EQ(histogram.bins().at(4094), 1u);
  EXPECT_LE(histogram.bins().size(), 4096u);
}

TEST(HistogramTest, KeepsExtremeMagnitudesApart) {
  float tiny = std::numeric_limits<float>::denorm_min(), huge = std::numeric_limits<float>::max();
  Histogram histogram = histogramOf({tiny, -tiny, 0});
  histogram.add(&huge, 1);
  EXPECT_EQ(histogram.count(), 4u);
  EXPECT_EQ(histogram.max(), huge);
  EXPECT_EQ(histogram.first(), -1);
  EXPECT_EQ(histogram.bins().front(), 1u);
  EXPECT_EQ(histogram.bins().at(1), 2u);
  EXPECT_EQ(histogram.bins().back(), 1u);
}

TEST(HistogramTest, NonFiniteValuesAreCountedApart) {
  float inf = std::numeric_limits<float>::infinity();
  Histogram histogram = histogramOf({1, inf, -inf, std::nanf(""), 2});
  EXPECT_EQ(histogram.count(), 2u);
  EXPECT_EQ(histogram.nonFinite(), 3u);
  EXPECT_EQ(histogram.max(), 2.0f);
}

TEST(ParamsTest, PositiveValuesHaveZeroPointZero) {
  QuantParams p = chooseParams({0, 6});
  EXPECT_EQ(p.zeroPoint, 0);
  EXPECT_EQ(p.scale, static_cast<float>(6.0 / 255));
  p = chooseParams({2, 6}); // the range must contain 0
  EXPECT_EQ(p.zeroPoint, 0);
  p = chooseParams({-6, -2});
  EXPECT_EQ(p.zeroPoint, 255);
}

TEST(ParamsTest, BothEndsFitWithinHalfAStep) {
  for (float lo : {-0.001f, -0.7f, -3.0f, -1e20f})
    for (float hi : {0.001f, 1.3f, 5e9f}) {
      QuantParams p = chooseParams({lo, hi});
      EXPECT_GE(p.zeroPoint, 0);
      EXPECT_LE(p.zeroPoint, 255);
      EXPECT_NEAR(lo, -p.zeroPoint * static_cast<double>(p.scale), 0.501 * p.scale) << lo << " " << hi;
      EXPECT_NEAR(hi, (255 - p.zeroPoint) * static_cast<double>(p.scale), 0.501 * p.scale) << lo << " " << hi;
    }
}

TEST(ParamsTest, DegenerateRangesGiveAValidScale) {
  for (Range range : {Range{0, 0}, Range{1e-42f, 1e-42f}, Range{-1e-40f, 0}}) {
    QuantParams p = chooseParams(range);
    EXPECT_EQ(p.scale, 1.0f);
    EXPECT_EQ(p.zeroPoint, 0);
  }
  float huge = std::numeric_limits<float>::max();
  QuantParams p = chooseParams({-huge, huge});
  EXPECT_TRUE(std::isfinite(p.scale));
  EXPECT_EQ(p.zeroPoint, 128);
}

TEST(RangeTest, EveryMethodHandlesDegenerateTensors) {
  for (const std::vector<float> &values : {std::vector<float>{}, {0, 0, 0}, {5, 5}, {-2}, {1e-44f}})
    for (Method method : {Method::MinMax, Method::Entropy, Method::Percentile, Method::MSE, Method::L3}) {
      Range range = chooseRange(histogramOf(values), method);
      EXPECT_LE(range.lo, 0) << methodName(method);
      EXPECT_GE(range.hi, 0) << methodName(method);
      EXPECT_GT(chooseParams(range).scale, 0) << methodName(method);
    }
  // One value repeated is worth keeping, whatever the method.
  for (Method method : {Method::MinMax, Method::Percentile, Method::MSE, Method::L3})
    EXPECT_NEAR(chooseRange(histogramOf({5, 5}), method).hi, 5, 0.01) << methodName(method);
}

TEST(RangeTest, LiesInsideMinMax) {
  std::vector<float> values = bell(20000, 2);
  values.push_back(90);
  for (Method method : {Method::MinMax, Method::Entropy, Method::Percentile, Method::MSE, Method::L3}) {
    Range range = chooseRange(histogramOf(values), method);
    EXPECT_GE(range.lo, *std::min_element(values.begin(), values.end())) << methodName(method);
    EXPECT_LE(range.hi, 90) << methodName(method);
    EXPECT_LT(range.lo, -1) << methodName(method);
    EXPECT_GT(range.hi, 1) << methodName(method);
  }
}

TEST(RangeTest, PercentileCutsOnlyTheOuterValues) {
  std::vector<float> values = bell(400000, 1); // 0.001 % of them are 4
  values[5] = 1000;
  values[6] = -1000;
  values[7] = 900;
  Range range = chooseRange(histogramOf(values), Method::Percentile);
  EXPECT_LT(range.hi, 10);
  EXPECT_GT(range.hi, 3.5);
  EXPECT_LT(range.lo, -3.5);
  values.resize(1000); // 0.001 % are none
  range = chooseRange(histogramOf(values), Method::Percentile);
  EXPECT_EQ(range.hi, 1000);
  EXPECT_EQ(range.lo, -1000);
}

TEST(RangeTest, ErrorMethodsFindLessErrorThanMinMax) {
  std::vector<float> values = bell(50000, 1);
  values[17] = 40; // an outlier that minmax pays for
  for (auto [method, power] : {std::pair{Method::MSE, 2}, std::pair{Method::L3, 3}}) {
    Range best = chooseRange(histogramOf(values), method);
    double error = meanError(values, best, power);
    EXPECT_LT(error, meanError(values, {best.lo, 40}, power)) << methodName(method);
    // No single end can be moved by 3 % of the range for a gain worth having.
    for (float factor : {0.9f, 1.1f}) {
      EXPECT_LT(error, 1.02 * meanError(values, {best.lo * factor, best.hi}, power)) << methodName(method);
      EXPECT_LT(error, 1.02 * meanError(values, {best.lo, best.hi * factor}, power)) << methodName(method);
    }
  }
  // The cube clips less.
  EXPECT_GE(chooseRange(histogramOf(values), Method::L3).hi,
            chooseRange(histogramOf(values), Method::MSE).hi);
}

TEST(RangeTest, EntropyClipsALongTail) {
  std::vector<float> values = bell(100000, 1);
  for (float &value : values)
    value = std::max(value, 0.0f);
  values[3] = 50;
  Range range = chooseRange(histogramOf(values), Method::Entropy);
  EXPECT_LT(range.hi, 40);
  EXPECT_GT(range.hi, 2);
  EXPECT_EQ(range.lo, 0);
}

TEST(RangeTest, MethodNamesRoundTrip) {
  for (Method method : {Method::MinMax, Method::Entropy, Method::Percentile, Method::MSE, Method::L3})
    EXPECT_EQ(methodOfName(methodName(method)), method);
  EXPECT_FALSE(methodOfName("auto"));
}

TEST(WeightScalesTest, LargestWeightBecomes127) {
  WeightScales scales{{2.54f, 0.5f}, {}, 1};
  EXPECT_EQ(quantizeWeight(-2.54f, scales.choose()[0]), -127);
  EXPECT_EQ(quantizeWeight(0.5f, scales.choose()[1]), 127);
  EXPECT_EQ(quantizeWeight(100, scales.choose()[1]), 127);
  EXPECT_EQ(quantizeWeight(0.25f / 127, 0.1f / 127), 2); // 2.5, half to even
}

TEST(WeightScalesTest, ChannelOfZerosHasTheLayersScale) {
  EXPECT_EQ((WeightScales{{0, 2.54f}, {}, 1}).choose()[0], (WeightScales{{2.54f}, {}, 1}).choose()[0]);
  EXPECT_EQ((WeightScales{{0}, {}, 1}).choose()[0], 1.0f / 127);
}

TEST(WeightScalesTest, BiasFitsItsInteger) {
  // A bias of 3 in units of 0.02 * 1e-12 / 127 would not be an int32.
  float scale = WeightScales{{1e-12f, 1}, {3, 3}, 0.02f}.choose()[0];
  EXPECT_LE(3 / (0.02 * scale), 1 << 30);
  EXPECT_GE(3 / (0.02 * scale), 1 << 29);
  scale = WeightScales{{0, 0}, {1e12f, 0}, 0.02f}.choose()[0];
  EXPECT_LE(1e12 / (0.02 * scale), 1.001 * (1 << 30));
}

} // namespace
