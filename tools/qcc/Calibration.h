//===- Calibration.h - Calibration as the command line asks for it -*- C++ -*-===//
#ifndef QCC_TOOLS_QCC_CALIBRATION_H
#define QCC_TOOLS_QCC_CALIBRATION_H

#include "compiler/calibrate/Errors.h"
#include "compiler/quantize/Passes.h"
#include "compiler/target/Target.h"
#include "mlir/IR/OwningOpRef.h"
#include "tools/qcc/Options.h"

namespace qcc::driver {

/// What calibration is to do besides finding ranges, and what it found.
struct Calibration {
  bool wantsTensorErrors = false; ///< fill in `tensors`
  bool keepsMarked = false;       ///< fill in `marked`
  /// Instead of what --calib-method says.
  std::optional<calibrate::Method> method;

  std::optional<calibrate::CalibrationReport> report; ///< none: there was no calibration
  std::vector<calibrate::TensorError> tensors;
  mlir::OwningOpRef<mlir::ModuleOp> marked; ///< the model with its ranges
  /// Tensors that are measured by row, with their noise otherwise.
  std::vector<calibrate::RowNoise> byRow;

  /// One sentence.
  std::string describe() const;
};

/// Reads the options about quantisation, --io among them. On wrong usage returns false
/// and says why. `calibration` gets what calibration found; all arguments must outlive
/// the run of the stage. `variants` are those that are compiled for.
bool readQuantization(const Options &options, mlir::ModuleOp module,
                      const std::vector<const target::Variant *> &variants, quantize::QuantizeOptions &result,
                      Calibration &calibration, std::string &error);

/// Whether --precision=auto is to decide about each float layer, by its error on the samples of --calib.
bool decidesPrecision(const Options &options);

/// Opens what an option names as samples of the module's inputs.
std::unique_ptr<calibrate::Samples> openSamples(const Options &options, const std::string &option,
                                                mlir::ModuleOp module, std::string &error);

/// On a terminal: one line that is overwritten, with the share that is done.
std::function<void(const std::string &what, double done)> progressLine(const Options &options);

} // namespace qcc::driver

#endif // QCC_TOOLS_QCC_CALIBRATION_H
