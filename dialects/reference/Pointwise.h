//===- Pointwise.h - Functions of one number --------------------*- C++ -*-===//
//
// One table of every function that maps one number to one: the unary operators
// and the steps of a fused chain share it.
//
//===----------------------------------------------------------------------===//
#ifndef QCC_DIALECTS_REFERENCE_POINTWISE_H
#define QCC_DIALECTS_REFERENCE_POINTWISE_H

#include "dialects/reference/Tensor.h"

namespace qcc::reference {

/// One row: a function of x with up to two parameters. The expression's order
/// is part of the meaning: every operation in it rounds to float32.
struct PointwiseFunction {
  const char *name;
  float (*inFloat)(float x, float a, float b);
  double (*inDouble)(double x, double a, double b);
  const char *parameters[2]; ///< attribute names of a and b; null: not used
  float defaults[2];
  /// Only multiply, add, minimum and maximum: may stay in an integer region's epilogue (q8a).
  bool exact;
};

/// The row of that name, or null.
const PointwiseFunction *findPointwise(const std::string &name);

struct PointwiseStep {
  const PointwiseFunction *function = nullptr;
  float a = 0, b = 0;
};

inline float applyPointwise(const PointwiseStep &step, float x) {
  return step.function->inFloat(x, step.a, step.b);
}

/// The function on each element: floats narrower than 32 bits in float32 and
/// back, f64 in double, integers exactly (only relu, abs, neg, sign and clip exist
/// for them; neg and abs wrap).
Tensor applyPointwise(const PointwiseStep &step, const Tensor &input);

/// Clip with bounds wider than float32 can hold, for integers and f64.
Tensor clip(const Tensor &input, double low, double high);

} // namespace qcc::reference

#endif // QCC_DIALECTS_REFERENCE_POINTWISE_H
