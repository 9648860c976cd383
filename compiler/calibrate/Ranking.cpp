//===- Ranking.cpp - Which nodes cost most when quantised -----------------===//
//
// One float model serves all nodes: a product has a twin beside it with 8-bit
// weights. A run for one node rounds the tensors that the node reads when it
// stops at their marks, and puts the twin's result in the place of its own.
//
//===----------------------------------------------------------------------===//

#include "compiler/calibrate/Errors.h"
#include "compiler/calibrate/Noise.h"
#include "compiler/quantize/Passes.h"
#include "compiler/quantize/Role.h"
#include "compiler/quantize/Weights.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/Support/StringSaver.h"

#include <algorithm>
#include <set>

using namespace mlir;
using namespace qcc;
using namespace qcc::calibrate;
using quantize::Form;
using reference::Tensor;

namespace {

/// What a run for one node changes.
struct Candidate {
  std::set<int64_t> ranges; ///< marks whose tensor it reads
  int64_t product = -1;     ///< the mark of its own sums
};

/// The mark behind `value`, through operations that only move values.
ObserveOp markOf(Value value) {
  while (Operation *op = value.getDefiningOp()) {
    if (auto mark = dyn_cast<ObserveOp>(op))
      return quantize::isRange(mark) ? mark : ObserveOp();
    quantize::Role role = quantize::roleOf(op);
    if (role.form != Form::Move)
      return {};
    value = role.inputs[0];
  }
  return {};
}

bool canCost(const quantize::Role &role) {
  return role.form == Form::Product || role.form == Form::Binary || role.form == Form::Average ||
         role.form == Form::Join;
}

llvm::MapVector<StringRef, Candidate> findCandidates(func::FuncOp function, llvm::StringSaver &names) {
  llvm::MapVector<StringRef, Candidate> candidates;
  for (Operation &op : function.front()) {
    quantize::Role role = quantize::roleOf(&op);
    if (!canCost(role))
      continue;
    Candidate candidate;
    for (Value input : role.inputs)
      if (ObserveOp mark = markOf(input))
        candidate.ranges.insert(static_cast<int64_t>(mark.getId()));
    for (Operation *user : op.getUsers())
      if (auto mark = dyn_cast<ObserveOp>(user); mark && !quantize::isRange(mark))
        candidate.product = static_cast<int64_t>(mark.getId());
    if (candidate.ranges.empty() && candidate.product < 0)
      continue;
    Candidate &known = candidates[names.save(quantize::nameOf(op.getLoc()))];
    known.ranges.insert(candidate.ranges.begin(), candidate.ranges.end());
    known.product = std::max(known.product, candidate.product);
  }
  return candidates;
}

class Ranking {
public:
  Ranking(ModuleOp marked, Samples &samples, int64_t maxSamples)
      : module(marked.clone()), samples(samples), count(std::min(maxSamples, samples.count())) {}

  FailureOr<std::vector<NodeNoise>> run(const ExecutorFactory &factory,
                                        const std::function<void(double)> &progress);

private:
  LogicalResult addTwins(func::FuncOp function);
  FailureOr<std::vector<Tensor>> execute(Executor &executor, int64_t sample, const Candidate &candidate);

