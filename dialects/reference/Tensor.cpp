//===- Tensor.cpp - Numbers the reference computes on ---------------------===//

#include "dialects/reference/Tensor.h"

#include <cmath>
#include <limits>

using namespace qcc::reference;

namespace {
struct TypeInfo {
  const char *name;
  int8_t bytes;
  bool isFloat;
  bool isUnsigned;
};

const TypeInfo infos[] = {
    {"f32", 4, true, false},        {"f64", 8, true, false},        {"f16", 2, true, false},
    {"bf16", 2, true, false},       {"i4", 1, false, false},        {"u4", 1, false, true},
    {"i8", 1, false, false},        {"u8", 1, false, true},         {"i16", 2, false, false},
    {"u16", 2, false, true},        {"i32", 4, false, false},       {"u32", 4, false, true},
    {"i64", 8, false, false},       {"u64", 8, false, true},        {"bool", 1, false, true},
    {"f8e4m3fn", 1, true, false},   {"f8e4m3fnuz", 1, true, false}, {"f8e5m2", 1, true, false},
    {"f8e5m2fnuz", 1, true, false}, {"f4e2m1", 1, true, false},
};

const TypeInfo &info(DType type) { return infos[static_cast<int>(type)]; }

/// The layout of a small float: value = (-1)^s * 2^(e - bias) * 1.m
struct SmallFloat {
  int exponentBits, mantissaBits, bias;
  bool hasInfinity, isFnuz, hasNan;
};

SmallFloat format(DType type) {
  switch (type) {
  case DType::F8E4M3FN:
    return {4, 3, 7, false, false, true};
  case DType::F8E4M3FNUZ:
    return {4, 3, 8, false, true, true};
  case DType::F8E5M2:
    return {5, 2, 15, true, false, true};
  case DType::F8E5M2FNUZ:
    return {5, 2, 16, false, true, true};
  case DType::F4E2M1:
    return {2, 1, 1, false, false, false};
  default:
    return {5, 10, 15, true, false, true}; // f16
  }
}

double decode(const SmallFloat &f, uint32_t bits) {
  uint32_t sign = bits >> (f.exponentBits + f.mantissaBits) & 1;
  uint32_t exponent = bits >> f.mantissaBits & ((1u << f.exponentBits) - 1);
  uint32_t mantissa = bits & ((1u << f.mantissaBits) - 1);
  uint32_t topExponent = (1u << f.exponentBits) - 1, topMantissa = (1u << f.mantissaBits) - 1;
  const double nan = std::numeric_limits<double>::quiet_NaN();
  if (f.isFnuz && sign && exponent == 0 && mantissa == 0)
    return nan;
  if (f.hasInfinity && exponent == topExponent)
    return mantissa ? nan : (sign ? -1 : 1) * std::numeric_limits<double>::infinity();
  if (!f.hasInfinity && !f.isFnuz && f.hasNan && exponent == topExponent && mantissa == topMantissa)
    return nan;
  double value = exponent
                     ? std::ldexp(1.0 + std::ldexp(double(mantissa), -f.mantissaBits), int(exponent) - f.bias)
                     : std::ldexp(double(mantissa), 1 - f.bias - f.mantissaBits);
  return sign ? -value : value;
}

/// Rounds to nearest even; beyond the largest finite value gives infinity where
/// the format has one, else the largest finite value.
uint32_t encode(const SmallFloat &f, double value) {
  uint32_t signBit = std::signbit(value) ? 1u << (f.exponentBits + f.mantissaBits) : 0;
  uint32_t topExponent = (1u << f.exponentBits) - 1, topMantissa = (1u << f.mantissaBits) - 1;
  if (std::isnan(value))
    return f.isFnuz ? 1u << (f.exponentBits + f.mantissaBits)
                    : signBit | topExponent << f.mantissaBits |
                          (f.hasInfinity ? 1u << (f.mantissaBits - 1) : topMantissa);
  uint32_t largest = f.hasInfinity           ? (topExponent - 1) << f.mantissaBits | topMantissa
                     : f.isFnuz || !f.hasNan ? topExponent << f.mantissaBits | topMantissa
                                             : topExponent << f.mantissaBits | (topMantissa - 1);
  uint32_t infinity = f.hasInfinity ? topExponent << f.mantissaBits : largest;
  double magnitude = std::fabs(value);
  if (std::isinf(magnitude))
    return signBit | infinity;
  int exponent = magnitude > 0 ? std::ilogb(magnitude) : 1 - f.bias;
  exponent = exponent < 1 - f.bias ? 1 - f.bias : exponent;
  double steps = std::nearbyint(std::ldexp(magnitude, f.mantissaBits - exponent));
  // `steps` counts units in the last place from zero of this binade's scale; a
  // carry into the next binade falls out of the addition by itself.
  uint64_t bits = (uint64_t(exponent + f.bias - 1) << f.mantissaBits) + uint64_t(steps);
  if (bits > largest)
    bits = infinity;
  if (f.isFnuz && bits == 0)
    return 0;
  return signBit | uint32_t(bits);
}

template <typename T> T load(const uint8_t *at) {
  T value;
  std::memcpy(&value, at, sizeof value);
  return value;
}
template <typename T> void store(uint8_t *at, T value) { std::memcpy(at, &value, sizeof value); }
} // namespace

