//===- Calibrate.cpp - Ranges and corrections from samples ----------------===//

#include "compiler/calibrate/Calibrate.h"
#include "compiler/calibrate/Noise.h"
#include "compiler/quantize/Passes.h"
#include "compiler/quantize/Scales.h"
#include "compiler/support/Parallel.h"
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

  static Means of(const Stop &stop) {
    ChannelRuns tensor(stop);
    Means means;
    means.sums.resize(tensor.channels);
    const float *value = stop.values;
    for (int64_t run = 0; run < tensor.runs; run += tensor.channels) {
      if (tensor.inner == 1) { // channels last
        for (int64_t c = 0; c < tensor.channels; ++c)
          means.sums[c] += value[c];
        value += tensor.channels;
        continue;
      }
      for (double &sum : means.sums)
        for (int64_t i = 0; i < tensor.inner; ++i)
          sum += *value++;
    }
    means.count = static_cast<double>(tensor.runs * tensor.inner / std::max<int64_t>(tensor.channels, 1));
    return means;
  }

  void add(const Means &other) {
    sums.resize(other.sums.size());
    for (auto [sum, more] : llvm::zip_equal(sums, other.sums))
      sum += more;
    count += other.count;
  }

  static void shift(const Stop &stop, ArrayRef<float> by) {
    ChannelRuns tensor(stop);
    float *value = stop.values;
    for (int64_t run = 0; run < tensor.runs; run += tensor.channels)
      for (int64_t c = 0; c < tensor.channels; ++c, value += tensor.inner)
        for (int64_t i = 0; i < tensor.inner; ++i)
          value[i] += by[c];
  }
};

/// What the float model shows at one mark.
struct Mark {
  ObserveOp op;
  Histogram histogram;
  Means means;
};

/// What one sample shows at the marks.
struct Observation {
  std::unique_ptr<Run> run;
  bool done = false;
  std::optional<int64_t> unclear; ///< a mark where it is not known what belongs to the sample
  std::map<int64_t, Histogram> histograms;
  std::map<int64_t, Means> means;

  void measure();
};

void Observation::measure() {
  Stop stop;
  Run::Status status;
  std::vector<float> storage;
  while ((status = run->next(stop)) == Run::Status::Stopped) {
    if (stop.counts.empty() && !stop.shape.empty())
      unclear = stop.id;
    Stop own = stop.counted(storage);
    if (stop.axis >= 0)
      means[stop.id] = Means::of(own);
    else
      histograms[stop.id].add(own.values, static_cast<size_t>(own.size()));
  }
  done = status == Run::Status::Finished;
}

using Scales = std::map<int64_t, quantize::QuantParams>;
using Corrections = std::map<int64_t, std::vector<float>>;

/// The model with quantised weights. What is quantised on the way is rounded where
/// its mark stops a run.
struct TrialModel {
  Method method = Method::MinMax;
  OwningOpRef<ModuleOp> module;
  std::unique_ptr<Executor> executor;
  Scales scales;

  /// Goes on to the next product.
  Run::Status next(Run &run, Stop &stop) const {
    Run::Status status;
    while ((status = run.next(stop)) == Run::Status::Stopped && stop.axis < 0)
      quantize::roundValues(scales.at(stop.id), stop.values, static_cast<size_t>(stop.size()));
    return status;
  }
};

/// A sample on its way from product to product.
struct Corrected {
  std::unique_ptr<Run> run;
  Stop stop;
  Run::Status status = Run::Status::Stopped;
  Means means;
};

class Calibration {
public:
  Calibration(ModuleOp module, Samples &samples, const ExecutorFactory &factory,
              const CalibrateOptions &options)
      : module(module), samples(samples), factory(factory), options(options) {}

  FailureOr<CalibrationReport> run();

private:
  LogicalResult measure();
  LogicalResult add(Observation &observation, int64_t sample);
  FailureOr<std::vector<std::unique_ptr<Run>>> start(Executor &executor, int64_t first, int64_t end);
  FailureOr<TrialModel> quantized(Method method);
  FailureOr<Decibels> evaluate(const TrialModel &model);
  FailureOr<Decibels> correct(const TrialModel &model, Corrections &corrections);
  FailureOr<bool> correctNext(const TrialModel &model, std::vector<Corrected> &runs,
                              Corrections &corrections);
  LogicalResult attempt(Method method);
  LogicalResult attemptWithoutCorrection();
  bool keep(Method method, Decibels error, bool corrected, const Corrections &corrections);
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
  TrialModel best;    ///< of the trial that was kept
  int64_t atOnce = 1; ///< whole samples that run side by side
  int64_t phase = 0, phases = 1;
};

void Calibration::progress(const std::string &what, int64_t sample) {
  double inPhase = static_cast<double>(sample) / static_cast<double>(report.samples);
  if (options.progress)
    options.progress(what,
                     std::min(1.0, (static_cast<double>(phase) + inPhase) / static_cast<double>(phases)));
}

