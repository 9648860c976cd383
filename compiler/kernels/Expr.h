//===- Expr.h - Arithmetic in kernels, written as it reads ------*- C++ -*-===//
//
// A kernel's body is written once and emitted for any number of lanes: as
// scalars for a tail, as vectors for the rest. `Code` knows how many lanes the
// values have; `Expr` is one value with the operators of C.
//
// Storage and computation have different types: bool is a byte in memory and i1
// in registers, 4-bit integers take one byte each, float16 and bfloat16 are
// computed in float32. Integers are signless in registers; where the sign
// matters, functions ask for it.
//
//===----------------------------------------------------------------------===//
#ifndef QCC_COMPILER_KERNELS_EXPR_H
#define QCC_COMPILER_KERNELS_EXPR_H

#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/TypeUtilities.h"
#include "mlir/IR/Value.h"

namespace qcc::target {
struct Variant;
}

namespace qcc::kernels {

class Code;

struct Expr {
  const Code *code = nullptr;
  mlir::Value value;

  mlir::Type scalarType() const { return mlir::getElementTypeOrSelf(value.getType()); }
  bool isFloat() const { return llvm::isa<mlir::FloatType>(scalarType()); }
};

/// Where expressions are built. On a GPU, lanes are the threads of a warp: each has its own of the values,
/// which is a scalar in the code.
class Code {
public:
  Code(mlir::OpBuilder &builder, mlir::Location loc, const target::Variant &variant, int64_t lanes = 1)
      : builder(builder), loc(loc), variant(variant), lanes(lanes) {}
  /// The same place, with values of `count` lanes.
  Code withLanes(int64_t count) const { return Code(builder, loc, variant, count); }

  static constexpr int64_t warpLanes = 32;
  bool isWarp() const;
  mlir::Value lane() const; ///< of a warp: which one this thread is, i64

  mlir::Type shaped(mlir::Type scalar) const;
  Expr wrap(mlir::Value value) const { return {this, value}; }
  Expr f32(float value) const;
  Expr i32(int64_t value) const;
  /// A constant of any scalar float or signless integer type.
  Expr constant(mlir::Type scalar, double value) const;
  Expr constant(mlir::Type scalar, int64_t value) const;
  /// A scalar in all lanes.
  Expr splat(mlir::Value scalar) const;

  /// Scalar 64-bit arithmetic for addresses and bounds.
  mlir::Value index(int64_t value) const;
  mlir::Value addIndex(mlir::Value a, mlir::Value b) const;
  mlir::Value subIndex(mlir::Value a, mlir::Value b) const;
  mlir::Value mulIndex(mlir::Value a, int64_t factor) const;
  mlir::Value minIndex(mlir::Value a, mlir::Value b) const;
  mlir::Value maxIndex(mlir::Value a, mlir::Value b) const;
  mlir::Value offset(mlir::Value pointer, mlir::Value bytes) const;
  mlir::Value offset(mlir::Value pointer, int64_t bytes) const;

  /// for (i = lower; i < upper; i += step): `body` gets i and the carried values
  /// and returns the next ones.
  using LoopBody =
      llvm::function_ref<llvm::SmallVector<mlir::Value>(mlir::Value index, mlir::ValueRange carried)>;
  llvm::SmallVector<mlir::Value> loop(mlir::Value lower, mlir::Value upper, int64_t step,
                                      mlir::ValueRange initial, LoopBody body) const;
  void loop(mlir::Value lower, mlir::Value upper, int64_t step,
            llvm::function_ref<void(mlir::Value)> body) const;
  /// One of two computations of values of the same types.
  using Branch = llvm::function_ref<llvm::SmallVector<mlir::Value>()>;
  llvm::SmallVector<mlir::Value> branch(mlir::Value condition, mlir::TypeRange types, Branch yes,
                                        Branch no) const;
  void when(mlir::Value condition, llvm::function_ref<void()> body) const;

