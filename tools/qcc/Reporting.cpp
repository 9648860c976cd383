//===- Reporting.cpp - --report -------------------------------------------===//

#include "tools/qcc/Reporting.h"

#include "tools/qcc/Profile.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace qcc;
using namespace qcc::driver;

static bool endsIn(const std::string &path, StringRef suffix) {
  return StringRef(path).ends_with_insensitive(suffix);
}

bool Reporting::readOptions(std::string &error) const {
  std::string path = options.get("--report");
  if (!isAsked())
    return true;
  if (!endsIn(path, ".json") && !endsIn(path, ".html"))
    error = "--report=" + path + ": a report is a .json or an .html file";
  else if (options.has("--until"))
    error = "--report describes a whole compile and does not go with --until";
  else if (path == options.get("-o"))
    error = "--report and -o name the same file";
  return error.empty();
}

void Reporting::afterQuantize(ModuleOp module, const Calibration &calibration) {
  if (!isAsked())
    return;
  report::Noise noise;
  for (const calibrate::TensorError &tensor : calibration.tensors)
    if (tensor.signalToNoise)
      (tensor.isProduct ? noise.products : noise.tensors)[tensor.name] = *tensor.signalToNoise;
  collector.afterQuantize(module, noise);
}

void Reporting::afterFuse(ModuleOp module) {
  if (isAsked())
    collector.afterFuse(module);
}

void Reporting::afterLower(ModuleOp module) {
  if (isAsked())
    collector.afterLower(module);
}

void Reporting::time(ArrayRef<char> object, StringRef prefix) {
  if (!isAsked())
    return;
  StepTimes times;
  std::string error;
  if (!timeSteps(object, prefix, times, error))
    return leaveOutTimes(error);
  report.timing = "Times are the fastest of several runs on the machine that compiled, variant " + times.isa +
                  ", one thread.";
  collector.addTimes(times.microseconds);
}

void Reporting::finish(const Summary &summary, const Calibration &calibration, const Evaluation &evaluation) {
  for (const std::string &note : summary.notes)
    report.quantization += (report.quantization.empty() ? "" : "; ") + note;
  if (summary.codeBytes) {
    report.codeBytes = summary.codeBytes;
    report.weightBytes = summary.weightBytes;
    report.workspaceBytes = summary.workspaceBytes;
  }
  if (calibration.report)
    report.signalToNoise = calibration.report->error;
  for (const calibrate::RowNoise &tensor : calibration.byRow)
    for (const std::string &product : tensor.products)
      report.decisions.push_back(
          {product, operatorOf(product),
           llvm::formatv(
               "measured by row: one scale for what it reads would alone leave {0:f1} dB at the outputs",
               tensor.signalToNoise)
               .str()});
  auto percent = [](const std::optional<calibrate::Accuracy> &accuracy) {
    return accuracy ? std::optional(accuracy->percent()) : std::nullopt;
  };
  if (evaluation.exact || evaluation.compiled)
    report.accuracy = report::Accuracy{(evaluation.exact ? evaluation.exact : evaluation.compiled)->total,
                                       percent(evaluation.exact), percent(evaluation.compiled)};
}

std::string Reporting::operatorOf(StringRef name) const {
  auto layer = llvm::find_if(report.layers, [&](const report::Layer &l) { return l.name == name; });
  return layer == report.layers.end() ? "" : layer->op;
}

OutputFile Reporting::file() const {
  std::string path = options.get("--report");
  auto write = endsIn(path, ".json") ? report::writeJson : report::writeHtml;
  return {path, [this, write](llvm::raw_ostream &os) { write(report, os); }};
}
