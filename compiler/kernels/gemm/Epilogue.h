//===- Epilogue.h - What a kernel does to its sums --------------*- C++ -*-===//
//
// The tail of every convolution-like kernel, from the accumulator to the stored
// element. Its form (which steps) belongs to the kernel's specification and
// decides the code; its numbers (zero points, bounds, factors) lie in the
// parameter blob, so that layers which differ only in numbers share one function.
//
//   t = float(acc) * multiplier[column]          u8 inputs; f32 inputs: t = acc
//   with `rows` (q11): t = float(acc - zero[row] * columnSum[column]) * multiplier[column] * scale[row]
//   the step MulImage, the first where it is there, makes that of a measured image (q11); with `imageZeros`
//     t = float(acc - zero[image] * columnSum[column]) * (multiplier[column] * scale[image]) takes its place
//   of f32 sums with `rows` (q13): t = (acc - float(zero[row]) * columnSum[column]) * scale[row]
//   for each step: t = step(t)                   f32, each operation rounded, never an FMA (q7, q8a)
//   U8:  saturate(rint(t) + zeroPoint), clamped to [low, high], looked up in the table   (q2)
//   F32: t
//   BF16: t, rounded half to even
//   I32: acc itself; no steps
//
//===----------------------------------------------------------------------===//
#ifndef QCC_COMPILER_KERNELS_EPILOGUE_H
#define QCC_COMPILER_KERNELS_EPILOGUE_H

#include "mlir/IR/BuiltinAttributes.h"
#include "llvm/ADT/SmallVector.h"
#include <cstdint>

namespace qcc::kernels {

/// NaN passes through Max, Min and LeakyRelu. `s0`, `s1` are the step's scalars.
enum class Step {
  Mul,         ///< t * s0
  Add,         ///< t + s0
  Max,         ///< max(t, s0): Relu, the lower half of Clip
  Min,         ///< min(t, s0)
  RoundClamp,  ///< rint(min(max(t, s0), s1)): the operator's own Q, s0 = qmin - z, s1 = qmax - z
  Residual,    ///< u8: t + (float(r) - s0) * s1, s0 the zero point of r; floats: t + r (s0, s1 unused)
  HardSigmoid, ///< max(0, min(1, t * s0 + s1))
  HardSwish,   ///< t * HardSigmoid(t)
  LeakyRelu,   ///< t < 0 ? t * s0 : t
  MulColumn,   ///< t * f32 vector of the blob, one value a column
  AddColumn,   ///< t + f32 vector of the blob, one value a column: a float bias (q8)
  PRelu,       ///< t < 0 ? t * (f32 vector of the blob, one value a column) : t
  MulImage,    ///< t * f32 of a tensor, one value an image, or, with `imageZeros`, that and its zero point
};

/// How many scalars and column vectors a step takes from EpilogueValues.
unsigned scalarsOf(Step step);
bool takesColumn(Step step);

enum class Output { U8, F32, I32, BF16 };

/// The form: part of a specification.
struct Epilogue {
  Output output = Output::U8;
  llvm::SmallVector<Step> steps;
  /// |t| < 2^30 before rounding is proven (q2). Otherwise t is clamped first.
  bool bounded = true;
  bool clampLow = false;   ///< U8: low > 0
  bool clampHigh = false;  ///< U8: high < 255
  bool table = false;      ///< U8: a 256-entry table after the clamp
  bool rows = false;       ///< F32 from u8: each row (pixel) has a scale and a zero point, in tensors
  bool imageZeros = false; ///< floats from u8, with MulImage: the zero point, a float, lies behind the scale

  bool hasResidual() const { return llvm::is_contained(steps, Step::Residual); }
  bool scalesImages() const { return llvm::is_contained(steps, Step::MulImage); }
  bool needsColumnSums() const { return rows || imageZeros; }
  int64_t bytesOfImage() const { return imageZeros ? 8 : 4; } ///< of what MulImage reads
  unsigned numColumnVectors() const;                          ///< of the steps

  /// {output = "u8", steps = ["mul", ...], bounded, clamp_low, clamp_high, table, rows}; flags are unit
  /// attributes.
  mlir::DictionaryAttr toAttr(mlir::MLIRContext *context) const;
  static Epilogue fromAttr(mlir::DictionaryAttr attr);
  /// A word for function names: equal forms, equal words.
  std::string key() const;
};

/// The numbers: what the parameter blob is packed from.
struct EpilogueValues {
  int32_t zeroPoint = 0;
  int32_t low = 0, high = 255;
  llvm::SmallVector<float> scalars; ///< of all steps, in order
  llvm::SmallVector<llvm::SmallVector<float>>
      columns; ///< of all steps that take one, in order; natural column order
};

} // namespace qcc::kernels

#endif // QCC_COMPILER_KERNELS_EPILOGUE_H
