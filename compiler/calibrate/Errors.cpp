//===- Errors.cpp - The error of each quantised tensor --------------------===//

#include "compiler/calibrate/Errors.h"
#include "compiler/quantize/Passes.h"
#include "compiler/quantize/Weights.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/PassManager.h"

#include <algorithm>

#include <cmath>

using namespace mlir;
using namespace qcc;
using namespace qcc::calibrate;
using reference::Tensor;

namespace {
struct Energy {
  double signal = 0, noise = 0;

  void add(const Stop &exact, const Stop &actual) {
    for (int64_t i = 0, size = exact.size(); i < size; ++i) {
      double right = exact.values[i], difference = actual.values[i] - right;
      signal += right * right;
      noise += difference * difference;
    }
  }
  Decibels decibels() const {
    constexpr double most = 150;
    if (!(signal > 0))
      return std::nullopt;
    return std::min(most, -10 * std::log10(std::max(noise / signal, 1e-300)));
  }
};

/// The model with integer weights, corrected biases, and what is measured by row. Its tensors are rounded
/// where a run stops at their marks.
OwningOpRef<ModuleOp> withIntegerWeights(ModuleOp marked) {
  OwningOpRef<ModuleOp> module = marked.clone();
  OpBuilder builder(module->getContext());
  SmallVector<ObserveOp> products;
  module->walk([&](ObserveOp mark) {
    if (!quantize::isRange(mark))
      products.push_back(mark);
  });
  for (ObserveOp mark : products)
    if (failed(quantize::quantizeWeights(mark.getInput().getDefiningOp(),
                                         mark.getCorrection().value_or(ArrayRef<float>()), builder)))
      return {};
  PassManager pm(module->getContext());
  pm.addNestedPass<func::FuncOp>(quantize::createQuantizeDynamic({/*keepFloat=*/{}, /*planned=*/true}));
  return succeeded(pm.run(*module)) ? std::move(module) : OwningOpRef<ModuleOp>();
}

using Params = std::map<int64_t, quantize::QuantParams>;

/// Takes one sample through both models at once: they stop at the same marks.
LogicalResult compare(Executor &exact, Executor &quantized, const std::vector<Tensor> &sample,
                      const Params &params, std::map<int64_t, Energy> &energies) {
  std::unique_ptr<Run> left = exact.start(sample), right = quantized.start(sample);
  if (!left || !right)
    return failure();
  std::vector<float> ownA, ownB;
  for (;;) {
    Stop a, b;
    Run::Status first = left->next(a), second = right->next(b);
    if (first == Run::Status::Failed || second == Run::Status::Failed)
      return failure();
    if (first == Run::Status::Finished || second == Run::Status::Finished)
      return success();
    if (auto range = params.find(b.id); range != params.end())
      roundToStored(b, range->second);
    energies[a.id].add(a.counted(ownA), b.counted(ownB));
  }
}
} // namespace

void qcc::calibrate::roundToStored(const Stop &stop, const quantize::QuantParams &params) {
  float low = static_cast<float>(-params.zeroPoint), high = static_cast<float>(255 - params.zeroPoint);
  for (int64_t i = 0, size = stop.size(); i < size; ++i)
    stop.values[i] = std::clamp(std::nearbyint(stop.values[i] / params.scale), low, high) * params.scale;
}

std::map<int64_t, quantize::QuantParams> qcc::calibrate::paramsOfMarks(ModuleOp marked) {
  std::map<int64_t, quantize::QuantParams> params;
  marked.walk([&](ObserveOp mark) {
    if (quantize::isRange(mark) && mark.getRange())
      params[static_cast<int64_t>(mark.getId())] =
          quantize::chooseParams({(*mark.getRange())[0], (*mark.getRange())[1]});
  });
  return params;
}

FailureOr<std::vector<TensorError>> qcc::calibrate::measureTensors(ModuleOp marked, Samples &samples,
                                                                   int64_t maxSamples,
                                                                   const ExecutorFactory &factory) {
  OwningOpRef<ModuleOp> rounded = withIntegerWeights(marked);
  std::unique_ptr<Executor> exact = factory(marked), quantized = rounded ? factory(*rounded) : nullptr;
  if (!exact || !quantized)
    return failure();
  Params params = paramsOfMarks(marked);
  std::map<int64_t, Energy> energies;
  for (int64_t i = 0, count = std::min(maxSamples, samples.count()); i < count; ++i) {
    std::vector<Tensor> sample;
    std::string error;
    if (!samples.read(i, sample, error))
      return marked.emitError(error);
    if (failed(compare(*exact, *quantized, sample, params, energies)))
      return failure();
  }
  std::vector<TensorError> errors;
  marked.walk([&](ObserveOp mark) {
    errors.push_back({quantize::nameOf(mark.getLoc()), !quantize::isRange(mark),
                      energies[static_cast<int64_t>(mark.getId())].decibels()});
  });
  return errors;
}
