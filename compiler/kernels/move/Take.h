//===- Take.h - Elements picked axis by axis --------------------*- C++ -*-===//
#ifndef QCC_COMPILER_KERNELS_TAKE_H
#define QCC_COMPILER_KERNELS_TAKE_H

#include "compiler/kernels/LoopNest.h"
#include "compiler/kernels/Spec.h"

namespace qcc::kernels {

/// result[i, j, ...] = input[maps[0][i], maps[1][j], ...], or `fill` where a map
/// says -1. An empty map is the identity.
class Take {
public:
  Take(const View &input, const View &result, std::vector<std::vector<int64_t>> maps, double fill);
  int64_t units() const { return nest.units(); }
  void emit(const Code &code, const Arguments &arguments) const;

private:
  View input, result;
  std::vector<std::vector<int64_t>> maps;
  double fill;
  bool mayFill = false;
  LoopNest nest;

  LoopNest makeNest() const;
};

} // namespace qcc::kernels

#endif // QCC_COMPILER_KERNELS_TAKE_H
