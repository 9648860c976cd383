//===- SmallFloat.h - Floats of 16, 8 and 4 bits ----------------*- C++ -*-===//
#ifndef QCC_DIALECTS_REFERENCE_SMALLFLOAT_H
#define QCC_DIALECTS_REFERENCE_SMALLFLOAT_H

#include "dialects/reference/Tensor.h"

namespace qcc::reference {

/// The value of the bits of an 8-bit or 4-bit float type.
float decodeSmallFloat(DType type, uint8_t bits);

/// The nearest value of an 8-bit or 4-bit float type, ties to even. What is too
/// large, infinities included, becomes the largest finite value with `saturate`,
/// else infinity or, in a type without infinities, NaN.
uint8_t encodeSmallFloat(DType type, float value, bool saturate);

} // namespace qcc::reference

#endif // QCC_DIALECTS_REFERENCE_SMALLFLOAT_H
