// The reference on small values computed by hand. The breadth is in
// test/conformance, which needs the importer; these fail next to their cause.
#include "dialects/reference/Conv.h"
#include "dialects/reference/Elementwise.h"
#include "dialects/reference/MatMul.h"
#include "dialects/reference/Normalize.h"
#include "dialects/reference/Pointwise.h"
#include "dialects/reference/Pool.h"
#include "dialects/reference/Quant.h"
#include "dialects/reference/Resize.h"
#include "dialects/reference/Shape.h"
#include "dialects/reference/SmallFloat.h"

#include <cmath>
#include <gtest/gtest.h>
#include <limits>

using namespace qcc::reference;

using Values = std::vector<double>;

static Tensor make(DType type, std::vector<int64_t> shape, const Values &values) {
  Tensor tensor(type, std::move(shape));
  for (size_t i = 0; i < values.size(); ++i)
    tensor.setDouble(static_cast<int64_t>(i), values[i]);
  return tensor;
}

static Values valuesOf(const Tensor &tensor) {
  Values values;
  for (int64_t i = 0; i < tensor.size(); ++i)
    values.push_back(tensor.getDouble(i));
  return values;
}

static Values ramp(int64_t count) {
  Values values;
  for (int64_t i = 0; i < count; ++i)
    values.push_back(static_cast<double>(i));
  return values;
}

TEST(ConvTest, PaddingIsZeroAndStrideSkips) {
  Tensor input = make(DType::F32, {1, 1, 4}, {1, 2, 3, 4}),
         filter = make(DType::F32, {1, 1, 3}, {1, 10, 100});
  Tensor sums = convSums(input, filter, {{2}, {1}, {1}, 1}, {1, 1, 2});
  EXPECT_EQ(valuesOf(sums), (Values{210, 432}));
}

TEST(ConvTest, PaddingOfIntegersIsTheZeroPoint) {
  Tensor input = make(DType::U8, {1, 1, 2}, {7, 9}), filter = make(DType::I8, {1, 1, 3}, {1, 2, 4});
  Tensor sums = convSums(input, filter, {{1}, {1}, {1}, 1}, {1, 1, 2}, 7);
  EXPECT_EQ(valuesOf(sums), (Values{8, 4})); // (0, 0, 2) and (0, 2, 0)
}

TEST(ConvTest, GroupsAndDilationSeparateChannels) {
  Tensor input = make(DType::F32, {1, 2, 3}, {1, 2, 3, 4, 5, 6});
  Tensor filter = make(DType::F32, {2, 1, 2}, {1, 1, 1, -1});
  Tensor sums = convSums(input, filter, {{1}, {2}, {0}, 2}, {1, 2, 1});
  EXPECT_EQ(valuesOf(sums), (Values{4, -2}));
}

TEST(ConvTest, TransposeScattersWhatConvGathers) {
  Tensor input = make(DType::F32, {1, 1, 2}, {1, 2}), filter = make(DType::F32, {1, 1, 3}, {1, 10, 100});
  Tensor sums = convTransposeSums(input, filter, {{2}, {1}, {0}, 1}, {1, 1, 5});
  EXPECT_EQ(valuesOf(sums), (Values{1, 10, 102, 20, 200}));
}

TEST(MatMulTest, LeadingAxesBroadcastAndVectorsLoseTheirAxis) {
  Tensor a = make(DType::F32, {2, 1, 2}, {1, 2, 3, 4}), b = make(DType::F32, {2}, {1, 10});
  Tensor product = matMulSums(a, b);
  EXPECT_EQ(product.shape, (std::vector<int64_t>{2, 1}));
  EXPECT_EQ(valuesOf(product), (Values{21, 43}));
}

TEST(PoolTest, AverageDoesNotCountWhatCeilModeReachesBeyondThePads) {
  Tensor input = make(DType::F32, {1, 1, 4}, {1, 2, 3, 4});
  PoolParams params = {{3}, {2}, {1}, {0}, {0}, true};
  EXPECT_EQ(valuesOf(averagePool(input, params, {1, 1, 2})), (Values{2, 3.5}));
  params.padsEnd = {1};
  Tensor padded = averagePool(input, params, {1, 1, 2});
  EXPECT_FLOAT_EQ(static_cast<float>(padded.getDouble(1)), 7.0f / 3);
}

TEST(PoolTest, MaximumIgnoresPaddingOfNegativeValues) {
  Tensor input = make(DType::I8, {1, 1, 2}, {-5, -7});
  EXPECT_EQ(valuesOf(maxPool(input, {{3}, {1}, {1}, {1}, {1}, false}, {1, 1, 2})), (Values{-5, -5}));
}

TEST(ElementwiseTest, IntegersWrapAndDivideTowardZero) {
  Tensor a = make(DType::I8, {2}, {127, -7}), b = make(DType::I8, {2}, {2, 2});
  EXPECT_EQ(valuesOf(binary(Binary::Add, a, b)), (Values{-127, -5}));
  EXPECT_EQ(valuesOf(binary(Binary::Div, a, b)), (Values{63, -3}));
  EXPECT_EQ(valuesOf(binary(Binary::Mod, a, b)), (Values{1, 1}));
  EXPECT_EQ(valuesOf(binary(Binary::FMod, a, b)), (Values{1, -1}));
}

TEST(ElementwiseTest, DivisionByZeroAndOverflowAreDefined) {
  Tensor a(DType::I64, {2}), b(DType::I64, {2});
  a.setInt(0, INT64_MIN);
  a.setInt(1, 5);
  b.setInt(0, -1);
  b.setInt(1, 0);
  Tensor quotient = binary(Binary::Div, a, b);
  EXPECT_EQ(quotient.getInt(0), INT64_MIN);
  EXPECT_EQ(quotient.getInt(1), 0);
}

