//===- Calibrate.cpp - Ranges and corrections from samples ----------------===//

#include "compiler/calibrate/Calibrate.h"
#include "compiler/calibrate/Noise.h"
#include "compiler/quantize/Passes.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/Pass/PassManager.h"

#include <algorithm>
#include <cmath>
#include <map>

using namespace mlir;
using namespace qcc;
using namespace qcc::calibrate;
using reference::Tensor;

/// Fewer samples leave ranges to chance.
static constexpr int64_t fewSamples = 32;

namespace {

/// A tensor as runs of `inner` values of one channel: run r belongs to channel r % channels.
struct ChannelRuns {
  int64_t inner = 1, channels = 1, runs = 1;

  explicit ChannelRuns(const Stop &stop) : channels(stop.shape[stop.axis]) {
    for (auto [axis, extent] : llvm::enumerate(stop.shape))
      (static_cast<int64_t>(axis) > stop.axis ? inner : runs) *= extent;
  }
};

/// Sums over all other axes, for each index along one.
struct Means {
  std::vector<double> sums;
  double count = 0; ///< values behind each sum

  void add(const Stop &stop) {
    ChannelRuns tensor(stop);
    sums.resize(tensor.channels);
    const float *value = stop.values;
    for (int64_t run = 0; run < tensor.runs; run += tensor.channels)
      for (double &sum : sums)
        for (int64_t i = 0; i < tensor.inner; ++i)
          sum += *value++;
    count += static_cast<double>(tensor.runs * tensor.inner / std::max<int64_t>(tensor.channels, 1));
  }

  static void shift(const Stop &stop, ArrayRef<float> by) {
    ChannelRuns tensor(stop);
    float *value = stop.values;
    for (int64_t run = 0; run < tensor.runs; run += tensor.channels)
      for (float add : by)
        for (int64_t i = 0; i < tensor.inner; ++i)
          *value++ += add;
  }
};

/// What the float model shows at one mark.
struct Mark {
  ObserveOp op;
  Histogram histogram;
  Means means;
};

using Corrections = std::map<int64_t, std::vector<float>>;

class Calibration {
public:
  Calibration(ModuleOp module, Samples &samples, const ExecutorFactory &factory,
              const CalibrateOptions &options)
      : module(module), samples(samples), factory(factory), options(options) {}

  FailureOr<CalibrationReport> run();

private:
  LogicalResult measure();
  LogicalResult watch(const Stop &stop, int64_t sample);
  std::unique_ptr<Run> start(Executor &executor, int64_t sample);
  OwningOpRef<ModuleOp> quantized(Method method);
  FailureOr<Decibels> evaluate(Executor &executor);
  FailureOr<Decibels> correct(Executor &executor, Corrections &corrections);
  FailureOr<bool> correctHere(MutableArrayRef<std::unique_ptr<Run>> runs, Corrections &corrections);
  LogicalResult attempt(Method method);
  void keep(const Trial &trial, Decibels error, bool corrected, const Corrections &corrections);
  void setRanges(ModuleOp where, Method method);
  void progress(const std::string &what, int64_t sample);

  ModuleOp module;
  Samples &samples;
  const ExecutorFactory &factory;
  const CalibrateOptions &options;