/// The samples first .. end - 1, before their first step.
FailureOr<std::vector<std::unique_ptr<Run>>> Calibration::start(Executor &executor, int64_t first,
                                                                int64_t end) {
  std::vector<std::unique_ptr<Run>> runs;
  for (int64_t sample = first; sample < end; ++sample) {
    std::vector<Tensor> inputs;
    std::string error;
    if (!samples.read(sample, inputs, error))
      return emitError(UnknownLoc::get(module.getContext())) << error, failure();
    runs.push_back(executor.start(std::move(inputs)));
    if (!runs.back())
      return failure();
  }
  return runs;
}

//===----------------------------------------------------------------------===//
// The float model
//===----------------------------------------------------------------------===//

/// Always in the order of the samples, so that sums are rounded alike.
LogicalResult Calibration::add(Observation &observation, int64_t sample) {
  if (!observation.done)
    return failure();
  if (observation.unclear)
    return marks.at(*observation.unclear).op.emitError("calibration sample ")
           << sample << " is shorter than the most, and how much of this tensor belongs to it is not known; "
           << "leave what reads it in float with --keep-float, or give samples of the most only";
  for (auto &[id, histogram] : observation.histograms) {
    Mark &mark = marks.at(id);
    mark.histogram.merge(histogram);
    if (histogram.nonFinite())
      return mark.op.emitError("is not finite with calibration sample ")
             << sample << " and has no range; leave what reads it in float with --keep-float";
  }
  if (sample >= report.correctionSamples)
    return success();
  for (auto &[id, means] : observation.means)
    marks.at(id).means.add(means);
  expected.push_back(observation.run->outputs());
  return success();
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
  atOnce = static_cast<int64_t>(std::clamp<uint64_t>(fit, 1, options.threads));
  for (int64_t first = 0; first < report.samples; first += atOnce) {
    progress("measuring ranges", first);
    auto runs = start(*executor, first, std::min(first + atOnce, report.samples));
    if (failed(runs))
      return failure();
    std::vector<Observation> observations(runs->size());
    parallelFor(runs->size(), options.threads, [&](size_t i) {
      observations[i].run = std::move((*runs)[i]);
      observations[i].measure();
    });
    for (auto [i, observation] : llvm::enumerate(observations))
      if (failed(add(observation, first + static_cast<int64_t>(i))))
        return failure();
  }
  ++phase;
  return success();
}

//===----------------------------------------------------------------------===//
// Trials
//===----------------------------------------------------------------------===//

void Calibration::setRanges(ModuleOp where, Method method) {
  Builder builder(where.getContext());
  SmallVector<ObserveOp> ops;
  where.walk([&](ObserveOp op) {
    if (quantize::isRange(op))
      ops.push_back(op);
  });
  std::vector<quantize::Range> ranges(ops.size());
  parallelFor(ops.size(), options.threads, [&](size_t i) {
    ranges[i] = chooseRange(marks.at(static_cast<int64_t>(ops[i].getId())).histogram, method);
  });
  for (auto [op, range] : llvm::zip_equal(ops, ranges))
    op.setRangeAttr(builder.getDenseF32ArrayAttr({range.lo, range.hi}));
}

FailureOr<TrialModel> Calibration::quantized(Method method) {
  OwningOpRef<ModuleOp> trial = module.clone();
  setRanges(*trial, method);
  PassManager pm(trial->getContext());
  pm.addNestedPass<func::FuncOp>(quantize::createShareScales());
  pm.addNestedPass<func::FuncOp>(quantize::createApplyQuantization({/*keepMarks=*/true}));
  pm.addNestedPass<func::FuncOp>(quantize::createQuantizeDynamic({/*keepFloat=*/{}, /*planned=*/true}));
  // What these passes have to say they say again at the end of the stage.
  ScopedDiagnosticHandler quiet(trial->getContext(), [](Diagnostic &diagnostic) {
    return success(diagnostic.getSeverity() != DiagnosticSeverity::Error);
  });
  if (failed(pm.run(*trial)))
    return failure();
  Scales scales;
  trial->walk([&](ObserveOp op) {
    if (quantize::isRange(op))
      scales[static_cast<int64_t>(op.getId())] =
          quantize::chooseParams({(*op.getRange())[0], (*op.getRange())[1]});
  });
  std::unique_ptr<Executor> executor = factory(*trial);
  if (!executor)
    return failure();
  return TrialModel{method, std::move(trial), std::move(executor), std::move(scales)};
}

