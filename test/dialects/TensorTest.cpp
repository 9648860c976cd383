#include "dialects/reference/Tensor.h"
#include <cmath>
#include <gtest/gtest.h>
#include <limits>

using namespace qcc::reference;

TEST(HalfTest, ConversionFromFloatTiesToEven) {
  EXPECT_EQ(floatToHalf(1.0f + 0x1p-11f), floatToHalf(1.0f));
  EXPECT_EQ(floatToHalf(1.0f + 3 * 0x1p-11f), floatToHalf(1.0f + 0x1p-9f));
  EXPECT_EQ(halfToFloat(floatToHalf(65504.0f)), 65504.0f);
  EXPECT_TRUE(std::isinf(halfToFloat(floatToHalf(65520.0f))));
}

// The float32 on the way would be a tie.
TEST(HalfTest, Float64IsRoundedOnce) {
  Tensor tensor(DType::F16, {3});
  tensor.setDouble(0, 1.0 + 0x1p-11 + 0x1p-40);
  tensor.setDouble(1, -1.0 - 0x1p-11 - 0x1p-40);
  tensor.setDouble(2, 1.0 + 3 * 0x1p-11 - 0x1p-40);
  EXPECT_EQ(tensor.getDouble(0), 1.0 + 0x1p-10);
  EXPECT_EQ(tensor.getDouble(1), -1.0 - 0x1p-10);
  EXPECT_EQ(tensor.getDouble(2), 1.0 + 0x1p-10);
}

TEST(HalfTest, EveryHalfSurvivesTheWayThroughFloat) {
  for (unsigned bits = 0; bits < 0x10000; ++bits) {
    float value = halfToFloat(static_cast<uint16_t>(bits));
    if (!std::isnan(value))
      ASSERT_EQ(floatToHalf(value), bits) << value;
  }
}

TEST(BfloatTest, ConversionFromFloatTiesToEven) {
  EXPECT_EQ(bfloatToFloat(floatToBfloat(1.0f + 0x1p-8f)), 1.0f);
  EXPECT_EQ(bfloatToFloat(floatToBfloat(1.0f + 3 * 0x1p-8f)), 1.0f + 0x1p-6f);
  EXPECT_TRUE(std::isnan(bfloatToFloat(floatToBfloat(std::numeric_limits<float>::quiet_NaN()))));
}

TEST(TensorTest, StartsZeroFilledAndKeepsWhatIsSet) {
  Tensor tensor(DType::I8, {2, 3});
  ASSERT_EQ(tensor.size(), 6);
  EXPECT_EQ(tensor.getInt(5), 0);
  tensor.setInt(5, -128);
  EXPECT_EQ(tensor.getInt(5), -128);
  EXPECT_EQ(tensor.getDouble(5), -128.0);
}