  OwningOpRef<ModuleOp> module;
  Samples &samples;
  int64_t count;
  std::map<int64_t, quantize::QuantParams> params; ///< of range marks
  std::map<int64_t, int64_t> twinOf;               ///< mark of a twin -> of its product
  size_t results = 0;                              ///< of the model itself
};

/// Twins are results of the function, so that nothing removes them.
LogicalResult Ranking::addTwins(func::FuncOp function) {
  OpBuilder builder(function.getContext());
  Operation *end = function.front().getTerminator();
  results = end->getNumOperands();
  SmallVector<Value> values(end->getOperands());
  auto names = llvm::to_vector(function->getAttrOfType<ArrayAttr>("qcc.output_names").getValue());
  SmallVector<ObserveOp> marks(function.getOps<ObserveOp>());
  auto next = static_cast<int64_t>(marks.size());
  for (ObserveOp mark : marks) {
    if (quantize::isRange(mark))
      continue;
    Operation *product = mark.getInput().getDefiningOp();
    builder.setInsertionPoint(mark);
    Operation *twin = builder.clone(*product);
    if (failed(quantize::quantizeWeights(twin, {}, builder)))
      return failure();
    builder.setInsertionPoint(mark);
    Value watched = ObserveOp::create(builder, mark.getLoc(), mark.getType(), twin->getResult(0),
                                      builder.getI64IntegerAttr(next), nullptr, mark.getAxisAttr(), nullptr);
    twinOf[next++] = static_cast<int64_t>(mark.getId());
    values.push_back(watched);
    names.push_back(builder.getStringAttr("twin " + Twine(next)));
  }
  end->setOperands(values);
  function->setAttr("qcc.output_names", builder.getArrayAttr(names));
  function.setFunctionType(
      builder.getFunctionType(function.getArgumentTypes(), ValueRange(values).getTypes()));
  return success();
}

/// The model's results for one sample with one candidate's changes.
FailureOr<std::vector<Tensor>> Ranking::execute(Executor &executor, int64_t sample,
                                                const Candidate &candidate) {
  std::vector<Tensor> inputs;
  std::string error;
  if (!samples.read(sample, inputs, error))
    return module->emitError(error);
  std::unique_ptr<Run> run = executor.start(std::move(inputs));
  std::vector<float> twin;
  Stop stop;
  for (;;) {
    Run::Status status = run ? run->next(stop) : Run::Status::Failed;
    if (status == Run::Status::Failed)
      return failure();
    if (status == Run::Status::Finished)
      break;
    int64_t size = 1;
    for (int64_t extent : stop.shape)
      size *= extent;
    if (candidate.ranges.count(stop.id))
      roundToStored(stop, params.at(stop.id));
    else if (auto of = twinOf.find(stop.id); of != twinOf.end() && of->second == candidate.product)
      twin.assign(stop.values, stop.values + size);
    else if (stop.id == candidate.product)
      std::copy(twin.begin(), twin.end(), stop.values);
  }
  return std::vector<Tensor>(run->outputs().begin(),
                             run->outputs().begin() + static_cast<ptrdiff_t>(results));
}

FailureOr<std::vector<NodeNoise>> Ranking::run(const ExecutorFactory &factory,
                                               const std::function<void(double)> &progress) {
  auto function = module->lookupSymbol<func::FuncOp>("main");
  llvm::BumpPtrAllocator memory;
  llvm::StringSaver names(memory);
  llvm::MapVector<StringRef, Candidate> candidates = findCandidates(function, names);
  params = paramsOfMarks(*module);
  if (failed(addTwins(function)))
    return failure();
  std::unique_ptr<Executor> executor = factory(*module);
  if (!executor)
    return failure();
  std::vector<std::vector<Tensor>> expected;
  for (int64_t i = 0; i < count; ++i) {
    FailureOr<std::vector<Tensor>> exact = execute(*executor, i, {});
    if (failed(exact))
      return failure();
    expected.push_back(std::move(*exact));
  }
  std::vector<NodeNoise> ranking;
  for (auto &[name, candidate] : candidates) {
    if (progress)
      progress(static_cast<double>(ranking.size()) / static_cast<double>(candidates.size()));
    Noise noise;
    for (int64_t i = 0; i < count; ++i) {
      FailureOr<std::vector<Tensor>> actual = execute(*executor, i, candidate);
      if (failed(actual))
        return failure();
      noise.add(expected[static_cast<size_t>(i)], *actual);
    }
    ranking.push_back({name.str(), noise.decibels().value_or(0)});
  }
  llvm::stable_sort(ranking,
                    [](const NodeNoise &a, const NodeNoise &b) { return a.signalToNoise < b.signalToNoise; });
  if (progress)
    progress(1);
  return ranking;
}

} // namespace

FailureOr<std::vector<NodeNoise>> qcc::calibrate::rankByNoise(ModuleOp marked, Samples &samples,
                                                              int64_t maxSamples,
                                                              const ExecutorFactory &factory,
                                                              const std::function<void(double)> &progress) {
  return Ranking(marked, samples, maxSamples).run(factory, progress);
}
