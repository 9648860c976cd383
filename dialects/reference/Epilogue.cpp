//===- Epilogue.cpp - From sums to stored values --------------------------===//

#include "dialects/reference/Epilogue.h"

#include <algorithm>
#include <cmath>

namespace qcc::reference {

namespace {
using Steps = std::vector<EpilogueStep>;

/// One sum and what goes with it.
struct Sum {
  double value;
  size_t channel;
  double residual; ///< as stored
  size_t image;
};

class Tail {
public:
  Tail(const Epilogue &epilogue, bool hasTable);
  /// Without a result type.
  float real(const Sum &sum) const { return real(sum, all); }
  /// With one; before the table.
  int64_t stored(const Sum &sum) const;

private:
  float scaled(const Sum &sum, float resultScale) const;
  float real(const Sum &sum, const Steps &steps) const;
  float applyReal(const EpilogueStep &step, float value, const Sum &sum) const;
  float inResultUnits(const Sum &sum) const;

  const Epilogue &epilogue;
  Steps all;
  Steps front;    ///< all but the clamps at the end
  QuantParams to; ///< what the sum is rounded to
  int64_t low = 0, high = 0;
};
} // namespace

static bool isClamp(const EpilogueStep &step) {
  if (step.kind != EpilogueStep::Pointwise)
    return false;
  const std::string name = step.function.function->name;
  return name == "relu" || name == "clip";
}

/// A table reads values of the type that a `requantize` at the chain's end
/// names, else of the result's own type.
Tail::Tail(const Epilogue &epilogue, bool hasTable) : epilogue(epilogue), all(epilogue.steps) {
  if (!epilogue.result)
    return;
  to = *epilogue.result;
  front = all;
  if (hasTable && !front.empty() && front.back().kind == EpilogueStep::Requantize) {
    to = front.back().type;
    front.pop_back();
  }
  size_t kept = front.size();
  while (kept > 0 && isClamp(front[kept - 1]))
    --kept;
  // q8: Relu and Clip before a Q clamp integers, to Q of what they leave of the whole line.
  float realLow = -INFINITY, realHigh = INFINITY;
  for (size_t i = kept; i < front.size(); ++i) {
    realLow = applyPointwise(front[i].function, realLow);
    realHigh = applyPointwise(front[i].function, realHigh);
  }
  low = quantize(realLow, to);
  high = quantize(realHigh, to);
  front.resize(kept);
}

float Tail::scaled(const Sum &sum, float resultScale) const {
  if (!epilogue.scaledSums)
    return static_cast<float>(sum.value);
  float weight = epilogue.weightScales[sum.channel % epilogue.weightScales.size()];
  float real = static_cast<float>(sum.value) * multiplier(epilogue.inputScale, weight, resultScale);
  return epilogue.imageScales.empty() ? real : real * epilogue.imageScales[sum.image];
}

float Tail::applyReal(const EpilogueStep &step, float value, const Sum &sum) const {
  switch (step.kind) {
  case EpilogueStep::Pointwise:
    return applyPointwise(step.function, value);
  case EpilogueStep::Residual:
    return value + (epilogue.residual ? dequantize(static_cast<int64_t>(sum.residual), *epilogue.residual)
                                      : static_cast<float>(sum.residual));
  case EpilogueStep::Requantize:
    return dequantize(roundAndSaturate(value * (1.0f / step.type.scale), step.type), step.type);
  }
  return value;
}

float Tail::real(const Sum &sum, const Steps &steps) const {
  size_t next = 0;
  float value;
  if (!steps.empty() && steps[0].kind == EpilogueStep::Requantize) {
    const QuantParams &type = steps[next++].type;
    value = dequantize(roundAndSaturate(scaled(sum, type.scale), type), type);
  } else {
    value = scaled(sum, 1.0f);
  }
  if (!epilogue.floatBias.empty())
    value = value + epilogue.floatBias[sum.channel];
  for (; next < steps.size(); ++next)
    value = applyReal(steps[next], value, sum);
  return value;
}

/// The value in units of the result's scale, relative to its zero point, before rounding.
float Tail::inResultUnits(const Sum &sum) const {
  if (front.empty() && epilogue.floatBias.empty())
    return scaled(sum, to.scale); // q2
  bool adds = !front.empty() && front.back().kind == EpilogueStep::Residual && epilogue.residual;
  bool roundsFirst = front.size() == 2 && front[0].kind == EpilogueStep::Requantize;
  if (adds && (front.size() == 1 || roundsFirst) && epilogue.floatBias.empty()) { // q7
    float left;
    if (roundsFirst) {
      const QuantParams &own = front[0].type;
      int64_t q = roundAndSaturate(scaled(sum, own.scale), own);
      left = static_cast<float>(q - own.zeroPoint) * (own.scale / to.scale);
    } else {
      left = scaled(sum, to.scale);
    }
    auto right = static_cast<float>(static_cast<int64_t>(sum.residual) - epilogue.residual->zeroPoint);
    return left + right * (epilogue.residual->scale / to.scale);
  }
  return real(sum, front) * (1.0f / to.scale); // q8a
}

int64_t Tail::stored(const Sum &sum) const {
  return std::clamp(roundAndSaturate(inResultUnits(sum), to), low, high);
}

Tensor finish(const Tensor &sums, int64_t axis, const Epilogue &epilogue, const Tensor *residual,
              const Tensor *table, DType resultType) {
  Tail tail(epilogue, table != nullptr);
  Tensor result(resultType, sums.shape);
  int64_t inner = elementCount({sums.shape.begin() + axis + 1, sums.shape.end()});
  int64_t image = elementCount({sums.shape.begin() + 1, sums.shape.end()});
  for (int64_t i = 0, e = sums.size(); i < e; ++i) {
    Sum sum = {sums.getDouble(i), static_cast<size_t>(i / inner % sums.shape[axis]),
               residual ? residual->getDouble(i) : 0.0, static_cast<size_t>(i / image)};
    if (!epilogue.result) {
      result.setDouble(i, tail.real(sum));
      continue;
    }
    int64_t q = tail.stored(sum);
    result.setInt(i, table ? table->getInt(static_cast<uint8_t>(q)) : q);
  }
  return result;
}

} // namespace qcc::reference
