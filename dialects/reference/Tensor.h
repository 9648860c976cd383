//===- Tensor.h - Numbers the reference computes on -------------*- C++ -*-===//
//
// A dense tensor in row-major order. Sub-byte integers take one byte each.
// Nothing here knows MLIR; dialects/Constants.h converts.
//
//===----------------------------------------------------------------------===//
#ifndef QCC_DIALECTS_REFERENCE_TENSOR_H
#define QCC_DIALECTS_REFERENCE_TENSOR_H

#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

namespace qcc::reference {

enum class DType : uint8_t {
  F32,
  F64,
  F16,
  BF16,
  I4,
  U4,
  I8,
  U8,
  I16,
  U16,
  I32,
  U32,
  I64,
  U64,
  Bool,
  F8E4M3FN,
  F8E4M3FNUZ,
  F8E5M2,
  F8E5M2FNUZ,
  F4E2M1,
};

/// Bytes that one element takes in `Tensor::bytes`.
int64_t byteSize(DType type);
/// "f32", "u8", ...: the name used in messages.
const char *name(DType type);
bool isFloat(DType type);
/// True for u4, u8, u16, u32, u64 and bool.
bool isUnsigned(DType type);

/// Conversions between float32 and the bits of 16-bit and 8-bit floats, round
/// to nearest even.
float halfToFloat(uint16_t bits);
uint16_t floatToHalf(float value);
float bfloatToFloat(uint16_t bits);
uint16_t floatToBfloat(float value);

/// The smallest and largest value of an integer type (of i64 for u64 and floats).
struct Range {
  int64_t low, high;
};
Range rangeOf(DType type);

int64_t elementCount(const std::vector<int64_t> &shape);

struct Tensor {
  DType type = DType::F32;
  std::vector<int64_t> shape;
  std::vector<uint8_t> bytes;

  Tensor() = default;
  /// Zero-filled.
  Tensor(DType type, std::vector<int64_t> shape);

  int64_t size() const; ///< number of elements
  int64_t rank() const { return static_cast<int64_t>(shape.size()); }

  /// Typed access; the caller knows the type.
  template <typename T> T *data() { return reinterpret_cast<T *>(bytes.data()); }
  template <typename T> const T *data() const { return reinterpret_cast<const T *>(bytes.data()); }

  /// Element `i` in row-major order as a double (exact for all but 64-bit integers).
  double getDouble(int64_t i) const;
  /// Rounds to the element type: integers toward zero, then wrapping (callers
  /// saturate first), floats to the nearest.
  void setDouble(int64_t i, double value);
  int64_t getInt(int64_t i) const;
  void setInt(int64_t i, int64_t value);
};

} // namespace qcc::reference

#endif // QCC_DIALECTS_REFERENCE_TENSOR_H
