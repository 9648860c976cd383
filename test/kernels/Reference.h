//===- Reference.h - Convolutions and epilogues, by the book ----*- C++ -*-===//
//
// Written to be read, and independent of the emitters: plain loops over taps, and the
// epilogue step by step in float as contract.md's q2, q7 and q8a say.
//
//===----------------------------------------------------------------------===//
#ifndef QCC_TEST_KERNELS_REFERENCE_H
#define QCC_TEST_KERNELS_REFERENCE_H

#include "compiler/kernels/gemm/GemmSpec.h"
#include <algorithm>
#include <cmath>

namespace qcc::test {

using kernels::Epilogue;
using kernels::EpilogueValues;
using kernels::Step;

/// A column's value after the steps. `residual` is a u8 or an f32 as a float.
inline float applySteps(float t, float residual, int64_t column, const Epilogue &epilogue,
                        const EpilogueValues &values, float imageScale = 1) {
  size_t scalar = 0, vector = 0;
  auto hardSigmoid = [&](float x, float alpha, float beta) {
    float u = x * alpha;
    u = u + beta;
    return std::max(0.0f, std::min(1.0f, u));
  };
  for (Step step : epilogue.steps) {
    const float *s = values.scalars.data() + scalar;
    switch (step) {
    case Step::Mul:
      t = t * s[0];
      break;
    case Step::Add:
      t = t + s[0];
      break;
    case Step::Max:
      t = std::max(t, s[0]);
      break;
    case Step::Min:
      t = std::min(t, s[0]);
      break;
    case Step::RoundClamp:
      t = std::nearbyint(std::min(std::max(t, s[0]), s[1]));
      break;
    case Step::Residual: {
      float r = residual;
      if (epilogue.output == kernels::Output::U8) {
        r = r - s[0];
        r = r * s[1];
      }
      t = t + r;
      break;
    }
    case Step::HardSigmoid:
      t = hardSigmoid(t, s[0], s[1]);
      break;
    case Step::HardSwish:
      t = t * hardSigmoid(t, s[0], s[1]);
      break;
    case Step::LeakyRelu:
      t = t < 0 ? t * s[0] : t;
      break;
    case Step::MulColumn:
      t = t * values.columns[vector++][column];
      break;
    case Step::AddColumn:
      t = t + values.columns[vector++][column];
      break;
    case Step::MulImage:
      t = t * imageScale;
      break;
    case Step::PRelu: {
      float slope = values.columns[vector++][column];
      t = t < 0 ? t * slope : t;
      break;
    }
    }
    scalar += scalarsOf(step);
  }
  return t;
}

inline uint8_t toU8(float t, const Epilogue &epilogue, const EpilogueValues &values, const uint8_t *table) {
  double rounded = std::nearbyint(t);
  int64_t y = std::clamp<double>(rounded + values.zeroPoint, 0, 255);
  if (epilogue.clampLow)
    y = std::max<int64_t>(y, values.low);
  if (epilogue.clampHigh)
    y = std::min<int64_t>(y, values.high);
  return epilogue.table ? table[y] : y;
}

} // namespace qcc::test

#endif // QCC_TEST_KERNELS_REFERENCE_H
