//===- Chain.cpp - An operation's chain as a kernel's epilogue ------------===//
//
// Three forms of an integer result, as docs/numerics.md numbers them:
//   q2   only Relu and Clip: one multiplier to the result's scale, integer clamps
//   q7   a residual, and only Relu and Clip behind it: both sides are brought to
//        the result's scale, then the same clamps
//   q8a  anything else: real values in float32, then times 1 / scale
// Before a table (q8) the result is what the last step, 'requantize', says.
//
//===----------------------------------------------------------------------===//

#include "compiler/lower/Chain.h"

#include "llvm/ADT/StringSwitch.h"
#include <cmath>

using namespace mlir;
using namespace qcc;
using namespace qcc::lower;
using kernels::Step;

namespace {
StringRef opOf(Attribute entry) { return cast<DictionaryAttr>(entry).getAs<StringAttr>("op").getValue(); }

double number(DictionaryAttr entry, StringRef key, double otherwise) {
  if (auto value = entry.getAs<FloatAttr>(key))
    return value.getValueAsDouble();
  if (auto value = entry.getAs<IntegerAttr>(key))
    return double(value.getInt());
  return otherwise;
}

const float infinity = std::numeric_limits<float>::infinity();

/// The bounds that Relu and Clip set, in real numbers.
struct Bounds {
  float low = -infinity, high = infinity;
};

bool readClamp(DictionaryAttr entry, Bounds &bounds) {
  if (opOf(entry) == "relu") {
    bounds.low = std::max(bounds.low, 0.0f);
    bounds.high = std::max(bounds.high, 0.0f);
    return true;
  }
  if (opOf(entry) != "clip")
    return false;
  float low = float(number(entry, "min", -infinity)), high = float(number(entry, "max", infinity));
  bounds.low = std::min(std::max(bounds.low, low), high);
  bounds.high = std::min(std::max(bounds.high, low), high);
  return true;
}

/// q1 for one number; infinities saturate.
int32_t quantise(float value, quant::UniformQuantizedType type) {
  double q = std::nearbyint(value / float(type.getScale()));
  double low = double(type.getStorageTypeMin()), high = double(type.getStorageTypeMax());
  return int32_t(std::min(std::max(q + double(type.getZeroPoint()), low), high));
}

class Translator {
public:
  Translator(Operation *op, const Sums &sums, Type result, Type residual)
      : op(op), sums(sums), resultType(cast<RankedTensorType>(result)),
        target(dyn_cast<quant::UniformQuantizedType>(resultType.getElementType())) {
    if (residual)
      residualType = dyn_cast<quant::UniformQuantizedType>(cast<RankedTensorType>(residual).getElementType());
  }

  FailureOr<Tail> run(ArrayRef<Attribute> chain, bool hasResidual, bool hasTable) {
    bool isBf16 = resultType.getElementType().isBF16();
    tail.form.output = target ? kernels::Output::U8 : isBf16 ? kernels::Output::BF16 : kernels::Output::F32;
    tail.form.table = hasTable;
    if (hasTable) { // it reads bytes of the type that the last step rounds to
      assert(!chain.empty() && opOf(chain.back()) == "requantize");
      target = unsignedType(cast<DictionaryAttr>(chain.back()));
      chain = chain.drop_back();
    }
    SmallVector<Attribute> steps(chain);
    if (hasResidual && llvm::none_of(steps, [](Attribute entry) { return opOf(entry) == "residual"; })) {
      auto residual =
          DictionaryAttr::get(op->getContext(), {{"op", StringAttr::get(op->getContext(), "residual")}});
      auto at =
          steps.empty() || opOf(steps.front()) != "requantize" ? steps.begin() : std::next(steps.begin());
      steps.insert(at, residual);
    }
    if (target && failed(toIntegers(steps)))
      return failure();
    if (!target && failed(toReals(steps, 0)))
      return failure();
    proveBound();
    return std::move(tail);
  }

private:
  static quant::UniformQuantizedType unsignedType(DictionaryAttr requantize) {
    Builder builder(requantize.getContext());
    return quant::UniformQuantizedType::get(0, builder.getI8Type(), builder.getF32Type(),
                                            number(requantize, "scale", 1),
                                            int64_t(number(requantize, "zero_point", 0)), 0, 255);
  }

  void setMultiplier(float resultScale) {
    for (float scale : sums.filterScales)
      tail.multiplier.push_back(sums.inputScale * scale / resultScale);
  }

  void add(Step step, std::initializer_list<float> scalars = {}) {
    tail.form.steps.push_back(step);
    tail.values.scalars.append(scalars.begin(), scalars.end());
  }

  void addColumn(Step step, ArrayRef<float> numbers) {
    add(step);
    tail.values.columns.emplace_back(numbers.begin(), numbers.end());
  }

