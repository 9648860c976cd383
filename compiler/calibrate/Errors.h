//===- Errors.h - Where quantisation loses, tensor by tensor ----*- C++ -*-===//
#ifndef QCC_COMPILER_CALIBRATE_ERRORS_H
#define QCC_COMPILER_CALIBRATE_ERRORS_H

#include "compiler/calibrate/Calibrate.h"
#include "compiler/quantize/Scales.h"

#include <map>

namespace qcc::calibrate {

/// Rounds the values at the mark of a tensor to its 8-bit type and back.
void roundToStored(const Stop &stop, const quantize::QuantParams &params);
/// Scales and zero points of the marks with a range, by their ids.
std::map<int64_t, quantize::QuantParams> paramsOfMarks(mlir::ModuleOp marked);

/// One qcc.observe: a tensor in the integer model beside the same one in the
/// float model, on the same samples.
struct TensorError {
  std::string name;       ///< the node or input that makes the tensor
  bool isProduct = false; ///< the sums of a convolution or product, before the rest of its chain
  Decibels signalToNoise; ///< none where the tensor is zero
};

/// For each mark of `marked`, with the ranges that the model gets, in program order. Uses at most
/// `maxSamples` samples; both models run side by side.
mlir::FailureOr<std::vector<TensorError>> measureTensors(mlir::ModuleOp marked, Samples &samples,
                                                         int64_t maxSamples, const ExecutorFactory &factory);

/// How far the outputs are off where one node alone is quantised: the tensors it
/// reads and its weights.
struct NodeNoise {
  std::string name;
  double signalToNoise = 0; ///< in dB
};

/// The nodes with integer forms, the noisiest first. Each costs `maxSamples` runs
/// of the float model.
mlir::FailureOr<std::vector<NodeNoise>> rankByNoise(mlir::ModuleOp marked, Samples &samples,
                                                    int64_t maxSamples, const ExecutorFactory &factory,
                                                    const std::function<void(double done)> &progress);

/// How far the outputs are off where one tensor alone is rounded, which could be measured by row.
struct RowNoise {
  std::vector<std::string> products; ///< that read it
  double signalToNoise = 0;          ///< in dB
};

/// The tensors that matrix products read, the noisiest first; their weights are left as they are.
mlir::FailureOr<std::vector<RowNoise>> rankByRow(mlir::ModuleOp marked, Samples &samples, int64_t maxSamples,
                                                 const ExecutorFactory &factory,
                                                 const std::function<void(double done)> &progress);

} // namespace qcc::calibrate

#endif // QCC_COMPILER_CALIBRATE_ERRORS_H
