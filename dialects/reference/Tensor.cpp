//===- Tensor.cpp - Numbers the reference computes on ---------------------===//

#include "dialects/reference/Tensor.h"
#include "dialects/reference/SmallFloat.h"

#include <cmath>
#include <limits>

namespace qcc::reference {

int64_t byteSize(DType type) {
  switch (type) {
  case DType::F64:
  case DType::I64:
  case DType::U64:
    return 8;
  case DType::F32:
  case DType::I32:
  case DType::U32:
    return 4;
  case DType::F16:
  case DType::BF16:
  case DType::I16:
  case DType::U16:
    return 2;
  default:
    return 1;
  }
}

const char *name(DType type) {
  static const char *const names[] = {
      "f32", "f64", "f16", "bf16", "i4",   "u4",       "i8",         "u8",     "i16",        "u16",
      "i32", "u32", "i64", "u64",  "bool", "f8E4M3FN", "f8E4M3FNUZ", "f8E5M2", "f8E5M2FNUZ", "f4E2M1FN"};
  return names[static_cast<int>(type)];
}

bool isFloat(DType type) { return type <= DType::BF16 || type >= DType::F8E4M3FN; }

bool isUnsigned(DType type) {
  return type == DType::U4 || type == DType::U8 || type == DType::U16 || type == DType::U32 ||
         type == DType::U64 || type == DType::Bool;
}

Range rangeOf(DType type) {
  switch (type) {
  case DType::I4:
    return {-8, 7};
  case DType::U4:
    return {0, 15};
  case DType::I8:
    return {-128, 127};
  case DType::U8:
    return {0, 255};
  case DType::I16:
    return {-32768, 32767};
  case DType::U16:
    return {0, 65535};
  case DType::I32:
    return {INT32_MIN, INT32_MAX};
  case DType::U32:
    return {0, UINT32_MAX};
  case DType::Bool:
    return {0, 1};
  default:
    return {INT64_MIN, INT64_MAX};
  }
}

Tensor::Tensor(DType type, std::vector<int64_t> shape) : type(type), shape(std::move(shape)) {
  bytes.resize(static_cast<size_t>(size() * byteSize(type)));
}

int64_t Tensor::size() const { return elementCount(shape); }

int64_t elementCount(const std::vector<int64_t> &shape) {
  int64_t count = 1;
  for (int64_t dim : shape)
    count *= dim;
  return count;
}

double Tensor::getDouble(int64_t i) const {
  switch (type) {
  case DType::F32:
    return data<float>()[i];
  case DType::F64:
    return data<double>()[i];
  case DType::F16:
    return halfToFloat(data<uint16_t>()[i]);
  case DType::BF16:
    return bfloatToFloat(data<uint16_t>()[i]);
  case DType::U64:
    return static_cast<double>(data<uint64_t>()[i]);
  case DType::F8E4M3FN:
  case DType::F8E4M3FNUZ:
  case DType::F8E5M2:
  case DType::F8E5M2FNUZ:
  case DType::F4E2M1:
    return decodeSmallFloat(type, data<uint8_t>()[i]);
  default:
    return static_cast<double>(getInt(i));
  }
}

/// Toward zero; beyond the range the nearest bound, NaN 0: defined everywhere.
static int64_t truncate(double value) {
  if (std::isnan(value))
    return 0;
  if (value >= 9223372036854775808.0)
    return INT64_MAX;
  if (value <= -9223372036854775808.0)
    return INT64_MIN;
  return static_cast<int64_t>(value);
}

/// The float32 next to `value` on the side of zero, its last bit set if it is not exact: rounding it
/// again, to fewer bits, then gives what rounding `value` once does.
static float toOddFloat(double value) {
  auto nearest = static_cast<float>(value);
  if (nearest == value || std::isnan(value))
    return nearest;
  if (std::abs(static_cast<double>(nearest)) > std::abs(value))
    nearest = std::nextafter(nearest, 0.0f);
  uint32_t bits;
  std::memcpy(&bits, &nearest, sizeof(bits));
  bits |= 1;
  std::memcpy(&nearest, &bits, sizeof(bits));
  return nearest;
}

void Tensor::setDouble(int64_t i, double value) {
  switch (type) {
  case DType::F32:
    data<float>()[i] = static_cast<float>(value);
    return;
  case DType::F64:
    data<double>()[i] = value;
    return;
  case DType::F16:
    data<uint16_t>()[i] = floatToHalf(toOddFloat(value));
    return;
  case DType::BF16:
    data<uint16_t>()[i] = floatToBfloat(toOddFloat(value));
    return;
  case DType::F8E4M3FN:
  case DType::F8E4M3FNUZ:
  case DType::F8E5M2:
  case DType::F8E5M2FNUZ:
  case DType::F4E2M1:
    data<uint8_t>()[i] = encodeSmallFloat(type, static_cast<float>(value), /*saturate=*/true);
    return;
  case DType::Bool:
    data<uint8_t>()[i] = value != 0;
    return;
  case DType::U64:
    if (value >= 9223372036854775808.0) {
      data<uint64_t>()[i] = value >= 18446744073709551616.0 ? UINT64_MAX : static_cast<uint64_t>(value);
      return;
    }
    [[fallthrough]];
  default:
    setInt(i, truncate(value));
  }
}

int64_t Tensor::getInt(int64_t i) const {
  switch (type) {
  case DType::I4:
  case DType::I8:
    return data<int8_t>()[i];
  case DType::U4:
  case DType::U8:
  case DType::Bool:
    return data<uint8_t>()[i];
  case DType::I16:
    return data<int16_t>()[i];
  case DType::U16:
    return data<uint16_t>()[i];
  case DType::I32:
    return data<int32_t>()[i];
  case DType::U32:
    return data<uint32_t>()[i];
  case DType::I64:
  case DType::U64:
    return data<int64_t>()[i];
  default:
    return truncate(getDouble(i));
  }
}

void Tensor::setInt(int64_t i, int64_t value) {
  switch (type) {
  case DType::I4: // wraps into the low four bits, sign-extended
    data<int8_t>()[i] = static_cast<int8_t>(static_cast<int8_t>(static_cast<uint8_t>(value) << 4) >> 4);
    return;
  case DType::U4:
    data<uint8_t>()[i] = static_cast<uint8_t>(value & 15);
    return;
  case DType::Bool:
    data<uint8_t>()[i] = value != 0;
    return;
  case DType::I8:
  case DType::U8:
    data<uint8_t>()[i] = static_cast<uint8_t>(value);
    return;
  case DType::I16:
  case DType::U16:
    data<uint16_t>()[i] = static_cast<uint16_t>(value);
    return;
  case DType::I32:
  case DType::U32:
    data<uint32_t>()[i] = static_cast<uint32_t>(value);
    return;
  case DType::I64:
  case DType::U64:
    data<int64_t>()[i] = value;
    return;
  default:
    setDouble(i, static_cast<double>(value));
  }
}

} // namespace qcc::reference
