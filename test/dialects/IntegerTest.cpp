// The integer rules on hand-computed values; names carry the rule's number.
#include "dialects/reference/Epilogue.h"

#include <cmath>
#include <gtest/gtest.h>
#include <limits>

using namespace qcc::reference;

static const QuantParams unitByte = {1.0f, 0, 0, 255};

static PointwiseStep step(const char *name, float a = 0, float b = 0) { return {findPointwise(name), a, b}; }

TEST(IntegerTest, Q1RoundsHalfToEvenThenAddsTheZeroPoint) {
  QuantParams type = {1.0f, 3, 0, 255};
  EXPECT_EQ(quantize(0.5f, type), 3); // rint(0.5) = 0; rounding 3.5 would give 4
  EXPECT_EQ(quantize(1.5f, type), 5);
  EXPECT_EQ(quantize(2.5f, type), 5);
}

TEST(IntegerTest, Q1SaturatesAndMapsNanToTheZeroPoint) {
  QuantParams type = {0.5f, -3, -128, 127};
  EXPECT_EQ(quantize(1e30f, type), 127);
  EXPECT_EQ(quantize(-std::numeric_limits<float>::infinity(), type), -128);
  EXPECT_EQ(quantize(std::numeric_limits<float>::quiet_NaN(), type), -3);
}

TEST(IntegerTest, Q2RoundsTheAccumulatorToFloatFirst) {
  // 2^24 + 1 is no float: it becomes 2^24, and times 2^-23 it is 2, not 2.0000001.
  EXPECT_EQ(requantize((1 << 24) + 1, 0x1p-23f, unitByte), 2);
  EXPECT_EQ(requantize(5, 0.5f, unitByte), 2); // 2.5 to even
  EXPECT_EQ(requantize(int64_t(1) << 40, 1.0f, unitByte), 255);
}

TEST(IntegerTest, Q2MultiplierIsAProductThenAQuotient) {
  float sx = 0.1f, sw = 0.3f, sy = 0.7f;
  float product = sx * sw;
  EXPECT_EQ(multiplier(sx, sw, sy), product / sy);
}

TEST(IntegerTest, Q7AddsBothSidesInTheResultsUnits) {
  QuantParams a = {0.5f, 10, 0, 255}, b = {0.25f, 20, 0, 255}, to = {0.5f, 100, 0, 255};
  // (14 - 10) * 1 + (23 - 20) * 0.5 = 5.5, to even 6
  EXPECT_EQ(addQuantized(14, a, 23, b, to), 106);
}

TEST(IntegerTest, Q8MultipliesRelativeToTheZeroPoints) {
  QuantParams a = {0.5f, 10, 0, 255}, b = {0.5f, 20, 0, 255}, to = {0.5f, 1, 0, 255};
  // (14 - 10) * (23 - 20) * ((0.5 * 0.5) / 0.5) = 6
  EXPECT_EQ(mulQuantized(14, a, 23, b, to), 7);
}

TEST(IntegerTest, Q8AverageDividesByTheCountedElements) {
  QuantParams from = {0.5f, 0, 0, 255}, to = {0.25f, 0, 0, 255};
  EXPECT_EQ(averageQuantized(9, 4, from, to), 4); // 9 * 0.5 / (0.25 * 4) = 4.5, to even 4
}

TEST(IntegerTest, Q9SaturatesTheBiasToInt32) {
  EXPECT_EQ(quantizeBias(1.0, 0.5f, 0.25f), 8);
  EXPECT_EQ(quantizeBias(-1e30, 0.5f, 0.25f), INT32_MIN);
}

/// One sum through an epilogue with input and weight scale 0.5 and 1.
static int64_t finishOne(int64_t sum, Epilogue epilogue, const Tensor *residual = nullptr,
                         const Tensor *table = nullptr) {
  epilogue.scaledSums = true;
  epilogue.inputScale = 0.5f;
  Tensor sums(DType::I64, {1, 1});
  sums.setInt(0, sum);
  return finish(sums, 1, epilogue, residual, table, DType::U8).getInt(0);
}

TEST(EpilogueTest, Q8ReluAndClipClampIntegers) {
  Epilogue epilogue;
  epilogue.result = QuantParams{0.5f, 128, 0, 255};
  EXPECT_EQ(finishOne(-20, epilogue), 108);
  epilogue.steps = {{EpilogueStep::Pointwise, step("relu"), {}}};
  EXPECT_EQ(finishOne(-20, epilogue), 128);
  epilogue.steps = {{EpilogueStep::Pointwise, step("clip", 0, 6), {}}};
  EXPECT_EQ(finishOne(20, epilogue), 140); // 10.0 is clipped to 6.0 = 128 + 12
}

TEST(EpilogueTest, Q7ResidualJoinsTheAccumulatorUnrounded) {
  Epilogue epilogue;
  epilogue.result = QuantParams{1.0f, 0, 0, 255};
  epilogue.residual = QuantParams{0.5f, 0, 0, 255};
  epilogue.steps = {{EpilogueStep::Residual, {}, {}}};
  Tensor residual(DType::U8, {1, 1});
  residual.setInt(0, 2);
  EXPECT_EQ(finishOne(3, epilogue, &residual), 2); // 1.5 + 1.0 = 2.5, to even 2
  // With its own Q in front, 1.5 is rounded to 2 first.
  epilogue.steps.insert(epilogue.steps.begin(), {EpilogueStep::Requantize, {}, {1.0f, 0, 0, 255}});
  EXPECT_EQ(finishOne(3, epilogue, &residual), 3);
}

TEST(EpilogueTest, Q8aStaysInFloatUntilTheEndOfTheChain) {
  Epilogue epilogue;
  epilogue.result = QuantParams{0.25f, 0, 0, 255};
  epilogue.steps = {{EpilogueStep::Pointwise, step("hard_swish"), {}}};
  EXPECT_EQ(finishOne(4, epilogue), 7); // hard_swish(2) = 2 * 5 / 6 = 1.667 = 6.67 steps
}

TEST(EpilogueTest, Q8TableReadsTheRequantisedByte) {
  Tensor table(DType::U8, {256});
  for (int64_t i = 0; i < 256; ++i)
    table.setInt(i, 255 - i);
  Epilogue epilogue;
  epilogue.result = QuantParams{1.0f, 0, 0, 255};
  EXPECT_EQ(finishOne(8, epilogue, nullptr, &table), 251);
  // A requantize at the end names the type that the table reads.
  epilogue.steps = {{EpilogueStep::Requantize, {}, {0.5f, 0, 0, 255}}};
  EXPECT_EQ(finishOne(8, epilogue, nullptr, &table), 247);
}

TEST(EpilogueTest, Q8FloatResultAddsAFloatBiasAfterScaling) {
  Epilogue epilogue;
  epilogue.scaledSums = true;
  epilogue.inputScale = 0.5f;
  epilogue.weightScales = {1.0f, 2.0f};
  epilogue.floatBias = {0.25f, 0.5f};
  Tensor sums(DType::I64, {1, 2});
  sums.setInt(0, 3);
  sums.setInt(1, 3);
  Tensor result = finish(sums, 1, epilogue, nullptr, nullptr, DType::F32);
  EXPECT_EQ(result.getDouble(0), 1.75);
  EXPECT_EQ(result.getDouble(1), 3.5);
}
