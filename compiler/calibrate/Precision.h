//===- Precision.h - Which float layers take 16 bits ------------*- C++ -*-===//
//
// --precision=auto, where there are samples (decision 0024). Two questions about each layer that stays in
// float: would it be faster, and what would be left of its result? The second is
// answered by running the layer twice on the same inputs, those of the float model.
//
//===----------------------------------------------------------------------===//
#ifndef QCC_COMPILER_CALIBRATE_PRECISION_H
#define QCC_COMPILER_CALIBRATE_PRECISION_H

#include "compiler/calibrate/Calibrate.h"
#include "compiler/target/Target.h"

namespace qcc::calibrate {

/// A float layer that would be faster in 16 bits.
struct HalfLayer {
  mlir::Operation *op;
  /// BF16: it multiplies bf16. F16: its weights are stored so.
  reference::DType type;
};

/// Those of a module at the end of stage quantize. bf16 is chosen where one of the variants multiplies it
/// faster than f32 and none does it slower.
std::vector<HalfLayer> findHalfLayers(mlir::ModuleOp module,
                                      llvm::ArrayRef<const target::Variant *> variants);

/// Runs each layer in both types on the samples and writes into the module what is to be done
/// (qcc.precision).
llvm::LogicalResult decidePrecision(mlir::ModuleOp module, llvm::ArrayRef<HalfLayer> layers, Samples &samples,
                                    const ExecutorFactory &factory);

} // namespace qcc::calibrate

#endif // QCC_COMPILER_CALIBRATE_PRECISION_H
