//===- Tensor.cpp - element types, packing, pseudo-random values ----------===//
#include "tools/qcc-run/Tensor.h"

#include <cmath>
#include <cstring>

namespace qcc::run {
namespace {

using support::NpyType;

constexpr ElementType types[] = {
    {QCC_TYPE_F32, "float32", 32, NpyType::F32},
    {QCC_TYPE_F64, "float64", 64, NpyType::F64},
    {QCC_TYPE_F16, "float16", 16, NpyType::F16},
    {QCC_TYPE_BF16, "bfloat16", 16, NpyType::U16},
    {QCC_TYPE_I2, "int2", 2, NpyType::I8},
    {QCC_TYPE_U2, "uint2", 2, NpyType::U8},
    {QCC_TYPE_I4, "int4", 4, NpyType::I8},
    {QCC_TYPE_U4, "uint4", 4, NpyType::U8},
    {QCC_TYPE_I8, "int8", 8, NpyType::I8},
    {QCC_TYPE_U8, "uint8", 8, NpyType::U8},
    {QCC_TYPE_I16, "int16", 16, NpyType::I16},
    {QCC_TYPE_U16, "uint16", 16, NpyType::U16},
    {QCC_TYPE_I32, "int32", 32, NpyType::I32},
    {QCC_TYPE_U32, "uint32", 32, NpyType::U32},
    {QCC_TYPE_I64, "int64", 64, NpyType::I64},
    {QCC_TYPE_U64, "uint64", 64, NpyType::U64},
    {QCC_TYPE_BOOL, "bool", 8, NpyType::Bool},
    {QCC_TYPE_F8E4M3FN, "float8e4m3fn", 8, NpyType::U8},
    {QCC_TYPE_F8E4M3FNUZ, "float8e4m3fnuz", 8, NpyType::U8},
    {QCC_TYPE_F8E5M2, "float8e5m2", 8, NpyType::U8},
    {QCC_TYPE_F8E5M2FNUZ, "float8e5m2fnuz", 8, NpyType::U8},
    {QCC_TYPE_F8E8M0, "float8e8m0", 8, NpyType::U8},
    {QCC_TYPE_F4E2M1, "float4e2m1", 4, NpyType::U8},
};

/// How a float of up to 16 bits spells its values.
struct SmallFloat {
  uint32_t type;
  unsigned exponentBits, mantissaBits;
  int bias;
  enum { Ieee, FiniteOnly, MaxIsNan, MinusZeroIsNan } specials;
};

constexpr SmallFloat smallFloats[] = {
    {QCC_TYPE_F16, 5, 10, 15, SmallFloat::Ieee},
    {QCC_TYPE_BF16, 8, 7, 127, SmallFloat::Ieee},
    {QCC_TYPE_F8E5M2, 5, 2, 15, SmallFloat::Ieee},
    {QCC_TYPE_F8E4M3FN, 4, 3, 7, SmallFloat::MaxIsNan},
    {QCC_TYPE_F8E5M2FNUZ, 5, 2, 16, SmallFloat::MinusZeroIsNan},
    {QCC_TYPE_F8E4M3FNUZ, 4, 3, 8, SmallFloat::MinusZeroIsNan},
    {QCC_TYPE_F4E2M1, 2, 1, 1, SmallFloat::FiniteOnly},
};

const SmallFloat *findSmallFloat(uint32_t type) {
  for (const SmallFloat &format : smallFloats)
    if (format.type == type)
      return &format;
  return nullptr;
}

double decodeSmall(const SmallFloat &format, unsigned code) {
  unsigned mantissaMask = (1u << format.mantissaBits) - 1, exponentMask = (1u << format.exponentBits) - 1;
  unsigned mantissa = code & mantissaMask, exponent = code >> format.mantissaBits & exponentMask;
  bool negative = code >> (format.mantissaBits + format.exponentBits) & 1;
  if (format.specials == SmallFloat::Ieee && exponent == exponentMask)
    return mantissa ? NAN : negative ? -INFINITY : INFINITY;
  if (format.specials == SmallFloat::MaxIsNan && exponent == exponentMask && mantissa == mantissaMask)
    return NAN;
  if (format.specials == SmallFloat::MinusZeroIsNan && negative && !exponent && !mantissa)
    return NAN;
  double significand = exponent ? mantissa + mantissaMask + 1 : mantissa;
  int power = static_cast<int>(exponent ? exponent : 1) - format.bias - static_cast<int>(format.mantissaBits);
  double value = std::ldexp(significand, power);
  return negative ? -value : value;
}

/// The code nearest to a value of [-1, 1); the lowest of equals.
unsigned encodeNearest(const SmallFloat &format, double value) {
  unsigned codes = 2u << (format.exponentBits + format.mantissaBits), best = 0;
  double distance = INFINITY;
  for (unsigned code = 0; code < codes; ++code) {
    double candidate = std::fabs(decodeSmall(format, code) - value);
    if (candidate < distance) {
      distance = candidate;
      best = code;
    }
  }
  return best;
}

/// xorshift64: the same sequence everywhere.
class Random {
public:
  explicit Random(uint32_t number) : state(0x9e3779b97f4a7c15u * (number + 1u)) {}
  uint64_t next() {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
  }
  /// A multiple of 2^-23 in [-1, 1).
  double unit() { return static_cast<double>(next() >> 40) / (1 << 23) - 1; }

private:
  uint64_t state;
};

template <typename T> T load(const uint8_t *from) {
  T value;
  std::memcpy(&value, from, sizeof(T));
  return value;
}

template <typename T> void store(uint8_t *to, T value) { std::memcpy(to, &value, sizeof(T)); }

/// Half or bfloat16 from a multiple of 2^-23, by cutting the float's mantissa;
/// what would be a denormal half becomes zero.
uint16_t cutFloat(uint32_t type, double unit) {
  float value = static_cast<float>(unit);
  uint32_t bits;
  std::memcpy(&bits, &value, 4);
  uint32_t exponent = bits >> 23 & 0xff, sign = bits >> 16 & 0x8000;
  if (type == QCC_TYPE_BF16)
    return static_cast<uint16_t>(bits >> 16);
  if (exponent < 127 - 14)
    return static_cast<uint16_t>(sign);
  return static_cast<uint16_t>(sign | (exponent - 127 + 15) << 10 | (bits >> 13 & 0x3ff));
}

void fillElement(const ElementType &type, Random &random, uint8_t *to) {
  if (type.type == QCC_TYPE_F32)
    return store(to, static_cast<float>(random.unit()));
  if (type.type == QCC_TYPE_F64)
    return store(to, random.unit());
  if (type.type == QCC_TYPE_F16 || type.type == QCC_TYPE_BF16)
    return store(to, cutFloat(type.type, random.unit()));
  if (const SmallFloat *format = findSmallFloat(type.type))
    return store(to, static_cast<uint8_t>(encodeNearest(*format, random.unit())));
  if (type.type == QCC_TYPE_F8E8M0) // powers of two: 1/8 to 1
    return store(to, static_cast<uint8_t>(127 - random.next() % 4));
  std::memset(to, 0, support::npyTypeBytes(type.npy));
  *to = static_cast<uint8_t>(random.next() >> 63);
}

/// How many elements share a byte of the model's memory.
unsigned perByte(const ElementType &type) { return type.bits < 8 ? 8 / type.bits : 1; }

bool fits(const ElementType &type, uint8_t element) {
  bool isSigned = type.npy == NpyType::I8;
  int value = isSigned ? static_cast<int8_t>(element) : element;
  int low = isSigned ? -(1 << (type.bits - 1)) : 0;
  return value >= low && value < low + (1 << type.bits);
}

} // namespace

const ElementType *findType(uint32_t type) {
  for (const ElementType &row : types)
    if (row.type == type)
      return &row;
  return nullptr;
}

bool isFloat(uint32_t type) {
  return type == QCC_TYPE_F32 || type == QCC_TYPE_F64 || type == QCC_TYPE_F8E8M0 || findSmallFloat(type);
}

std::vector<int64_t> shapeOf(const qcc_tensor_info &info) {
  return std::vector<int64_t>(info.shape, info.shape + info.rank);
}

size_t elementsOf(const qcc_tensor_info &info) {
  size_t elements = 1;
  for (int64_t extent : shapeOf(info))
    elements *= static_cast<size_t>(extent);
  return elements;
}

/// What an extent is a multiple of.
static int64_t stepAt(const qcc_tensor_info &info, uint32_t axis) {
  return info.min_shape[4 * info.rank + axis];
}

bool fitsShape(const qcc_tensor_info &info, const std::vector<int64_t> &shape) {
  if (!info.min_shape || shape.size() != info.rank)
    return shape == shapeOf(info);
  for (uint32_t axis = 0; axis < info.rank; ++axis)
    if (shape[axis] < info.min_shape[axis] || shape[axis] > info.shape[axis] ||
        shape[axis] % stepAt(info, axis))
      return false;
  return true;
}

std::string boundsText(const qcc_tensor_info &info) {
  if (!info.min_shape)
    return support::npyShapeText(shapeOf(info));
  std::string text;
  for (uint32_t axis = 0; axis < info.rank; ++axis)
    text += (axis ? ", " : "(") +
            (info.min_shape[axis] < info.shape[axis] ? std::to_string(info.min_shape[axis]) + ".." : "") +
            std::to_string(info.shape[axis]) +
            (stepAt(info, axis) == 1 ? "" : "/" + std::to_string(stepAt(info, axis)));
  return text + (info.rank == 1 ? ",)" : ")");
}

bool checkInfo(const qcc_tensor_info &info, std::string &error) {
  const ElementType *type = findType(info.type);
  if (!type) {
    error =
        "tensor '" + std::string(info.name) + "' has the unknown element type " + std::to_string(info.type);
    return false;
  }
  size_t share = perByte(*type),
         bytes = (elementsOf(info) + share - 1) / share * (share > 1 ? 1 : type->bits / 8);
  if (bytes == info.bytes)
    return true;
  error = "tensor '" + std::string(info.name) + "' of shape " + support::npyShapeText(shapeOf(info)) +
          " and type " + type->name + " should have " + std::to_string(bytes) +
          " bytes, the descriptor says " + std::to_string(info.bytes);
  return false;
}

bool pack(const qcc_tensor_info &info, const uint8_t *elements, uint8_t *bytes, std::string &error) {
  const ElementType &type = *findType(info.type);
  if (type.bits >= 8) {
    if (info.bytes)
      std::memcpy(bytes, elements, info.bytes);
    for (size_t i = 0; type.type == QCC_TYPE_BOOL && i < info.bytes; ++i)
      bytes[i] = bytes[i] != 0;
    return true;
  }
  std::memset(bytes, 0, info.bytes);
  for (size_t i = 0, count = elementsOf(info); i < count; ++i) {
    if (!fits(type, elements[i])) {
      error = "value " +
              std::to_string(static_cast<int>(type.npy == NpyType::I8 ? int8_t(elements[i]) : elements[i])) +
              " at " + placeText(shapeOf(info), i) + " does not fit " + type.name;
      return false;
    }
    unsigned code = elements[i] & ((1u << type.bits) - 1);
    bytes[i / perByte(type)] |= static_cast<uint8_t>(code << (i % perByte(type) * type.bits));
  }
  return true;
}

void unpack(const qcc_tensor_info &info, const uint8_t *bytes, uint8_t *elements) {
  const ElementType &type = *findType(info.type);
  if (type.bits >= 8) {
    if (info.bytes)
      std::memcpy(elements, bytes, info.bytes);
    return;
  }
  unsigned mask = (1u << type.bits) - 1, signBit = type.npy == NpyType::I8 ? 1u << (type.bits - 1) : 0;
  for (size_t i = 0, count = elementsOf(info); i < count; ++i) {
    unsigned code = bytes[i / perByte(type)] >> (i % perByte(type) * type.bits) & mask;
    elements[i] = static_cast<uint8_t>((code ^ signBit) - signBit);
  }
}

long double valueOf(uint32_t type, const uint8_t *element) {
  if (const SmallFloat *format = findSmallFloat(type))
    return decodeSmall(*format, findType(type)->bits > 8 ? load<uint16_t>(element) : *element);
  if (type == QCC_TYPE_F8E8M0)
    return *element == 255 ? NAN : std::ldexp(1.0L, *element - 127);
  switch (findType(type)->npy) {
  case NpyType::Bool:
    return *element != 0;
  case NpyType::I8:
    return load<int8_t>(element);
  case NpyType::U8:
    return *element;
  case NpyType::I16:
    return load<int16_t>(element);
  case NpyType::U16:
    return load<uint16_t>(element);
  case NpyType::I32:
    return load<int32_t>(element);
  case NpyType::U32:
    return load<uint32_t>(element);
  case NpyType::I64:
    return load<int64_t>(element);
  case NpyType::U64:
    return load<uint64_t>(element);
  case NpyType::F32:
    return load<float>(element);
  default:
    return load<double>(element);
  }
}

void fillPseudoRandom(const qcc_tensor_info &info, uint32_t number, uint8_t *bytes) {
  const ElementType &type = *findType(info.type);
  size_t width = support::npyTypeBytes(type.npy);
  std::vector<uint8_t> elements(elementsOf(info) * width);
  Random random(number);
  for (size_t i = 0; i < elements.size(); i += width)
    fillElement(type, random, elements.data() + i);
  std::string ignored; // 0, 1 and codes of the type always fit
  pack(info, elements.data(), bytes, ignored);
}

std::string placeText(const std::vector<int64_t> &shape, size_t index) {
  std::vector<int64_t> place(shape.size());
  for (size_t d = shape.size(); d-- > 0;) {
    place[d] = static_cast<int64_t>(index % static_cast<size_t>(shape[d]));
    index /= static_cast<size_t>(shape[d]);
  }
  return support::npyShapeText(place);
}

} // namespace qcc::run