  std::map<int64_t, Mark> marks;
  std::vector<std::vector<Tensor>> expected; ///< the float results of the samples that trials use
  CalibrationReport report;
  Corrections kept;
  bool any = false; ///< a trial was kept
  int64_t phase = 0, phases = 1;
};

void Calibration::progress(const std::string &what, int64_t sample) {
  double inPhase = static_cast<double>(sample) / static_cast<double>(report.samples);
  if (options.progress)
    options.progress(what,
                     std::min(1.0, (static_cast<double>(phase) + inPhase) / static_cast<double>(phases)));
}

std::unique_ptr<Run> Calibration::start(Executor &executor, int64_t sample) {
  std::vector<Tensor> inputs;
  std::string error;
  if (samples.read(sample, inputs, error))
    return executor.start(std::move(inputs));
  emitError(UnknownLoc::get(module.getContext())) << error;
  return nullptr;
}

//===----------------------------------------------------------------------===//
// The float model
//===----------------------------------------------------------------------===//

LogicalResult Calibration::watch(const Stop &stop, int64_t sample) {
  Mark &mark = marks.at(stop.id);
  if (stop.axis >= 0) {
    if (sample < report.correctionSamples)
      mark.means.add(stop);
    return success();
  }
  size_t size = 1;
  for (int64_t extent : stop.shape)
    size *= static_cast<size_t>(extent);
  mark.histogram.add(stop.values, size);
  if (!mark.histogram.nonFinite())
    return success();
  return mark.op.emitError("is not finite with calibration sample ")
         << sample << " and has no range; leave what reads it in float with --keep-float";
}

LogicalResult Calibration::measure() {
  std::unique_ptr<Executor> executor = factory(module);
  if (!executor)
    return failure();
  uint64_t fit = options.maxBytes / std::max<uint64_t>(executor->bytesPerRun(), 1);
  report.correctionSamples = report.samples;
  if (options.correctBias)
    report.correctionSamples =
        static_cast<int64_t>(std::clamp<uint64_t>(fit, 1, static_cast<uint64_t>(report.samples)));
  for (int64_t i = 0; i < report.samples; ++i) {
    progress("measuring ranges", i);
    std::unique_ptr<Run> run = start(*executor, i);
    Stop stop;
    Run::Status status = run ? run->next(stop) : Run::Status::Failed;
    for (; status == Run::Status::Stopped; status = run->next(stop))
      if (failed(watch(stop, i)))
        return failure();
    if (status == Run::Status::Failed)
      return failure();
    if (i < report.correctionSamples)
      expected.push_back(run->outputs());
  }
  ++phase;
  return success();
}

//===----------------------------------------------------------------------===//
// Trials
//===----------------------------------------------------------------------===//

void Calibration::setRanges(ModuleOp where, Method method) {
  Builder builder(where.getContext());
  where.walk([&](ObserveOp op) {
    if (!quantize::isRange(op))
      return;
    auto range = chooseRange(marks.at(static_cast<int64_t>(op.getId())).histogram, method);
    op.setRangeAttr(builder.getDenseF32ArrayAttr({range.lo, range.hi}));
  });
}

/// The model as it will be, with the marks of its products left in; null after an error.
OwningOpRef<ModuleOp> Calibration::quantized(Method method) {
  OwningOpRef<ModuleOp> trial = module.clone();
  setRanges(*trial, method);
  PassManager pm(trial->getContext());
  pm.addNestedPass<func::FuncOp>(quantize::createShareScales());
  pm.addNestedPass<func::FuncOp>(quantize::createApplyQuantization({/*keepMeans=*/true}));
  // What these passes have to say they say again at the end of the stage.
  ScopedDiagnosticHandler quiet(trial->getContext(), [](Diagnostic &diagnostic) {
    return success(diagnostic.getSeverity() != DiagnosticSeverity::Error);
  });
  return succeeded(pm.run(*trial)) ? std::move(trial) : OwningOpRef<ModuleOp>();
}

FailureOr<Decibels> Calibration::evaluate(Executor &executor) {
  Noise noise;
  for (size_t i = 0; i < expected.size(); ++i) {
    progress("measuring the error", static_cast<int64_t>(i));
    std::unique_ptr<Run> run = start(executor, static_cast<int64_t>(i));
    Stop stop;
    Run::Status status = run ? run->next(stop) : Run::Status::Failed;
    while (status == Run::Status::Stopped)
      status = run->next(stop);
    if (status == Run::Status::Failed)
      return failure();
    noise.add(expected[i], run->outputs());
  }
  return noise.decibels();
}

/// Takes all runs to their next stop and, at a product, adds there what their
/// means lack. False at the end.
FailureOr<bool> Calibration::correctHere(MutableArrayRef<std::unique_ptr<Run>> runs,
                                         Corrections &corrections) {
  std::vector<Stop> stops(runs.size());
  Means means;
  for (auto [run, stop] : llvm::zip_equal(runs, stops)) {
    Run::Status status = run->next(stop);
    if (status == Run::Status::Failed)
      return failure();
    if (status == Run::Status::Finished) {
      if (&run == &runs.back())
        return false;
      continue;
    }
    if (stop.axis >= 0)
      means.add(stop);
  }
  if (means.sums.empty())
    return true;
  const Means &right = marks.at(stops.front().id).means;
  std::vector<float> &correction = corrections[stops.front().id];
  for (auto [sum, rightSum] : llvm::zip_equal(means.sums, right.sums))
    correction.push_back(static_cast<float>(rightSum / right.count - sum / means.count));
  for (const Stop &stop : stops)
    Means::shift(stop, correction);
  return true;
}

/// One pass in program order over all samples: each product's correction is
/// measured with those of the products before it at work.
FailureOr<Decibels> Calibration::correct(Executor &executor, Corrections &corrections) {
  std::vector<std::unique_ptr<Run>> runs;
  for (size_t i = 0; i < expected.size(); ++i) {
    runs.push_back(start(executor, static_cast<int64_t>(i)));
    if (!runs.back())
      return failure();
  }
  for (size_t stop = 0;; ++stop) {
    progress("correcting biases",
             report.samples * static_cast<int64_t>(stop) / static_cast<int64_t>(marks.size() + 1));
    FailureOr<bool> more = correctHere(runs, corrections);
    if (failed(more))
      return failure();
    if (!*more)
      break;
  }
  Noise noise;
  for (auto [run, right] : llvm::zip_equal(runs, expected))
    noise.add(right, run->outputs());
  return noise.decibels();
}

void Calibration::keep(const Trial &trial, Decibels error, bool corrected, const Corrections &corrections) {
  if (any && !(error && (!report.error || *error > *report.error)))
    return;
  any = true;
  report.method = trial.method;
  report.error = error;
  report.corrected = corrected;
  kept = corrections;
}

LogicalResult Calibration::attempt(Method method) {
  OwningOpRef<ModuleOp> model = quantized(method);
  std::unique_ptr<Executor> executor = model ? factory(*model) : nullptr;
  if (!executor)
    return failure();
  Trial trial;
  trial.method = method;
  Corrections corrections;
  FailureOr<Decibels> plain = evaluate(*executor);
  ++phase;
  if (failed(plain))
    return failure();
  trial.plain = *plain;
  if (options.correctBias) {
    FailureOr<Decibels> corrected = correct(*executor, corrections);
    ++phase;
    if (failed(corrected))
      return failure();
    trial.corrected = *corrected;
    // Of equal errors the corrected one is kept: its means are right.
    keep(trial, trial.corrected, true, corrections);
  }
  keep(trial, trial.plain, false, {});
  report.trials.push_back(trial);
  return success();
}

FailureOr<CalibrationReport> Calibration::run() {
  module.walk([&](ObserveOp op) { marks[static_cast<int64_t>(op.getId())].op = op; });
  report.samples = samples.count();
  SmallVector<Method> methods = {Method::MinMax, Method::MSE, Method::L3};
  if (options.method)
    methods = {*options.method};
  phases = 1 + static_cast<int64_t>(methods.size()) * (options.correctBias ? 2 : 1);
  if (report.samples < fewSamples)
    module.emitWarning("calibrated with ")
        << report.samples << " sample" << (report.samples == 1 ? "" : "s")
        << "; ranges and biases get reliable with " << fewSamples << " or more";
  if (failed(measure()))
    return failure();
  for (Method method : methods)
    if (failed(attempt(method)))
      return failure();
  setRanges(module, report.method);
  Builder builder(module.getContext());
  for (auto &[id, correction] : kept)
    marks.at(id).op.setCorrectionAttr(builder.getDenseF32ArrayAttr(correction));
  return report;
}

} // namespace

FailureOr<CalibrationReport> qcc::calibrate::calibrate(ModuleOp module, Samples &samples,
                                                       const ExecutorFactory &factory,
                                                       const CalibrateOptions &options) {
  return Calibration(module, samples, factory, options).run();
}
