//===- Rows.cpp - Static int8 where it serves, by row where not -----------===//

#include "tools/qcc/Rows.h"

#include "compiler/calibrate/Compiled.h"
#include "mlir/IR/Diagnostics.h"

#include <cmath>

using namespace mlir;
using namespace qcc;
using namespace qcc::driver;

namespace {
/// Of the outputs; above it a classifier hardly ever changes its mind.
constexpr double enoughDecibels = 30;
/// Of calibration; noise settles with few.
constexpr int64_t samplesForRanking = 8;

double noiseOf(double decibels) { return std::pow(10, -decibels / 10); }

/// The noisiest, so many that all others together are quiet enough.
std::vector<calibrate::RowNoise> choose(std::vector<calibrate::RowNoise> ranking) {
  double rest = 0;
  for (const calibrate::RowNoise &tensor : ranking)
    rest += noiseOf(tensor.signalToNoise);
  size_t count = 0;
  for (; count < ranking.size() && rest > noiseOf(enoughDecibels); ++count)
    rest -= noiseOf(ranking[count].signalToNoise);
  ranking.resize(count);
  return ranking;
}

FailureOr<std::vector<calibrate::RowNoise>> chooseRows(ModuleOp simplified, const Calibration &calibration,
                                                       const Options &options) {
  std::string error;
  auto samples = openSamples(options, "--calib", simplified, error);
  if (!samples)
    return simplified.emitError(error);
  auto line = progressLine(options);
  auto progress = [&](double done) { line ? line("looking for the noisiest tensors", done) : void(); };
  auto ranking = calibrate::rankByRow(*calibration.marked, *samples, samplesForRanking,
                                      calibrate::compiledExecutors(options.threads()), progress);
  if (failed(ranking))
    return failure();
  return choose(std::move(*ranking));
}
} // namespace

LogicalResult driver::quantizeWithRows(OwningOpRef<ModuleOp> &module, PipelineOptions &pipeline,
                                       Calibration &calibration, const Options &options) {
  bool mayHaveRows = pipeline.quantize.mode == quantize::Mode::Static && pipeline.quantize.rows;
  OwningOpRef<ModuleOp> simplified = mayHaveRows ? module->clone() : ModuleOp();
  bool keepsMarked = calibration.keepsMarked;
  calibration.keepsMarked |= mayHaveRows;
  if (failed(runStages(*module, Stage::quantize, Stage::quantize, pipeline)))
    return failure();
  calibration.keepsMarked = keepsMarked;
  if (!mayHaveRows || calibration.report->error.value_or(enoughDecibels) >= enoughDecibels)
    return success();
  auto rows = chooseRows(*simplified, calibration, options);
  if (failed(rows) || rows->empty())
    return failure(failed(rows));
  for (const calibrate::RowNoise &tensor : *rows)
    llvm::append_range(pipeline.quantize.byRow, tensor.products);
  Calibration second;
  second.wantsTensorErrors = calibration.wantsTensorErrors;
  second.keepsMarked = keepsMarked;
  second.method = calibration.report->method;
  std::swap(calibration, second); // which stage quantize fills in
  {
    // Said already in the first run.
    ScopedDiagnosticHandler quiet(simplified->getContext(), [](Diagnostic &diagnostic) {
      return success(diagnostic.getSeverity() != DiagnosticSeverity::Error);
    });
    if (failed(runStages(*simplified, Stage::quantize, Stage::quantize, pipeline)))
      return failure();
  }
  if (calibration.report->error.value_or(0) <= *second.report->error) {
    std::swap(calibration, second);
    pipeline.quantize.byRow.clear();
    return success();
  }
  calibration.byRow = std::move(*rows);
  module = std::move(simplified);
  return success();
}
