//===- Reporting.h - --report -----------------------------------*- C++ -*-===//
#ifndef QCC_TOOLS_QCC_REPORTING_H
#define QCC_TOOLS_QCC_REPORTING_H

#include "compiler/report/Collect.h"
#include "tools/qcc/Calibration.h"
#include "tools/qcc/Evaluation.h"
#include "tools/qcc/Output.h"
#include "tools/qcc/Summary.h"

namespace qcc::driver {

/// Gathers what --report writes while a compile goes on; does nothing without it.
class Reporting {
public:
  explicit Reporting(const Options &options) : options(options), collector(report) {}

  bool isAsked() const { return options.has("--report"); }
  /// False, and why, for a file that is neither .json nor .html.
  bool readOptions(std::string &error) const;

  void afterQuantize(mlir::ModuleOp module, const Calibration &calibration);
  void afterFuse(mlir::ModuleOp module);
  void afterLower(mlir::ModuleOp module);
  /// Times the layers by running `object` here.
  void time(llvm::ArrayRef<char> object, llvm::StringRef prefix);
  /// Why no times are known.
  void leaveOutTimes(const std::string &reason) { report.timing = "Times are left out: " + reason; }
  void finish(const Summary &summary, const Calibration &calibration, const Evaluation &evaluation);
  OutputFile file() const;

  report::Report report;

private:
  std::string operatorOf(llvm::StringRef layer) const;

  const Options &options;
  report::Collector collector;
};

} // namespace qcc::driver

#endif // QCC_TOOLS_QCC_REPORTING_H
