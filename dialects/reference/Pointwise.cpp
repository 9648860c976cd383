//===- Pointwise.cpp - Functions of one number ----------------------------===//

#include "dialects/reference/Pointwise.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace qcc::reference {

static constexpr float infinity = std::numeric_limits<float>::infinity();

/// Minimum and maximum that hand a NaN in `x` on.
template <typename T> static T lower(T x, T bound) { return x > bound ? bound : x; }
template <typename T> static T raise(T x, T bound) { return x < bound ? bound : x; }
template <typename T> static T logistic(T x) { return 1 / (1 + std::exp(-x)); }

static float hardSigmoid(float x, float a, float b) {
  float t = a * x;
  t = t + b;
  return raise(lower(t, 1.0f), 0.0f);
}
static double hardSigmoid(double x, double a, double b) { return raise(lower(a * x + b, 1.0), 0.0); }

template <typename T> static T gelu(T x) { return x / 2 * (1 + std::erf(x * T(0.70710678118654752440))); }
template <typename T> static T geluTanh(T x) {
  return x / 2 * (1 + std::tanh(T(0.79788456080286535588) * (x + T(0.044715) * x * x * x)));
}

/// One generic lambda gives both precisions.
template <typename F>
static PointwiseFunction row(const char *name, F f, bool exact = false, const char *a = nullptr,
                             float aDefault = 0, const char *b = nullptr, float bDefault = 0) {
  return {name, f, f, {a, b}, {aDefault, bDefault}, exact};
}

// clang-format off
static const PointwiseFunction table[] = {
    row("relu",         [](auto x, auto, auto) { return raise(x, decltype(x)(0)); }, true),
    row("clip",         [](auto x, auto a, auto b) { return lower(raise(x, a), b); }, true, "min", -infinity, "max", infinity),
    row("leaky_relu",   [](auto x, auto a, auto) { return x < 0 ? a * x : x; }, true, "alpha", 0.01f),
    row("hard_sigmoid", [](auto x, auto a, auto b) { return hardSigmoid(x, a, b); }, true, "alpha", 0.2f, "beta", 0.5f),
    row("hard_swish",   [](auto x, auto, auto) { return x * hardSigmoid(x, decltype(x)(1) / 6, decltype(x)(0.5)); }, true),
    row("add",          [](auto x, auto a, auto) { return x + a; }, true, "value", 0),
    row("mul",          [](auto x, auto a, auto) { return x * a; }, true, "value", 1),
    row("abs",          [](auto x, auto, auto) { return std::fabs(x); }),
    row("neg",          [](auto x, auto, auto) { return -x; }),
    row("elu",          [](auto x, auto a, auto) { return x < 0 ? a * std::expm1(x) : x; }, false, "alpha", 1.0f),
    row("selu",         [](auto x, auto a, auto g) { return g * (x > 0 ? x : a * std::expm1(x)); }, false, "alpha", 1.67326319f, "gamma", 1.05070102f),
    row("celu",         [](auto x, auto a, auto) { return x > 0 ? x : a * std::expm1(x / a); }, false, "alpha", 1.0f),
    row("softsign",     [](auto x, auto, auto) { return x / (1 + std::fabs(x)); }),
    row("thresholded_relu", [](auto x, auto a, auto) { return x > a || x != x ? x : decltype(x)(0); }, false, "alpha", 1.0f),
    row("sigmoid",      [](auto x, auto, auto) { return logistic(x); }),
    row("silu",         [](auto x, auto, auto) { return x * logistic(x); }),
    row("tanh",         [](auto x, auto, auto) { return std::tanh(x); }),
    row("exp",          [](auto x, auto, auto) { return std::exp(x); }),
    row("log",          [](auto x, auto, auto) { return std::log(x); }),
    row("sqrt",         [](auto x, auto, auto) { return std::sqrt(x); }),
    row("reciprocal",   [](auto x, auto, auto) { return 1 / x; }),
    row("erf",          [](auto x, auto, auto) { return std::erf(x); }),
    row("floor",        [](auto x, auto, auto) { return std::floor(x); }),
    row("ceil",         [](auto x, auto, auto) { return std::ceil(x); }),
    row("round",        [](auto x, auto, auto) { return std::nearbyint(x); }),
    row("sign",         [](auto x, auto, auto) { return decltype(x)((x > 0) - (x < 0)); }),
    row("sin",          [](auto x, auto, auto) { return std::sin(x); }),
    row("cos",          [](auto x, auto, auto) { return std::cos(x); }),
    row("tan",          [](auto x, auto, auto) { return std::tan(x); }),
    row("asin",         [](auto x, auto, auto) { return std::asin(x); }),
    row("acos",         [](auto x, auto, auto) { return std::acos(x); }),
    row("atan",         [](auto x, auto, auto) { return std::atan(x); }),
    row("sinh",         [](auto x, auto, auto) { return std::sinh(x); }),
    row("cosh",         [](auto x, auto, auto) { return std::cosh(x); }),
    row("asinh",        [](auto x, auto, auto) { return std::asinh(x); }),
    row("acosh",        [](auto x, auto, auto) { return std::acosh(x); }),
    row("atanh",        [](auto x, auto, auto) { return std::atanh(x); }),
    row("gelu",         [](auto x, auto, auto) { return gelu(x); }),
    row("gelu_tanh",    [](auto x, auto, auto) { return geluTanh(x); }),
    // Functions that only recurrent networks have.
    row("affine",       [](auto x, auto a, auto b) { return a * x + b; }, true, "alpha", 1.0f, "beta", 0),
    row("scaled_tanh",  [](auto x, auto a, auto b) { return a * std::tanh(b * x); }, false, "alpha", 1.0f, "beta", 1.0f),
    row("softplus",     [](auto x, auto, auto) { return raise(x, decltype(x)(0)) + std::log1p(std::exp(-std::fabs(x))); }),
};
// clang-format on

