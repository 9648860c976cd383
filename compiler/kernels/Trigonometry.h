//===- Trigonometry.h - Circular and hyperbolic functions --------*- C++ -*-===//
//
// As in Functions.h: polynomials of our own, inline. Errors against the exact value, over the whole range and
// for arguments of any size: at most 4 units in the last place of float32, 12 for the hyperbolic sine and
// cosine. Results of the circular functions and their inverses are computed in float32 for float64, too;
// float64 arguments of sine, cosine and tangent beyond 1.6e6 lose digits.
//
//===----------------------------------------------------------------------===//
#ifndef QCC_COMPILER_KERNELS_TRIGONOMETRY_H
#define QCC_COMPILER_KERNELS_TRIGONOMETRY_H

#include "compiler/kernels/Expr.h"

namespace qcc::kernels {

Expr sine(Expr x);
Expr cosine(Expr x);
Expr tangent(Expr x);
Expr arcSine(Expr x);
Expr arcCosine(Expr x);
Expr arcTangent(Expr x);
Expr hyperbolicSine(Expr x);
Expr hyperbolicCosine(Expr x);
Expr areaSine(Expr x); ///< the inverses of the hyperbolic functions
Expr areaCosine(Expr x);
Expr areaTangent(Expr x);

} // namespace qcc::kernels

#endif // QCC_COMPILER_KERNELS_TRIGONOMETRY_H
