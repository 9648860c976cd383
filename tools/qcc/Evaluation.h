//===- Evaluation.h - --eval, --labels and --max-drop -----------*- C++ -*-===//
#ifndef QCC_TOOLS_QCC_EVALUATION_H
#define QCC_TOOLS_QCC_EVALUATION_H

#include "compiler/Pipeline.h"
#include "compiler/calibrate/Accuracy.h"
#include "tools/qcc/Calibration.h"

namespace qcc::driver {

/// Top-1 accuracy on labelled data, of the float model and of what is compiled.
class Evaluation {
public:
  explicit Evaluation(const Options &options) : options(options) {}

  bool isAsked() const { return options.has("--eval"); }
  /// False, and why, where the options do not go together.
  bool readOptions(std::string &error);
  /// The same for what they mean for this model, after stage simplify. `pipeline`
  /// and `calibration` are set up for what the evaluation needs.
  bool prepare(mlir::ModuleOp simplified, PipelineOptions &pipeline, Calibration &calibration,
               std::string &error);

  /// Stage quantize on `module`, and the accuracies. With --max-drop it runs again
  /// with more and more nodes in float until the drop is small enough; fails
  /// where it never is.
  mlir::LogicalResult quantize(mlir::OwningOpRef<mlir::ModuleOp> &module, PipelineOptions &pipeline,
                               Calibration &calibration);

  std::optional<calibrate::Accuracy> exact, compiled; ///< none: not measured
  std::vector<calibrate::NodeNoise> kept;             ///< in float for --max-drop

  /// Lines for the summary.
  std::vector<std::string> describe() const;

private:
  mlir::FailureOr<calibrate::Accuracy> measure(mlir::ModuleOp module, const PipelineOptions &pipeline);
  mlir::LogicalResult keepWithin(mlir::OwningOpRef<mlir::ModuleOp> &module, mlir::ModuleOp simplified,
                                 PipelineOptions &pipeline, Calibration &calibration);
  double drop() const { return exact->percent() - compiled->percent(); }

  const Options &options;
  std::optional<double> maxDrop; ///< in points
  bool hasFloat = true;          ///< the model is not quantised by itself
};

} // namespace qcc::driver

#endif // QCC_TOOLS_QCC_EVALUATION_H
