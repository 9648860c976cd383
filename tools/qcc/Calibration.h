//===- Calibration.h - Calibration as the command line asks for it -*- C++ -*-===//
#ifndef QCC_TOOLS_QCC_CALIBRATION_H
#define QCC_TOOLS_QCC_CALIBRATION_H

#include "compiler/quantize/Passes.h"
#include "tools/qcc/Options.h"
#include "tools/qcc/Summary.h"

namespace qcc::driver {

/// Reads the options about quantisation. On wrong usage returns false and says
/// why. `summary` gets lines about what calibration found; both arguments must
/// outlive the run of the stage.
bool readQuantization(const Options &options, mlir::ModuleOp module, quantize::QuantizeOptions &result,
                      Summary &summary, std::string &error);

} // namespace qcc::driver

#endif // QCC_TOOLS_QCC_CALIBRATION_H
