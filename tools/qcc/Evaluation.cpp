//===- Evaluation.cpp - --eval, --labels and --max-drop -------------------===//

#include "tools/qcc/Evaluation.h"

#include "compiler/calibrate/AsUsed.h"
#include "compiler/calibrate/Compiled.h"
#include "compiler/support/FloatWeights.h"
#include "mlir/IR/Diagnostics.h"
#include "tools/qcc/Rows.h"
#include "llvm/Support/Format.h"

using namespace mlir;
using namespace qcc;
using namespace qcc::driver;

namespace {
/// Of calibration; noise settles with few.
constexpr int64_t samplesForRanking = 8;
/// Drops are sums of hundredths; this is rounding.
constexpr double tolerance = 1e-9;

std::string percent(double value) {
  std::string text;
  llvm::raw_string_ostream(text) << llvm::format("%.2f", value);
  return text;
}

/// One node more each time, later a third more.
size_t nextCount(size_t count) { return count + std::max<size_t>(1, count / 3); }
} // namespace

bool Evaluation::readOptions(std::string &error) {
  if (options.has("--labels") != options.has("--eval"))
    error = options.has("--eval") ? "--eval needs the right classes: --labels=PATH"
                                  : "--labels needs the data they are of: --eval=PATH";
  else if (options.has("--max-drop") && !options.has("--eval"))
    error = "--max-drop needs labelled data: --eval=PATH --labels=PATH";
  if (!error.empty() || !options.has("--max-drop"))
    return error.empty();
  double points;
  std::string text = options.get("--max-drop");
  if (llvm::StringRef(text).getAsDouble(points) || !(points >= 0 && points <= 100)) {
    error = "option '--max-drop': '" + text + "' is no number of points from 0 to 100";
    return false;
  }
  maxDrop = points;
  return true;
}

bool Evaluation::prepare(ModuleOp simplified, PipelineOptions &pipeline, Calibration &calibration,
                         std::string &error) {
  hasFloat = !quantize::isQuantized(simplified);
  if (maxDrop && pipeline.quantize.mode == quantize::Mode::Weights)
    error = "--max-drop chooses layers for --quantize=static: with --quantize=weights name them yourself "
            "(--keep-float=NODE), or leave it out to see what accuracy is lost";
  else if (maxDrop && pipeline.quantize.mode != quantize::Mode::Static)
    error = hasFloat ? "--max-drop chooses layers by their noise on calibration data: --calib=PATH"
                     : "--max-drop: the model's own quantisation is kept as it is, layer by layer";
  calibration.keepsMarked = maxDrop.has_value();
  return error.empty();
}

FailureOr<calibrate::Accuracy> Evaluation::measure(ModuleOp module, const PipelineOptions &pipeline) {
  std::unique_ptr<calibrate::Executor> executor = calibrate::compileAsUsed(module, pipeline);
  if (!executor)
    return failure();
  std::string error;
  std::vector<int64_t> labels;
  auto samples = openSamples(options, "--eval", module, error);
  if (!samples || !calibrate::readLabels(options.get("--labels"), labels, error))
    return module.emitError(error);
  auto line = progressLine(options);
  auto progress = [&](double done) {
    if (line)
      line("measuring the accuracy", done);
  };
  calibrate::Accuracy accuracy;
  if (calibrate::measureAccuracy(*executor, *samples, labels, progress, accuracy, error))
    return accuracy;
  if (!error.empty())
    module.emitError(error);
  return failure();
}

LogicalResult Evaluation::quantize(OwningOpRef<ModuleOp> &module, PipelineOptions &pipeline,
                                   Calibration &calibration) {
  OwningOpRef<ModuleOp> simplified = module->clone();
  if (hasFloat) {
    FailureOr<calibrate::Accuracy> accuracy = measure(*simplified, {});
    if (failed(accuracy))
      return failure();
    exact = *accuracy;
  }
  if (failed(quantizeWithRows(module, pipeline, calibration, options)))
    return failure();
  std::string precision = options.get("--precision", "auto");
  auto isDecided = [](Operation *op) {
    return decidedPrecision(op).empty() ? WalkResult::advance() : WalkResult::interrupt();
  };
  bool isFloat = pipeline.quantize.mode == quantize::Mode::Keep &&
                 (precision == "auto" || precision == "fp32") && !module->walk(isDecided).wasInterrupted();
  if (hasFloat && isFloat)
    return success(); // it is what is compiled
  FailureOr<calibrate::Accuracy> accuracy = measure(*module, pipeline);
  if (failed(accuracy))
    return failure();
  compiled = *accuracy;
  return maxDrop ? keepWithin(module, *simplified, pipeline, calibration) : success();
}

