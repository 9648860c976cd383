//===- VectorOps.h - The vector primitives of a variant ---------*- C++ -*-===//
//
// What kernels are written in where plain arith and vector operations would not
// become the instruction they should: dot products, conversions with rounding,
// saturating packs, table look-ups. All at one width, which may be less than the
// variant's own. "Lane" is a part of 128 bits.
//
//===----------------------------------------------------------------------===//
#ifndef QCC_COMPILER_TARGET_VECTOROPS_H
#define QCC_COMPILER_TARGET_VECTOROPS_H

#include "compiler/target/CodeBuilder.h"
#include "compiler/target/Target.h"
#include <memory>

namespace qcc::target {

class VectorOps {
public:
  VectorOps(CodeBuilder &code, unsigned bytes) : code(code), bytes(bytes) {}
  virtual ~VectorOps();
  static std::unique_ptr<VectorOps> create(CodeBuilder &code, const Variant &variant, unsigned bytes);

  CodeBuilder &code;
  const unsigned bytes; ///< of a vector

  int64_t count() const { return bytes / 4; } ///< of 32-bit elements
  mlir::VectorType f32s() { return code.vec(count(), code.f32()); }
  mlir::VectorType i32s() { return code.vec(count(), code.i32()); }
  mlir::VectorType i16s() { return code.vec(bytes / 2, code.i16()); }
  mlir::VectorType i8s() { return code.vec(bytes, code.i8()); }

  //--- Sums of products, exact ------------------------------------------------//
  /// Operands of `dot`, prepared once for several uses.
  using Operand = llvm::SmallVector<Value, 2>;
  virtual Operand activations(Value i32s) = 0; ///< four u8 in each element
  /// Whether `activations` takes 128 off each byte, as dot products of signed bytes need. Sums then lack
  /// 128 times the sum of their weights.
  virtual bool shiftsActivations() const { return false; }
  virtual Operand weights(Value i8s) = 0; ///< s8
  /// sum + the four products of each element.
  virtual Value dot(Value sum, const Operand &activations, const Operand &weights) = 0;
  /// The same for two bf16 in each element, summed in f32; subnormal ones may count as zero. Only where
  /// ByteTile has no tile of bf16.
  virtual Operand bf16Pairs(Value i32s);
  virtual Value dotBf16(Value sum, const Operand &x, const Operand &y);
  /// x * y + sum, fused where the variant can.
  virtual Value multiplyAdd(Value x, Value y, Value sum) = 0;

  //--- Conversions ------------------------------------------------------------//
  virtual Value roundToInt(Value f32s) = 0;          ///< half to even; |x| < 2^31
  Value roundToFloat(Value f32s);                    ///< half to even; |x| < 2^22
  virtual Value packI16(Value i32a, Value i32b) = 0; ///< in each lane: a, then b, saturated
  virtual Value packU8(Value i16a, Value i16b) = 0;  ///< in each lane: a, then b, saturated
  /// Four vectors of byteOffset + the unsigned bytes, without a conversion; packs of neighbours put them back
  /// in order.
  static constexpr float byteOffset = 8388608.0f;
  Values bytesToFloats(Value i8s);
  Value bytesAsFloats(Value pointer, int64_t offset);             ///< as many s8 as f32s, loaded
  virtual Value toBf16(Value f32s) = 0;                           ///< half to even, NaN stays; bits as i16
  Value fromBf16(Value i16s);                                     ///< as many as f32s
  virtual Value fromF16(Value i16s);                              ///< as many as f32s; finite
  Value halvesAsFloats(Half type, Value pointer, int64_t offset); ///< as many as f32s, loaded
  Value addSaturated(Value i16a, Value i16b);
  Value maxU8(Value a, Value b);
  Value minU8(Value a, Value b);
  /// The same value, of which LLVM knows nothing: for a permutation whose parts are then stored, where it
  /// would permute for each part apart.
  virtual Value opaque(Value v) { return v; }
  /// In each lane of x and y: x0 y0 x1 y1 ... of the lower (or upper) half.
  Value interleave(Value x, Value y, bool high);
  /// f32 of c > x ? c : x and the like: NaN in x stays.
  Value max(Value x, Value c);
  Value min(Value x, Value c);

  virtual bool hasMasks() const = 0; ///< LLVM's masked stores are instructions for any element

  //--- Tables -----------------------------------------------------------------//
  virtual bool hasTables() const = 0;
  virtual Values loadTable(Value pointer) = 0;
  virtual Value lookUp(const Values &table, Value i8s) = 0;
};

} // namespace qcc::target

#endif // QCC_COMPILER_TARGET_VECTOROPS_H
