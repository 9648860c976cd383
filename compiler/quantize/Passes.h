//===- Passes.h - Stage quantize --------------------------------*- C++ -*-===//
#ifndef QCC_COMPILER_QUANTIZE_PASSES_H
#define QCC_COMPILER_QUANTIZE_PASSES_H

#include "compiler/quantize/OuterTypes.h"
#include "dialects/Qcc.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include "mlir/Pass/Pass.h"
#include "mlir/Pass/PassManager.h"

#include <functional>

namespace qcc::quantize {

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "compiler/quantize/Passes.h.inc"

/// On an operation that stays in float: why. A row of the user's report.
constexpr llvm::StringLiteral floatReasonAttr = "qcc.float_reason";
/// Of an operation whose weights are int8 where int4 was asked for: why.
constexpr llvm::StringLiteral int8ReasonAttr = "qcc.int8_reason";

/// Static   8-bit weights and activations, ranges from calibration
/// Dynamic  8-bit weights, activations measured at run time
/// Weights  8-bit weights, float arithmetic
/// Keep     nothing but what the model itself quantises
enum class Mode { Static, Dynamic, Weights, Keep };

/// True if the model has quantize or dequantize operations of its own: they are
/// kept exactly, and nothing is added.
bool isQuantized(mlir::ModuleOp module);
/// What adds quantisation begins so: an error about a model that has its own.
llvm::LogicalResult refuseQuantized(mlir::func::FuncOp function);

struct QuantizeOptions {
  Mode mode = Mode::Keep;
  /// Names or globs of nodes; one that matches nothing is an error.
  std::vector<std::string> keepFloat;
  bool int4 = false; ///< weights of 4 bits, where activations are floats or measured at run time
  /// Names of nodes left in float for the sake of accuracy.
  std::vector<std::string> precise;
  /// Mode::Static: whether recurrent layers and large tables are measured or stored by row (q11), and the
  /// names of products whose input is.
  bool rows = true;
  std::vector<std::string> byRow;
  /// Tensors that createSetOuterTypes changes afterwards; Mode::Static quantises them.
  OuterTypes outer;
  /// Mode::Static: fills in `range` and `correction` of all qcc.observe.
  std::function<mlir::LogicalResult(mlir::ModuleOp)> calibrate;
  /// At the end of the stage, if there is one: decides which float layers take 16 bits (qcc.precision).
  std::function<mlir::LogicalResult(mlir::ModuleOp)> choosePrecision;
};

void addQuantize(mlir::OpPassManager &pm, const QuantizeOptions &options);
std::unique_ptr<mlir::Pass> createSetOuterTypes(const OuterTypes &outer);

/// A copy of a calibrated module whose marks have the ranges that the tensors are
/// going to get: what is joined shares them.
mlir::OwningOpRef<mlir::ModuleOp> withSharedScales(mlir::ModuleOp marked);

/// A tensor's mark without the name of a node: a range or a product's mean.
inline bool isRange(ObserveOp op) { return !op.getAxis(); }

/// The name of the ONNX node or input that a location stands for.
std::string nameOf(mlir::Location loc);

} // namespace qcc::quantize

#endif // QCC_COMPILER_QUANTIZE_PASSES_H