LogicalResult Evaluation::keepWithin(OwningOpRef<ModuleOp> &module, ModuleOp simplified,
                                     PipelineOptions &pipeline, Calibration &calibration) {
  if (drop() <= *maxDrop + tolerance)
    return success();
  std::string error;
  auto samples = openSamples(options, "--calib", simplified, error);
  if (!samples)
    return simplified.emitError(error);
  auto line = progressLine(options);
  auto ranking = calibrate::rankByNoise(
      *calibration.marked, *samples, samplesForRanking, calibrate::compiledExecutors(options.threads()),
      [&](double done) { line ? line("looking for the noisiest layers", done) : void(); });
  if (failed(ranking))
    return failure();
  calibration.keepsMarked = false;
  calibration.method = calibration.report->method;
  // At least one stays quantised: without any, --quantize=none is the way.
  for (size_t count = 1; count < ranking->size(); count = nextCount(count)) {
    kept.assign(ranking->begin(), ranking->begin() + static_cast<ptrdiff_t>(count));
    pipeline.quantize.precise.clear();
    for (const calibrate::NodeNoise &node : kept)
      pipeline.quantize.precise.push_back(node.name);
    module = simplified.clone();
    {
      // Said already in the first run.
      ScopedDiagnosticHandler quiet(simplified.getContext(), [](Diagnostic &diagnostic) {
        return success(diagnostic.getSeverity() != DiagnosticSeverity::Error);
      });
      if (failed(runStages(*module, Stage::quantize, Stage::quantize, pipeline)))
        return failure();
    }
    FailureOr<calibrate::Accuracy> accuracy = measure(*module, pipeline);
    if (failed(accuracy))
      return failure();
    compiled = *accuracy;
    if (options.has("-v"))
      llvm::errs() << "qcc: with " << count << " of " << ranking->size()
                   << " layers in float: " << percent(compiled->percent()) << " %\n";
    if (drop() <= *maxDrop + tolerance)
      return success();
  }
  std::string tried = kept.empty() ? ""
                                   : " with the " + std::to_string(kept.size()) + " noisiest of " +
                                         std::to_string(ranking->size()) + " layers in float";
  return simplified.emitError("--max-drop=")
         << options.get("--max-drop") << " cannot be reached: float is right on " << percent(exact->percent())
         << " % of the samples, int8" << tried << " on " << percent(compiled->percent())
         << " %; give more calibration samples, allow more, or compile with --quantize=none";
}

std::vector<std::string> Evaluation::describe() const {
  std::vector<std::string> lines;
  if (!exact && !compiled)
    return lines;
  std::string text = "top-1 on " + std::to_string((exact ? exact : compiled)->total) + " samples:";
  if (exact)
    text += " float " + percent(exact->percent()) + " %";
  if (compiled)
    text += std::string(exact ? ", " : " ") + "as compiled " + percent(compiled->percent()) + " %";
  if (exact && compiled)
    text += " (" + percent(std::abs(drop())) + " points " + (drop() >= 0 ? "less)" : "more)");
  lines.push_back(text);
  if (kept.empty())
    return lines;
  text = "kept in float for --max-drop, with the noise of each alone:";
  for (const calibrate::NodeNoise &node : kept) {
    llvm::raw_string_ostream os(text);
    os << (&node == &kept.front() ? " '" : ", '") << node.name << "'"
       << llvm::format(" (%.1f dB)", node.signalToNoise);
  }
  lines.push_back(text);
  return lines;
}