  mlir::OpBuilder &builder;
  mlir::Location loc;
  const target::Variant &variant;
  int64_t lanes;
};

//===----------------------------------------------------------------------===//
// Storage
//===----------------------------------------------------------------------===//

/// Bytes of one element in memory.
int64_t storageBytes(mlir::Type storage);
bool isUnsigned(mlir::Type storage); ///< uiN and i1
/// The type in registers.
mlir::Type computeType(mlir::Type storage);

/// Loads `code.lanes` consecutive elements; with `broadcast`, one for all lanes.
Expr load(const Code &code, mlir::Value pointer, mlir::Type storage, bool broadcast = false);
void store(Expr value, mlir::Value pointer, mlir::Type storage);
/// What `load` makes of the bits in memory.
Expr fromStorage(Expr bits, mlir::Type storage);
/// What `store` writes, and the write alone.
Expr toStorage(Expr value, mlir::Type storage);
void storeBits(const Code &code, mlir::Value bits, mlir::Value pointer, int64_t alignment);
/// The bits as they lie in memory, without conversion: an integer of the same width.
mlir::Type bitsType(mlir::MLIRContext *context, mlir::Type storage);

//===----------------------------------------------------------------------===//
// Arithmetic
//===----------------------------------------------------------------------===//

Expr operator+(Expr a, Expr b);
Expr operator-(Expr a, Expr b);
Expr operator*(Expr a, Expr b);
Expr operator&(Expr a, Expr b);
Expr operator|(Expr a, Expr b);
Expr operator^(Expr a, Expr b);
Expr operator<<(Expr a, unsigned bits);
Expr shiftRightLogical(Expr a, unsigned bits);
Expr shiftRightArithmetic(Expr a, unsigned bits);
/// By a number of bits for each lane, which must be less than the width.
Expr shiftLeft(Expr a, Expr bits);
Expr shiftRightLogical(Expr a, Expr bits);
Expr operator+(Expr a, float b);
Expr operator-(Expr a, float b);
Expr operator*(Expr a, float b);
/// Float division; integers go through `divideIntegers`.
Expr operator/(Expr a, Expr b);
Expr negate(Expr a);
/// a * b + c: fused where the variant can. Only where no rule fixes the rounding.
Expr mulAdd(Expr a, Expr b, Expr c);

enum class Order { Equal, NotEqual, Less, LessEqual, Greater, GreaterEqual };
/// Ordered comparison (false for NaN, but NotEqual is true).
Expr compare(Order order, Expr a, Expr b, bool isUnsigned = false);
Expr select(Expr condition, Expr a, Expr b);
/// For floats: `a` where the comparison with `b` holds, else `b`.
Expr minimum(Expr a, Expr b, bool isUnsigned = false);
Expr maximum(Expr a, Expr b, bool isUnsigned = false);
/// NaN where one operand is NaN.
Expr minimumOrNan(Expr a, Expr b);
Expr maximumOrNan(Expr a, Expr b);

Expr bitcast(Expr a, mlir::Type scalar);
/// Integer to a wider or narrower integer.
Expr resizeInteger(Expr a, mlir::Type scalar, bool isUnsigned);
Expr toFloat(Expr integer, mlir::Type scalar, bool isUnsigned);
Expr toFloat(Expr signedInteger); ///< float32
/// float32 to float64 or back.
Expr changeFloat(Expr a, mlir::Type scalar);
/// Round half to even; the value must fit in int32.
Expr rintToI32(Expr a);
/// Towards zero, saturating; NaN gives 0.
Expr truncateToInteger(Expr a, mlir::Type scalar, bool isUnsigned);
/// Round half to even, as a float of any magnitude.
Expr rint(Expr a);
Expr floor(Expr a);
Expr ceil(Expr a);
Expr absolute(Expr a); ///< integers: two's complement
Expr squareRoot(Expr a);
Expr isNan(Expr a);

/// Integer quotient and remainder towards zero; a zero divisor gives 0 and `a`, and
/// the most negative number by -1 wraps: nothing traps.
Expr divideIntegers(Expr a, Expr b, bool isUnsigned);
Expr remainderIntegers(Expr a, Expr b, bool isUnsigned);

/// Combines all lanes into one value, in an order that depends on the lanes only. All threads of a warp get
/// it.
mlir::Value reduceLanes(Expr a, llvm::function_ref<Expr(Expr, Expr)> combine);

} // namespace qcc::kernels

#endif // QCC_COMPILER_KERNELS_EXPR_H
