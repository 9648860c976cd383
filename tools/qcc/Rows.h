//===- Rows.h - Static int8 where it serves, by row where not ---*- C++ -*-===//
#ifndef QCC_TOOLS_QCC_ROWS_H
#define QCC_TOOLS_QCC_ROWS_H

#include "compiler/Pipeline.h"
#include "tools/qcc/Calibration.h"

namespace qcc::driver {

/// Stage quantize on `module`. Where calibration finds that scales of whole tensors cost too much, it runs
/// once more, with the noisiest inputs of matrix products measured by row (decision 0014); `pipeline` then
/// names these products, `calibration` says so.
mlir::LogicalResult quantizeWithRows(mlir::OwningOpRef<mlir::ModuleOp> &module, PipelineOptions &pipeline,
                                     Calibration &calibration, const Options &options);

} // namespace qcc::driver

#endif // QCC_TOOLS_QCC_ROWS_H
