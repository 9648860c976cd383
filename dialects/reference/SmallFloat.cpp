//===- SmallFloat.cpp - Floats of 16, 8 and 4 bits ------------------------===//

#include "dialects/reference/SmallFloat.h"

#include <cmath>
#include <limits>

namespace qcc::reference {

static uint32_t bitsOf(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  return bits;
}

static float fromBits(uint32_t bits) {
  float value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

/// The e of `value < 2^e`; far below all others for 0, which belongs to the subnormals.
static int exponentOf(float magnitude) {
  int exponent = -1000;
  if (magnitude > 0)
    std::frexp(magnitude, &exponent);
  return exponent;
}

float bfloatToFloat(uint16_t bits) { return fromBits(static_cast<uint32_t>(bits) << 16); }

uint16_t floatToBfloat(float value) {
  uint32_t bits = bitsOf(value);
  if (std::isnan(value))
    return static_cast<uint16_t>(bits >> 16 | 0x40); // stays a NaN, and quiet
  uint32_t half = 0x7fff + (bits >> 16 & 1);         // ties go to the even neighbour
  return static_cast<uint16_t>((bits + half) >> 16);
}

float halfToFloat(uint16_t bits) {
  float sign = bits & 0x8000 ? -1.0f : 1.0f;
  int exponent = bits >> 10 & 31;
  int mantissa = bits & 1023;
  if (exponent == 31)
    return fromBits((bits & 0x8000u) << 16 | 0x7f800000u | static_cast<uint32_t>(mantissa) << 13);
  if (exponent == 0)
    return sign * std::ldexp(static_cast<float>(mantissa), -24);
  return sign * std::ldexp(static_cast<float>(mantissa + 1024), exponent - 25);
}

uint16_t floatToHalf(float value) {
  uint16_t sign = bitsOf(value) >> 16 & 0x8000;
  if (std::isnan(value))
    return sign | 0x7e00;
  float magnitude = std::fabs(value);
  if (magnitude >= 65520.0f) // halfway between the largest half and the next power of two
    return sign | 0x7c00;
  int unit = std::max(exponentOf(magnitude) - 11, -24); // exponent of the last mantissa bit
  auto mantissa = static_cast<uint32_t>(std::nearbyint(std::ldexp(magnitude, -unit)));
  // A mantissa that rounds up to 2048 carries into the exponent by itself.
  uint32_t biased = unit == -24 ? mantissa : mantissa + (static_cast<uint32_t>(unit + 24) << 10);
  return static_cast<uint16_t>(sign | biased);
}

namespace {
/// What tells the small formats apart.
struct Format {
  int mantissaBits, bias;
  uint8_t largest;  ///< bits of the largest finite value
  uint8_t nan;      ///< 0: the format has none
  uint8_t infinity; ///< 0: the format has none
  uint8_t signBit;
  bool negativeZero;
};
} // namespace

static const Format &formatOf(DType type) {
  static const Format e4m3fn = {3, 7, 0x7e, 0x7f, 0, 0x80, true};
  static const Format e4m3fnuz = {3, 8, 0x7f, 0x80, 0, 0x80, false};
  static const Format e5m2 = {2, 15, 0x7b, 0x7f, 0x7c, 0x80, true};
  static const Format e5m2fnuz = {2, 16, 0x7f, 0x80, 0, 0x80, false};
  static const Format e2m1 = {1, 1, 0x7, 0, 0, 0x8, true};
  switch (type) {
  case DType::F8E4M3FN:
    return e4m3fn;
  case DType::F8E4M3FNUZ:
    return e4m3fnuz;
  case DType::F8E5M2:
    return e5m2;
  case DType::F8E5M2FNUZ:
    return e5m2fnuz;
  default:
    return e2m1;
  }
}

static float decodeMagnitude(const Format &format, uint8_t bits) {
  int exponent = bits >> format.mantissaBits;
  int mantissa = bits & ((1 << format.mantissaBits) - 1);
  if (exponent == 0)
    exponent = 1; // subnormal: no leading one
  else
    mantissa += 1 << format.mantissaBits;
  return std::ldexp(static_cast<float>(mantissa), exponent - format.bias - format.mantissaBits);
}

float decodeSmallFloat(DType type, uint8_t bits) {
  const Format &format = formatOf(type);
  uint8_t magnitude = bits & (format.signBit - 1);
  float sign = bits & format.signBit ? -1.0f : 1.0f;
  bool isNan = format.nan && (format.negativeZero ? magnitude > std::max(format.largest, format.infinity)
                                                  : bits == format.nan);
  if (isNan)
    return std::numeric_limits<float>::quiet_NaN();
  if (format.infinity && magnitude == format.infinity)
    return sign * std::numeric_limits<float>::infinity();
  return sign * decodeMagnitude(format, magnitude);
}

uint8_t encodeSmallFloat(DType type, float value, bool saturate) {
  const Format &format = formatOf(type);
  uint8_t sign = std::signbit(value) ? format.signBit : 0;
  if (std::isnan(value))
    return format.nan ? format.nan : format.signBit; // without NaNs: -0, as ONNX's tests have it
  float magnitude = std::fabs(value);
  uint32_t bits = format.largest + 1u;
  if (!std::isinf(value)) {
    int lowest = 1 - format.bias - format.mantissaBits;
    int unit = std::max(exponentOf(magnitude) - 1 - format.mantissaBits, lowest);
    double mantissa = std::nearbyint(std::ldexp(magnitude, -unit));
    bits = static_cast<uint32_t>(mantissa) + (static_cast<uint32_t>(unit - lowest) << format.mantissaBits);
  }
  if (bits > format.largest) {
    if (saturate || !format.nan)
      return sign | format.largest;
    return format.infinity ? sign | format.infinity : (format.negativeZero ? sign | format.nan : format.nan);
  }
  if (bits == 0 && !format.negativeZero)
    return 0;
  return static_cast<uint8_t>(sign | bits);
}

} // namespace qcc::reference
