//===- Ranking.cpp - What costs most when quantised -----------------------===//
//
// One float model serves all nodes: a product has a twin beside it with 8-bit
// weights. A run for one node rounds the tensors that the node reads when it
// stops at their marks, and puts the twin's result in the place of its own. A run
// for one tensor only rounds it.
//
//===----------------------------------------------------------------------===//

#include "compiler/calibrate/Errors.h"
#include "compiler/calibrate/Noise.h"
#include "compiler/quantize/ByRow.h"
#include "compiler/quantize/Passes.h"
#include "compiler/quantize/Role.h"
#include "compiler/quantize/Weights.h"
#include "compiler/support/Lengths.h"
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

/// What a run for one node or tensor changes.
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

/// Marks on the way from one operation that computes in float, or multiplies, to the next: what is
/// rounded no more if the product at the end is measured by row. The last one comes first.
SmallVector<int64_t> marksBefore(Value value) {
  SmallVector<int64_t> marks;
  while (Operation *op = value.getDefiningOp()) {
    quantize::Role role = quantize::roleOf(op);
    if (auto mark = dyn_cast<ObserveOp>(op)) {
      if (quantize::isRange(mark))
        marks.push_back(static_cast<int64_t>(mark.getId()));
      value = mark.getInput();
    } else if (role.form == Form::Move || role.form == Form::Step || role.form == Form::Function ||
               role.form == Form::Elementwise) {
      value = role.inputs[0];
    } else {
      break;
    }
  }
  return marks;
}

/// The tensors that products read which could be measured by row.
llvm::MapVector<int64_t, std::pair<Candidate, std::vector<std::string>>> findRows(func::FuncOp function) {
  llvm::MapVector<int64_t, std::pair<Candidate, std::vector<std::string>>> found;
  for (Operation &op : function.front()) {
    quantize::Role role = quantize::roleOf(&op);
    if (role.form != Form::Product || !quantize::canBeByRow(&op))
      continue;
    SmallVector<int64_t> marks = marksBefore(role.inputs[0]);
    if (marks.empty())
      continue;
    auto &[candidate, products] = found[marks.front()];
    candidate.ranges.insert(marks.begin(), marks.end());
    products.push_back(quantize::nameOf(op.getLoc()));
  }
  return found;
}

class Ranking {
public:
  Ranking(ModuleOp marked, Samples &samples, int64_t maxSamples)
      : module(marked.clone()), samples(samples), count(std::min(maxSamples, samples.count())) {}

  func::FuncOp function() { return module->lookupSymbol<func::FuncOp>("main"); }
  LogicalResult addTwins();
  /// Signal to noise with each of them.
  FailureOr<std::vector<double>> run(ArrayRef<Candidate> candidates, const ExecutorFactory &factory,
                                     const std::function<void(double)> &progress);

private:
  FailureOr<std::vector<Tensor>> execute(Executor &executor, int64_t sample, const Candidate &candidate);

  OwningOpRef<ModuleOp> module;
  Samples &samples;
  int64_t count;
  std::map<int64_t, quantize::QuantParams> params; ///< of range marks
  std::map<int64_t, int64_t> twinOf;               ///< mark of a twin -> of its product
  size_t results = function().front().getTerminator()->getNumOperands() -
                   shapesAmong(function(), shapeOutputsAttr).size(); ///< of the model itself
};

/// Twins are results of the function, so that nothing removes them: behind its own, in front of the shapes
/// that it returns.
LogicalResult Ranking::addTwins() {
  func::FuncOp function = this->function();
  OpBuilder builder(function.getContext());
  Operation *end = function.front().getTerminator();
  SmallVector<Value> values(end->getOperands()), twins;
  SmallVector<Attribute> twinNames;
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
    auto watched = ObserveOp::create(builder, mark.getLoc(), mark.getType(), twin->getResult(0),
                                     builder.getI64IntegerAttr(next), nullptr, mark.getAxisAttr(), nullptr);
    watched->setDiscardableAttrs(mark->getDiscardableAttrDictionary());
    twinOf[next++] = static_cast<int64_t>(mark.getId());
    twins.push_back(watched);
    twinNames.push_back(builder.getStringAttr("twin " + Twine(next)));
  }
  values.insert(values.begin() + static_cast<ptrdiff_t>(results), twins.begin(), twins.end());
  names.insert(names.begin() + static_cast<ptrdiff_t>(results), twinNames.begin(), twinNames.end());
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
    if (candidate.ranges.count(stop.id))
      roundToStored(stop, params.at(stop.id));
    else if (auto of = twinOf.find(stop.id); of != twinOf.end() && of->second == candidate.product)
      twin.assign(stop.values, stop.values + stop.size());
    else if (stop.id == candidate.product)
      std::copy(twin.begin(), twin.end(), stop.values);
  }
  return std::vector<Tensor>(run->outputs().begin(),
                             run->outputs().begin() + static_cast<ptrdiff_t>(results));
}

FailureOr<std::vector<double>> Ranking::run(ArrayRef<Candidate> candidates, const ExecutorFactory &factory,
                                            const std::function<void(double)> &progress) {
  params = paramsOfMarks(*module);
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
  std::vector<double> decibels;
  for (const Candidate &candidate : candidates) {
    if (progress)
      progress(static_cast<double>(decibels.size()) / static_cast<double>(candidates.size()));
    Noise noise;
    for (int64_t i = 0; i < count; ++i) {
      FailureOr<std::vector<Tensor>> actual = execute(*executor, i, candidate);
      if (failed(actual))
        return failure();
      noise.add(expected[static_cast<size_t>(i)], *actual);
    }
    decibels.push_back(noise.decibels().value_or(0));
  }
  if (progress)
    progress(1);
  return decibels;
}

template <typename T> std::vector<T> noisiestFirst(std::vector<T> list) {
  llvm::stable_sort(list, [](const T &a, const T &b) { return a.signalToNoise < b.signalToNoise; });
  return list;
}
} // namespace

FailureOr<std::vector<NodeNoise>> qcc::calibrate::rankByNoise(ModuleOp marked, Samples &samples,
                                                              int64_t maxSamples,
                                                              const ExecutorFactory &factory,
                                                              const std::function<void(double)> &progress) {
  Ranking ranking(marked, samples, maxSamples);
  llvm::BumpPtrAllocator memory;
  llvm::StringSaver names(memory);
  auto candidates = findCandidates(ranking.function(), names);
  if (failed(ranking.addTwins()))
    return failure();
  auto noise = ranking.run(llvm::to_vector(llvm::make_second_range(candidates)), factory, progress);
  if (failed(noise))
    return failure();
  std::vector<NodeNoise> nodes;
  for (auto [candidate, decibels] : llvm::zip_equal(candidates, *noise))
    nodes.push_back({candidate.first.str(), decibels});
  return noisiestFirst(std::move(nodes));
}

FailureOr<std::vector<RowNoise>> qcc::calibrate::rankByRow(ModuleOp marked, Samples &samples,
                                                           int64_t maxSamples, const ExecutorFactory &factory,
                                                           const std::function<void(double)> &progress) {
  Ranking ranking(marked, samples, maxSamples);
  auto found = findRows(ranking.function());
  SmallVector<Candidate> candidates;
  for (auto &entry : found)
    candidates.push_back(entry.second.first);
  auto noise = ranking.run(candidates, factory, progress);
  if (failed(noise))
    return failure();
  std::vector<RowNoise> tensors;
  for (auto [entry, decibels] : llvm::zip_equal(found, *noise))
    tensors.push_back({entry.second.second, decibels});
  return noisiestFirst(std::move(tensors));
}
