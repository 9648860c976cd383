//===- Collect.h - From the IR of the stages to a report --------*- C++ -*-===//
#ifndef QCC_COMPILER_REPORT_COLLECT_H
#define QCC_COMPILER_REPORT_COLLECT_H

#include "compiler/report/Report.h"
#include "dialects/Qcc.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"

namespace qcc::report {

/// Signal to noise in dB: of quantised tensors, and of products' sums, by the
/// name of the node that makes them.
struct Noise {
  llvm::StringMap<double> tensors, products;
};

/// Looks at the module three times on its way; each call adds to `report`.
class Collector {
public:
  explicit Collector(Report &report) : report(report) {}

  /// After stage quantize: the tensors, and where each node's chain ends.
  void afterQuantize(mlir::ModuleOp module, const Noise &noise);
  /// After stage fuse: layers and decisions.
  void afterFuse(mlir::ModuleOp module);
  /// After stage lower: kernels and multiply-adds.
  void afterLower(mlir::ModuleOp module);
  /// Minimum of each step, in the order of the program.
  void addTimes(const std::vector<double> &microseconds);

private:
  Layer &layerNamed(llvm::StringRef name);
  void addOp(mlir::Operation *op);

  Report &report;
  llvm::StringMap<double> noiseOf;    ///< of a node's result at the end of its chain
  llvm::StringMap<size_t> layerIndex; ///< into report.layers
  std::vector<std::string> stepLayers;
};

/// "1x3x224x224 u8".
std::string describe(mlir::Value value);

} // namespace qcc::report

#endif // QCC_COMPILER_REPORT_COLLECT_H
