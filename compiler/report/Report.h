//===- Report.h - What became of a model, layer by layer --------*- C++ -*-===//
//
// Plain data, filled by Collect.h and by the driver, written by Json.cpp and
// Html.cpp. What is not known is absent, and the writers say so.
//
//===----------------------------------------------------------------------===//
#ifndef QCC_COMPILER_REPORT_REPORT_H
#define QCC_COMPILER_REPORT_REPORT_H

#include "llvm/ADT/StringMap.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/raw_ostream.h"

#include <optional>
#include <string>
#include <vector>

namespace qcc::report {

/// The tensors and constants of one ONNX node after fusion.
struct Layer {
  std::string name, op; ///< of the node; an input's name and "" for its conversion
  std::string
      type; ///< "int8", "bf16", "float", "float, fp16 weights", or "conversion" of type or layout alone
  std::string reason;                       ///< of a float layer beside integer ones: why
  std::vector<std::string> inputs, outputs; ///< "1x3x224x224 u8"
  std::vector<std::string> fused;           ///< pointwise steps in its epilogue
  std::vector<std::string> kernels;         ///< in order; none: it only renames memory
  int64_t weightBytes = 0;                  ///< of its constants, before packing
  int64_t macs = 0;
  std::optional<double> signalToNoise; ///< of its result against the float model, in dB
  std::optional<double> microseconds;
};

/// A tensor that is stored in 8 (or other) bits.
struct Tensor {
  std::string name, type;
  double scale = 0;
  int64_t zeroPoint = 0;
  std::optional<double> signalToNoise;
};

/// What was decided about a node, for people to read.
struct Decision {
  std::string node, op, text;
};

struct Accuracy {
  int64_t samples = 0;
  std::optional<double> exact, compiled; ///< in percent: of the float model, of the object
};

struct Report {
  std::string version, model, modelHash, output, target;
  std::vector<std::string> variants;
  llvm::json::Value options = nullptr;
  std::string quantization;            ///< in one sentence
  std::optional<double> signalToNoise; ///< at the outputs, in dB
  std::optional<Accuracy> accuracy;
  std::optional<int64_t> codeBytes, weightBytes, workspaceBytes;
  std::string timing; ///< how times were measured, or why there are none
  std::vector<Layer> layers;
  std::vector<Tensor> tensors;
  std::vector<Decision> decisions;
};

void writeJson(const Report &report, llvm::raw_ostream &os);
/// One page that needs nothing else: no network, no script.
void writeHtml(const Report &report, llvm::raw_ostream &os);

} // namespace qcc::report

#endif // QCC_COMPILER_REPORT_REPORT_H
