//===- Layer.h - A convolution with data, run and compared ------*- C++ -*-===//
#ifndef QCC_TEST_KERNELS_LAYER_H
#define QCC_TEST_KERNELS_LAYER_H

#include "compiler/kernels/gemm/GemmSpec.h"
#include "test/kernels/KernelRunner.h"
#include <functional>
#include <map>

namespace qcc::test {

/// What x and the weights hold.
enum class Fill { Random, AllLow, AllHigh, Extremes };

/// A convolution as a test says it; places are made up by layOut().
struct Layer {
  std::string name;
  kernels::GemmSpec spec;
  kernels::EpilogueValues values;
  bool depthwise = false; ///< kind "depthwise": spec.c = spec.n = 1
  bool inPlace = false;   ///< the residual is the output
  Fill fill = Fill::Random;
  int32_t xZero = 7;
  float multiplierScale = 1;
  int64_t border = 1; ///< of the output buffer, pixels

  /// Dense buffers; the output has a border, and `spare` channels between pixels.
  void layOut(int64_t spare = 0);
  mlir::DictionaryAttr specAttr(mlir::MLIRContext *context) const;
};

/// Fills the layer's buffers, runs it over all units (in one range, then in several), and compares every
/// byte of the output buffer, border included, with the reference. Empty if all are right.
std::string runAndCompare(KernelRunner &runner, size_t kernel, const Layer &layer);

} // namespace qcc::test

#endif // QCC_TEST_KERNELS_LAYER_H