  LogicalResult toIntegers(ArrayRef<Attribute> steps) {
    tail.values.zeroPoint = int32_t(target.getZeroPoint());
    Bounds bounds;
    size_t clamps = 0;
    while (clamps < steps.size() && readClamp(cast<DictionaryAttr>(steps[steps.size() - 1 - clamps]), bounds))
      ++clamps;
    bounds = {};
    for (Attribute entry : steps.take_back(clamps))
      readClamp(cast<DictionaryAttr>(entry), bounds);
    ArrayRef<Attribute> others = steps.drop_back(clamps);
    if (failed(beforeClamps(others)))
      return failure();
    tail.values.low = std::max<int64_t>(quantise(bounds.low, target), target.getStorageTypeMin());
    tail.values.high = std::min<int64_t>(quantise(bounds.high, target), target.getStorageTypeMax());
    tail.form.clampLow = tail.values.low > 0;
    tail.form.clampHigh = tail.values.high < 255;
    return success();
  }

  LogicalResult beforeClamps(ArrayRef<Attribute> steps) {
    float scale = float(target.getScale());
    if (steps.empty()) {
      setMultiplier(scale);
      return success();
    }
    bool rounded = opOf(steps.front()) == "requantize";
    if (steps.size() == 1u + rounded && opOf(steps.back()) == "residual" && residualType) {
      if (rounded)
        addRoundClamp(cast<DictionaryAttr>(steps.front()), scale);
      else
        setMultiplier(scale);
      add(Step::Residual, {float(residualType.getZeroPoint()), float(residualType.getScale()) / scale});
      return success();
    }
    if (failed(toReals(steps, 0)))
      return failure();
    if (!tail.rest.empty())
      return op->emitOpError("has a step '")
             << opOf(tail.rest.front()) << "' before its integer result, which no epilogue has";
    add(Step::Mul, {1.0f / scale});
    return success();
  }

  /// The operation's own quantisation before the residual is added.
  void addRoundClamp(DictionaryAttr entry, float resultScale) {
    float scale = float(number(entry, "scale", 1)), zeroPoint = float(number(entry, "zero_point", 0));
    setMultiplier(scale);
    add(Step::RoundClamp, {0 - zeroPoint, 255 - zeroPoint});
    add(Step::Mul, {scale / resultScale});
  }

  LogicalResult toReals(ArrayRef<Attribute> steps, size_t done) {
    if (!sums.isFloat)
      setMultiplier(1.0f);
    else if (!sums.filterScales.empty())
      addColumn(Step::MulColumn, sums.filterScales);
    if (sums.measured)
      add(Step::MulImage);
    tail.form.imageZeros = sums.zeroOfRun;
    if (!sums.floatBias.empty())
      addColumn(Step::AddColumn, sums.floatBias);
    for (; done < steps.size() && addReal(cast<DictionaryAttr>(steps[done])); ++done) {
    }
    for (; done < steps.size(); ++done)
      tail.rest.push_back(cast<DictionaryAttr>(steps[done]));
    return success();
  }

  /// False for steps that no epilogue has.
  bool addReal(DictionaryAttr entry) {
    StringRef name = opOf(entry);
    Bounds bounds;
    if (readClamp(entry, bounds)) {
      if (bounds.low != -infinity)
        add(Step::Max, {bounds.low});
      if (bounds.high != infinity)
        add(Step::Min, {bounds.high});
      return true;
    }
    if (name == "residual")
      add(Step::Residual, {residualType ? float(residualType.getZeroPoint()) : 0,
                           residualType ? float(residualType.getScale()) : 1});
    else if (name == "mul")
      add(Step::Mul, {float(number(entry, "value", 1))});
    else if (name == "add")
      add(Step::Add, {float(number(entry, "value", 0))});
    else if (name == "hard_sigmoid")
      add(Step::HardSigmoid, {float(number(entry, "alpha", 0.2f)), float(number(entry, "beta", 0.5f))});
    else if (name == "hard_swish")
      add(Step::HardSwish, {1.0f / 6.0f, 0.5f});
    else if (name == "leaky_relu")
      add(Step::LeakyRelu, {float(number(entry, "alpha", 0.01f))});
    else
      return false;
    return true;
  }

  /// q2: below 2^30 rounding cannot leave int32. Steps may enlarge the value, so
  /// only the plain form is proven.
  void proveBound() {
    tail.form.bounded = !target;
    if (!target || !tail.form.steps.empty())
      return;
    tail.form.bounded = true;
    for (auto [bound, m] : llvm::zip_equal(sums.bound, tail.multiplier))
      tail.form.bounded &= bound * std::fabs(double(m)) < double(1 << 30);
  }

  Operation *op;
  const Sums &sums;
  RankedTensorType resultType;
  quant::UniformQuantizedType target, residualType;
  Tail tail;
};
} // namespace

FailureOr<Tail> lower::translateChain(Operation *op, ArrayAttr chain, const Sums &sums, Type result,
                                      Type residual, bool hasTable) {
  return Translator(op, sums, result, residual)
      .run(chain ? chain.getValue() : ArrayRef<Attribute>(), residual != nullptr, hasTable);
}