FailureOr<Decibels> Calibration::evaluate(const TrialModel &model) {
  Noise noise;
  auto count = static_cast<int64_t>(expected.size());
  for (int64_t first = 0; first < count; first += atOnce) {
    progress("measuring the error", first);
    auto runs = start(*model.executor, first, std::min(first + atOnce, count));
    if (failed(runs))
      return failure();
    std::vector<Run::Status> statuses(runs->size());
    parallelFor(runs->size(), options.threads, [&](size_t i) {
      Stop stop;
      while ((statuses[i] = model.next(*(*runs)[i], stop)) == Run::Status::Stopped) {
      }
    });
    if (llvm::is_contained(statuses, Run::Status::Failed))
      return failure();
    for (auto [i, run] : llvm::enumerate(*runs))
      noise.add(expected[first + static_cast<int64_t>(i)], run->outputs());
  }
  return noise.decibels();
}

/// Takes all runs to their next product and adds there what their means lack. False
/// at the end.
FailureOr<bool> Calibration::correctNext(const TrialModel &model, std::vector<Corrected> &runs,
                                         Corrections &corrections) {
  parallelFor(runs.size(), options.threads, [&](size_t i) {
    Corrected &one = runs[i];
    std::vector<float> storage;
    one.status = model.next(*one.run, one.stop);
    if (one.status == Run::Status::Stopped)
      one.means = Means::of(one.stop.counted(storage));
  });
  if (llvm::any_of(runs, [](const Corrected &one) { return one.status == Run::Status::Failed; }))
    return failure();
  if (runs.front().status == Run::Status::Finished)
    return false;
  Means means;
  for (const Corrected &one : runs)
    means.add(one.means);
  int64_t id = runs.front().stop.id;
  const Means &right = marks.at(id).means;
  std::vector<float> &correction = corrections[id];
  for (auto [sum, rightSum] : llvm::zip_equal(means.sums, right.sums))
    correction.push_back(means.count > 0 ? static_cast<float>(rightSum / right.count - sum / means.count)
                                         : 0);
  parallelFor(runs.size(), options.threads, [&](size_t i) { Means::shift(runs[i].stop, correction); });
  return true;
}

/// One pass in program order over all samples: each product's correction is
/// measured with those of the products before it at work.
FailureOr<Decibels> Calibration::correct(const TrialModel &model, Corrections &corrections) {
  auto started = start(*model.executor, 0, static_cast<int64_t>(expected.size()));
  if (failed(started))
    return failure();
  std::vector<Corrected> runs(started->size());
  for (auto [one, run] : llvm::zip_equal(runs, *started))
    one.run = std::move(run);
  for (size_t stop = 0;; ++stop) {
    progress("correcting biases",
             report.samples * static_cast<int64_t>(stop) / static_cast<int64_t>(marks.size() + 1));
    FailureOr<bool> more = correctNext(model, runs, corrections);
    if (failed(more))
      return failure();
    if (!*more)
      break;
  }
  Noise noise;
  for (auto [one, right] : llvm::zip_equal(runs, expected))
    noise.add(right, one.run->outputs());
  return noise.decibels();
}

bool Calibration::keep(Method method, Decibels error, bool corrected, const Corrections &corrections) {
  if (best.executor && !(error && (!report.error || *error > *report.error)))
    return false;
  report.method = method;
  report.error = error;
  report.corrected = corrected;
  kept = corrections;
  return true;
}

LogicalResult Calibration::attempt(Method method) {
  FailureOr<TrialModel> model = quantized(method);
  if (failed(model))
    return failure();
  Corrections corrections;
  FailureOr<Decibels> error = options.correctBias ? correct(*model, corrections) : evaluate(*model);
  ++phase;
  if (failed(error))
    return failure();
  Trial trial{method, {}, {}};
  (options.correctBias ? trial.corrected : trial.plain) = *error;
  report.trials.push_back(trial);
  if (keep(method, *error, options.correctBias, corrections))
    best = std::move(*model);
  return success();
}

/// Of equal errors the corrected model is kept: its means are right.
LogicalResult Calibration::attemptWithoutCorrection() {
  FailureOr<Decibels> error = evaluate(best);
  ++phase;
  if (failed(error))
    return failure();
  for (Trial &trial : report.trials)
    if (trial.method == best.method)
      trial.plain = *error;
  keep(best.method, *error, false, {});
  return success();
}

FailureOr<CalibrationReport> Calibration::run() {
  module.walk([&](ObserveOp op) { marks[static_cast<int64_t>(op.getId())].op = op; });
  report.samples = samples.count();
  SmallVector<Method> methods = {Method::MinMax, Method::MSE, Method::L3};
  if (options.method)
    methods = {*options.method};
  phases = 1 + static_cast<int64_t>(methods.size()) + options.correctBias;
  if (report.samples < fewSamples)
    module.emitWarning("calibrated with ")
        << report.samples << " sample" << (report.samples == 1 ? "" : "s")
        << "; ranges and biases get reliable with " << fewSamples << " or more";
  if (failed(measure()))
    return failure();
  for (Method method : methods)
    if (failed(attempt(method)))
      return failure();
  if (options.correctBias && failed(attemptWithoutCorrection()))
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