int64_t qcc::reference::byteSize(DType type) { return info(type).bytes; }
const char *qcc::reference::name(DType type) { return info(type).name; }
bool qcc::reference::isFloat(DType type) { return info(type).isFloat; }
bool qcc::reference::isUnsigned(DType type) { return info(type).isUnsigned; }

float qcc::reference::halfToFloat(uint16_t bits) { return float(decode(format(DType::F16), bits)); }
uint16_t qcc::reference::floatToHalf(float value) { return uint16_t(encode(format(DType::F16), value)); }

float qcc::reference::bfloatToFloat(uint16_t bits) {
  uint32_t wide = uint32_t(bits) << 16;
  return load<float>(reinterpret_cast<uint8_t *>(&wide));
}

uint16_t qcc::reference::floatToBfloat(float value) {
  uint32_t bits = load<uint32_t>(reinterpret_cast<uint8_t *>(&value));
  if (std::isnan(value))
    return uint16_t(bits >> 16 | 0x40);
  return uint16_t((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

Tensor::Tensor(DType type, std::vector<int64_t> shape) : type(type), shape(std::move(shape)) {
  bytes.resize(size() * byteSize(type));
}

int64_t Tensor::size() const {
  int64_t n = 1;
  for (int64_t d : shape)
    n *= d;
  return n;
}

double Tensor::getDouble(int64_t i) const {
  const uint8_t *at = bytes.data() + i * byteSize(type);
  switch (type) {
  case DType::F32:
    return load<float>(at);
  case DType::F64:
    return load<double>(at);
  case DType::BF16:
    return bfloatToFloat(load<uint16_t>(at));
  case DType::F16:
    return halfToFloat(load<uint16_t>(at));
  case DType::U64:
    return double(load<uint64_t>(at));
  default:
    return isFloat(type) ? decode(format(type), *at) : double(getInt(i));
  }
}

void Tensor::setDouble(int64_t i, double value) {
  uint8_t *at = bytes.data() + i * byteSize(type);
  switch (type) {
  case DType::F32:
    return store(at, float(value));
  case DType::F64:
    return store(at, value);
  case DType::BF16:
    return store(at, floatToBfloat(float(value)));
  case DType::F16:
    return store(at, uint16_t(encode(format(type), value)));
  case DType::U64:
    return store(at, uint64_t(value));
  case DType::Bool:
    return store(at, uint8_t(value != 0));
  default:
    if (isFloat(type))
      return store(at, uint8_t(encode(format(type), value)));
    setInt(i, int64_t(value));
  }
}

int64_t Tensor::getInt(int64_t i) const {
  const uint8_t *at = bytes.data() + i * byteSize(type);
  switch (type) {
  case DType::I4:
  case DType::I8:
    return int8_t(*at);
  case DType::U4:
  case DType::U8:
  case DType::Bool:
    return *at;
  case DType::I16:
    return load<int16_t>(at);
  case DType::U16:
    return load<uint16_t>(at);
  case DType::I32:
    return load<int32_t>(at);
  case DType::U32:
    return load<uint32_t>(at);
  case DType::I64:
  case DType::U64:
    return load<int64_t>(at);
  default:
    return int64_t(getDouble(i));
  }
}

void Tensor::setInt(int64_t i, int64_t value) {
  uint8_t *at = bytes.data() + i * byteSize(type);
  switch (type) {
  case DType::I4:
    return store(at, int8_t(int8_t(uint8_t(value) << 4) >> 4));
  case DType::U4:
    return store(at, uint8_t(value & 15));
  case DType::I8:
  case DType::U8:
    return store(at, uint8_t(value));
  case DType::Bool:
    return store(at, uint8_t(value != 0));
  case DType::I16:
  case DType::U16:
    return store(at, uint16_t(value));
  case DType::I32:
  case DType::U32:
    return store(at, uint32_t(value));
  case DType::I64:
  case DType::U64:
    return store(at, value);
  default:
    setDouble(i, double(value));
  }
}
