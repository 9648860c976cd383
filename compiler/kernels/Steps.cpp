//===- Steps.cpp - Functions of one number in kernels -----------------------===//
#include "compiler/kernels/Steps.h"
#include "compiler/kernels/Functions.h"
#include "compiler/kernels/Trigonometry.h"
#include "mlir/IR/Diagnostics.h"
#include "llvm/ADT/StringMap.h"
#include <cmath>
#include <limits>

using namespace mlir;

namespace qcc::kernels {

namespace {
/// A function of x with up to two parameters; floats only.
struct Row {
  StringRef name;
  Expr (*apply)(Expr x, Expr a, Expr b);
  StringRef parameters[2];
  float defaults[2];
};
} // namespace

// Comparisons are written so that a NaN in x passes.
static Expr lower(Expr x, Expr bound) { return select(compare(Order::Greater, x, bound), bound, x); }
static Expr raise(Expr x, Expr bound) { return select(compare(Order::Less, x, bound), bound, x); }
static Expr number(Expr like, float value) { return like.code->constant(like.scalarType(), double(value)); }
static Expr hardSigmoid(Expr x, Expr a, Expr b) {
  return raise(lower(a * x + b, number(x, 1)), number(x, 0));
}
static Expr hardSwish(Expr x, Expr, Expr) {
  // The reference divides in the type of x.
  Expr sixth = x.scalarType().isF64() ? x.code->constant(x.scalarType(), 1.0 / 6) : number(x, 1.0f / 6);
  return x * hardSigmoid(x, sixth, number(x, 0.5f));
}
static Expr elu(Expr x, Expr a, Expr) {
  return select(compare(Order::Less, x, number(x, 0)), a * exponentialMinusOne(x), x);
}

/// 0 for NaN.
static Expr sign(Expr x) {
  Expr zero = number(x, 0), one = number(x, 1);
  Expr result = select(compare(Order::Less, x, zero), negate(one), zero);
  return select(compare(Order::Greater, x, zero), one, result);
}

static Expr geluTanh(Expr x, Expr, Expr) {
  Expr cubic = x.code->constant(x.scalarType(), 0.044715) * x * x * x;
  Expr inner = x.code->constant(x.scalarType(), M_2_SQRTPI * M_SQRT1_2) * (x + cubic);
  return x * number(x, 0.5f) * (number(x, 1) + hyperbolicTangent(inner));
}

static constexpr float infinity = std::numeric_limits<float>::infinity();

static const Row table[] = {
    {"relu", [](Expr x, Expr, Expr) { return raise(x, number(x, 0)); }, {}, {}},
    {"clip",
     [](Expr x, Expr a, Expr b) { return lower(raise(x, a), b); },
     {"min", "max"},
     {-infinity, infinity}},
    {"leaky_relu",
     [](Expr x, Expr a, Expr) { return select(compare(Order::Less, x, number(x, 0)), a * x, x); },
     {"alpha", ""},
     {0.01f, 0}},
    {"hard_sigmoid", hardSigmoid, {"alpha", "beta"}, {0.2f, 0.5f}},
    {"hard_swish", hardSwish, {}, {}},
    {"add", [](Expr x, Expr a, Expr) { return x + a; }, {"value", ""}, {0, 0}},
    {"mul", [](Expr x, Expr a, Expr) { return x * a; }, {"value", ""}, {1, 0}},
    {"abs", [](Expr x, Expr, Expr) { return absolute(x); }, {}, {}},
    {"neg", [](Expr x, Expr, Expr) { return negate(x); }, {}, {}},
    {"elu", elu, {"alpha", ""}, {1, 0}},
    {"selu",
     [](Expr x, Expr a, Expr b) {
       return b * select(compare(Order::Greater, x, number(x, 0)), x, a * exponentialMinusOne(x));
     },
     {"alpha", "gamma"},
     {1.67326319f, 1.05070102f}},
    {"celu",
     [](Expr x, Expr a, Expr) {
       return select(compare(Order::Greater, x, number(x, 0)), x, a * exponentialMinusOne(x / a));
     },
     {"alpha", ""},
     {1, 0}},
    {"softsign", [](Expr x, Expr, Expr) { return x / (number(x, 1) + absolute(x)); }, {}, {}},
    {"thresholded_relu",
     [](Expr x, Expr a, Expr) { return select(compare(Order::LessEqual, x, a), number(x, 0), x); },
     {"alpha", ""},
     {1, 0}},
    {"sigmoid", [](Expr x, Expr, Expr) { return sigmoid(x); }, {}, {}},
    {"silu", [](Expr x, Expr, Expr) { return x * sigmoid(x); }, {}, {}},
    {"tanh", [](Expr x, Expr, Expr) { return hyperbolicTangent(x); }, {}, {}},
    {"exp", [](Expr x, Expr, Expr) { return exponential(x); }, {}, {}},
    {"log", [](Expr x, Expr, Expr) { return logarithm(x); }, {}, {}},
    {"sqrt", [](Expr x, Expr, Expr) { return squareRoot(x); }, {}, {}},
    {"reciprocal", [](Expr x, Expr, Expr) { return number(x, 1) / x; }, {}, {}},
    {"erf", [](Expr x, Expr, Expr) { return errorFunction(x); }, {}, {}},
    {"floor", [](Expr x, Expr, Expr) { return floor(x); }, {}, {}},
    {"ceil", [](Expr x, Expr, Expr) { return ceil(x); }, {}, {}},
    {"round", [](Expr x, Expr, Expr) { return rint(x); }, {}, {}},
    {"sign", [](Expr x, Expr, Expr) { return sign(x); }, {}, {}},
    {"sin", [](Expr x, Expr, Expr) { return sine(x); }, {}, {}},
    {"cos", [](Expr x, Expr, Expr) { return cosine(x); }, {}, {}},
    {"tan", [](Expr x, Expr, Expr) { return tangent(x); }, {}, {}},
    {"asin", [](Expr x, Expr, Expr) { return arcSine(x); }, {}, {}},
    {"acos", [](Expr x, Expr, Expr) { return arcCosine(x); }, {}, {}},
    {"atan", [](Expr x, Expr, Expr) { return arcTangent(x); }, {}, {}},
    {"sinh", [](Expr x, Expr, Expr) { return hyperbolicSine(x); }, {}, {}},
    {"cosh", [](Expr x, Expr, Expr) { return hyperbolicCosine(x); }, {}, {}},
    {"asinh", [](Expr x, Expr, Expr) { return areaSine(x); }, {}, {}},
    {"acosh", [](Expr x, Expr, Expr) { return areaCosine(x); }, {}, {}},
    {"atanh", [](Expr x, Expr, Expr) { return areaTangent(x); }, {}, {}},
    {"gelu", [](Expr x, Expr, Expr) { return gelu(x); }, {}, {}},
    {"gelu_tanh", geluTanh, {}, {}},
    {"affine", [](Expr x, Expr a, Expr b) { return a * x + b; }, {"alpha", "beta"}, {1, 0}},
    {"scaled_tanh",
     [](Expr x, Expr a, Expr b) { return a * hyperbolicTangent(b * x); },
     {"alpha", "beta"},
     {1, 1}},
    {"softplus", [](Expr x, Expr, Expr) { return softplus(x); }, {}, {}},
};

static std::optional<double> parameter(DictionaryAttr attributes, StringRef name) {
  if (auto attr = attributes && !name.empty() ? attributes.getAs<FloatAttr>(name) : FloatAttr())
    return attr.getValueAsDouble();
  return std::nullopt;
}

/// Clip's bounds in an integer type: towards zero, then within the type.
static Expr clipInteger(DictionaryAttr attributes, Expr x, bool isUnsigned) {
  unsigned width = x.scalarType().getIntOrFloatBitWidth();
  double lowest = isUnsigned ? 0 : -std::ldexp(1, width - 1);
  double limit = std::ldexp(1, isUnsigned ? width : width - 1); // one past the largest
  auto bound = [&](double value) {
    auto integer =
        isUnsigned ? static_cast<int64_t>(static_cast<uint64_t>(value)) : static_cast<int64_t>(value);
    return x.code->constant(x.scalarType(), integer);
  };
  auto low = parameter(attributes, "min"), high = parameter(attributes, "max");
  if (low && *low > lowest)
    x = maximum(x,
                *low >= limit ? x.code->constant(x.scalarType(), int64_t(isUnsigned ? -1 : INT64_MAX))
                              : bound(*low),
                isUnsigned);
  if (high && *high < limit)
    x = minimum(x, bound(std::max(*high, lowest)), isUnsigned);
  return x;
}

static FailureOr<Expr> applyToInteger(StringRef op, DictionaryAttr attributes, Expr x, bool isUnsigned) {
  if (op == "clip")
    return clipInteger(attributes, x, isUnsigned);
  if (op == "neg")
    return negate(x);
  if (op == "relu")
    return isUnsigned ? x : maximum(x, x.code->constant(x.scalarType(), int64_t(0)));
  if (op == "abs")
    return isUnsigned ? x : absolute(x);
  if (op == "sign") {
    Expr one = x.code->constant(x.scalarType(), int64_t(1));
    return isUnsigned ? minimum(x, one, true) : maximum(minimum(x, one), negate(one));
  }
  if (op == "not" && x.scalarType().isInteger(1))
    return x ^ x.code->constant(x.scalarType(), int64_t(1));
  return failure();
}

FailureOr<Expr> applyStep(StringRef op, DictionaryAttr attributes, Expr x, bool isUnsigned) {
  if (!x.isFloat())
    return applyToInteger(op, attributes, x, isUnsigned);
  bool wide = x.scalarType().isF64();
  for (const Row &row : table) {
    if (row.name != op)
      continue;
    auto value = [&](unsigned i) {
      double number = parameter(attributes, row.parameters[i]).value_or(row.defaults[i]);
      return x.code->constant(x.scalarType(), wide ? number : double(static_cast<float>(number)));
    };
    return row.apply(x, value(0), value(1));
  }
  return failure();
}

FailureOr<Expr> applyChain(Location loc, ArrayAttr chain, Expr x) {
  if (!chain)
    return x;
  for (Attribute entry : chain) {
    auto step = cast<DictionaryAttr>(entry);
    auto op = step.getAs<StringAttr>("op");
    FailureOr<Expr> next = applyStep(op ? op.getValue() : StringRef(), step, x);
    if (failed(next))
      return emitError(loc, "no kernel for chain step ") << step, failure();
    x = *next;
  }
  return x;
}

} // namespace qcc::kernels