TEST(ElementwiseTest, BroadcastReadsOneElementAgain) {
  Tensor a = make(DType::F32, {2, 1}, {1, 2}), b = make(DType::F32, {3}, {10, 20, 30});
  EXPECT_EQ(valuesOf(binary(Binary::Mul, a, b)), (Values{10, 20, 30, 20, 40, 60}));
}

TEST(PointwiseTest, ReluAndClipHandNansOn) {
  Tensor input = make(DType::F32, {2}, {std::nan(""), -1});
  for (const char *name : {"relu", "clip"}) {
    Tensor result = applyPointwise({findPointwise(name), 0.0f, 6.0f}, input);
    EXPECT_TRUE(std::isnan(result.getDouble(0))) << name;
    EXPECT_EQ(result.getDouble(1), 0.0) << name;
  }
}

TEST(ShapeTest, NegativeStepsAndNegativePads) {
  Tensor input = make(DType::I32, {4}, ramp(4));
  EXPECT_EQ(valuesOf(slice(input, {3}, {-2}, {2})), (Values{3, 1}));
  EXPECT_EQ(valuesOf(pad(input, {-1, 2}, PadMode::Reflect, 0)), (Values{1, 2, 3, 2, 1}));
  EXPECT_EQ(valuesOf(pad(input, {1, 1}, PadMode::Wrap, 0)), (Values{3, 0, 1, 2, 3, 0}));
}

TEST(ShapeTest, DepthToSpaceModesDifferInWhichIndexIsOuter) {
  Tensor input = make(DType::I32, {1, 8, 1, 1}, ramp(8));
  EXPECT_EQ(valuesOf(depthToSpace(input, 2, false)), (Values{0, 2, 4, 6, 1, 3, 5, 7}));
  EXPECT_EQ(valuesOf(depthToSpace(input, 2, true)), (Values{0, 1, 2, 3, 4, 5, 6, 7}));
}

TEST(ReduceTest, SumOverTwoAxesKeepsTheThird) {
  Tensor input = make(DType::F32, {2, 2, 2}, ramp(8));
  EXPECT_EQ(valuesOf(reduce(Reduce::Sum, input, {0, 2}, false)), (Values{10, 18}));
  EXPECT_EQ(valuesOf(reduce(Reduce::Mean, input, {0, 2}, true)), (Values{2.5, 4.5}));
}

TEST(ResizeTest, NearestAsymmetricFloorRepeats) {
  ResizeParams params;
  params.coordinates = Coordinates::Asymmetric;
  params.nearest = NearestMode::Floor;
  params.sizes = {4};
  params.scales = {2};
  EXPECT_EQ(valuesOf(resize(make(DType::U8, {2}, {5, 9}), params)), (Values{5, 5, 9, 9}));
}

TEST(ResizeTest, LinearHalfPixelClampsAtTheEdges) {
  ResizeParams params;
  params.interpolation = Interpolation::Linear;
  params.sizes = {4};
  params.scales = {2};
  EXPECT_EQ(valuesOf(resize(make(DType::F32, {2}, {0, 4}), params)), (Values{0, 1, 3, 4}));
}

TEST(QuantTest, BlocksShareAScaleAlongTheirAxis) {
  Tensor input = make(DType::F32, {1, 4}, {2, 4, 8, 16}), scale = make(DType::F32, {1, 2}, {1, 4});
  Tensor result = quantizeLinear(input, scale, nullptr, {1, 2}, DType::U4, DType::F32, true);
  EXPECT_EQ(valuesOf(result), (Values{2, 4, 2, 4}));
  EXPECT_EQ(valuesOf(dequantizeLinear(result, scale, nullptr, {1, 2}, DType::F32)), (Values{2, 4, 8, 16}));
}

TEST(QuantTest, DynamicRangeAlwaysHoldsZero) {
  DynamicQuantized result = dynamicQuantizeLinear(make(DType::F32, {2}, {50.5, 255}));
  EXPECT_EQ(result.zeroPoint.getInt(0), 0);
  EXPECT_EQ(valuesOf(result.values), (Values{50, 255})); // scale 1; 50.5 to even
}

TEST(SmallFloatTest, EveryValueSurvivesTheWayThroughFloat) {
  for (DType type : {DType::F8E4M3FN, DType::F8E4M3FNUZ, DType::F8E5M2, DType::F8E5M2FNUZ, DType::F4E2M1})
    for (unsigned bits = 0; bits < (type == DType::F4E2M1 ? 16u : 256u); ++bits)
      if (float value = decodeSmallFloat(type, static_cast<uint8_t>(bits)); std::isfinite(value))
        ASSERT_EQ(encodeSmallFloat(type, value, true), bits) << name(type) << " " << value;
}

TEST(SmallFloatTest, OverflowSaturatesOrNot) {
  const float infinity = std::numeric_limits<float>::infinity();
  EXPECT_EQ(decodeSmallFloat(DType::F8E4M3FN, encodeSmallFloat(DType::F8E4M3FN, 1e9f, true)), 448.0f);
  EXPECT_TRUE(std::isnan(decodeSmallFloat(DType::F8E4M3FN, encodeSmallFloat(DType::F8E4M3FN, 1e9f, false))));
  EXPECT_EQ(decodeSmallFloat(DType::F8E5M2, encodeSmallFloat(DType::F8E5M2, -1e9f, false)), -infinity);
  EXPECT_EQ(decodeSmallFloat(DType::F8E5M2FNUZ, encodeSmallFloat(DType::F8E5M2FNUZ, infinity, true)),
            57344.0f);
}