const PointwiseFunction *findPointwise(const std::string &name) {
  for (const PointwiseFunction &function : table)
    if (name == function.name)
      return &function;
  return nullptr;
}

static int64_t onInteger(const PointwiseStep &step, int64_t x) {
  const std::string name = step.function->name;
  uint64_t negated = 0 - static_cast<uint64_t>(x); // wraps
  if (name == "neg")
    return static_cast<int64_t>(negated);
  if (name == "abs")
    return x < 0 ? static_cast<int64_t>(negated) : x;
  if (name == "sign")
    return (x > 0) - (x < 0);
  return std::max<int64_t>(x, 0); // relu
}

Tensor applyPointwise(const PointwiseStep &step, const Tensor &input) {
  if (std::string(step.function->name) == "clip")
    return clip(input, step.a, step.b);
  Tensor result(input.type, input.shape);
  bool isSign = std::string(step.function->name) == "sign";
  for (int64_t i = 0, e = input.size(); i < e; ++i) {
    if (input.type == DType::F64)
      result.setDouble(i, step.function->inDouble(input.getDouble(i), step.a, step.b));
    else if (isFloat(input.type))
      result.setDouble(i, applyPointwise(step, static_cast<float>(input.getDouble(i))));
    else if (isUnsigned(input.type))
      result.setInt(i, isSign ? input.getInt(i) != 0 : input.getInt(i));
    else
      result.setInt(i, onInteger(step, input.getInt(i)));
  }
  return result;
}

Tensor clip(const Tensor &input, double low, double high) {
  Tensor result = input;
  for (int64_t i = 0, e = input.size(); i < e; ++i) {
    double x = input.getDouble(i);
    double clipped = lower(raise(x, low), high);
    if (clipped != x && !std::isnan(x)) // else the element stays as it is: 64-bit integers lose nothing
      result.setDouble(i, clipped);
  }
  return result;
}

} // namespace qcc::reference
