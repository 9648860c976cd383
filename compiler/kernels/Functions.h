//===- Functions.h - Elementary functions on vectors -------------*- C++ -*-===//
//
// Polynomials of our own, fitted by Chebyshev interpolation, emitted inline: no
// call, so that loops stay in registers. Errors against the exact value, measured
// over the whole range: at most 3 units in the last place of float32 for exp, log,
// sigmoid, tanh, erf, expm1 and softplus (sigmoid below -88.7, where it would be
// subnormal, is 0). float64 has its own exp and log (relative
// error below 1e-14); the functions with bounded results are computed in float32.
//
//===----------------------------------------------------------------------===//
#ifndef QCC_COMPILER_KERNELS_FUNCTIONS_H
#define QCC_COMPILER_KERNELS_FUNCTIONS_H

#include "compiler/kernels/Expr.h"

namespace qcc::kernels {

Expr exponential(Expr x);
Expr exponentialMinusOne(Expr x); ///< exp(x) - 1 without cancellation near 0
Expr logarithm(Expr x);
Expr sigmoid(Expr x);
Expr hyperbolicTangent(Expr x);
Expr errorFunction(Expr x);
Expr gelu(Expr x);     ///< x times the normal distribution's share below x
Expr softplus(Expr x); ///< log(1 + exp(x))
/// x to the power y, by C's rules for signs, zeros and infinities.
Expr power(Expr x, Expr y);
/// The remainder of a / b towards zero, exact and slow.
Expr floatRemainder(Expr a, Expr b);

/// c[0] + c[1] x + c[2] x^2 + ..., by Horner's rule.
Expr polynomial(Expr x, llvm::ArrayRef<double> c);
/// A positive magnitude (or NaN) with the sign bit of another number.
Expr copySign(Expr magnitude, Expr sign);
/// The function of a float64, rounded to float32.
Expr inFloat32(Expr x, Expr (*function)(Expr));

} // namespace qcc::kernels

#endif // QCC_COMPILER_KERNELS_FUNCTIONS_H
