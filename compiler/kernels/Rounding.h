//===- Rounding.h - From real numbers to stored integers --------*- C++ -*-===//
//
// The kernels' side of rules q1, q2, q7 and q8 (dialects/reference/Integer.h):
// the same bits on every variant.
//
//===----------------------------------------------------------------------===//
#ifndef QCC_COMPILER_KERNELS_ROUNDING_H
#define QCC_COMPILER_KERNELS_ROUNDING_H

#include "compiler/kernels/Spec.h"

namespace qcc::kernels {

/// The largest distance of a byte from its zero point.
constexpr float byteRange = 255;

/// saturate(rint(value) + zeroPoint) as `storage`. `bound` is a proven limit of |value|,
/// infinity where there is none; NaN, which then may come, gives the zero point.
Expr roundAndSaturate(Expr value, const Quantization &to, mlir::Type storage, float bound);
/// The same for a zero point known at run time, an integer of any width.
Expr roundAndSaturate(Expr value, Expr zeroPoint, mlir::Type storage);

/// q1 for a float32 x.
Expr quantize(Expr x, const Quantization &to, mlir::Type storage);
/// (q - z) * s in float32; `q` as loaded from `storage`.
Expr dequantize(Expr q, const Quantization &from, mlir::Type storage);
/// q - z in 32 bits, for storage of up to 16 bits.
Expr centred(Expr q, int64_t zeroPoint, mlir::Type storage);

/// Q(x), at compile time.
int64_t quantizeConstant(double x, const Quantization &to);
/// Narrows the range of `to` by a chain of relu and clip, which before a Q are a
/// clamp of the stored integers (q8). An error at `loc` for any other step.
llvm::LogicalResult boundByChain(mlir::Location loc, mlir::ArrayAttr chain, Quantization &to);

} // namespace qcc::kernels

#endif // QCC_COMPILER_KERNELS_ROUNDING_H
