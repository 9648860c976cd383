//===- Compiled.cpp - Compiled code as an executor ------------------------===//
//
// The model goes through the later stages without the integer forms, so that a
// quantize and its dequantize are two steps of their own: rounding in float. A run
// stops after the step that has written what a qcc.observe marks.
//
//===----------------------------------------------------------------------===//

#include "compiler/calibrate/Compiled.h"
#include "compiler/calibrate/RunLengths.h"

#include "compiler/emit/LoadedKernels.h"
#include "compiler/emit/Program.h"
#include "compiler/layout/Passes.h"
#include "compiler/lower/Passes.h"
#include "compiler/memory/Passes.h"
#include "dialects/Constants.h"
#include "dialects/Evaluate.h"
#include "dialects/Resources.h"
#include "mlir/Pass/PassManager.h"
#include "qcc/runtime.h"
#include <new>

using namespace mlir;
using namespace qcc;
using namespace qcc::calibrate;
using reference::Tensor;

namespace {
template <typename T> struct AlignedAllocator {
  using value_type = T;
  static constexpr std::align_val_t alignment{QCC_WORK_ALIGN};
  T *allocate(size_t count) { return static_cast<T *>(::operator new(count * sizeof(T), alignment)); }
  void construct(T *) {} // workspaces are touched where they are used only
  template <typename... A> void construct(T *at, A &&...values) { new (at) T(std::forward<A>(values)...); }
  void deallocate(T *at, size_t) { ::operator delete(at, alignment); }
  friend bool operator==(AlignedAllocator, AlignedAllocator) { return true; }
  friend bool operator!=(AlignedAllocator, AlignedAllocator) { return false; }
};

/// Kernels are vectors already when LLVM gets them: what more than O1 takes, the few runs do not win back.
constexpr int optimisation = 1;

/// Bytes as kernels want weights and the workspace to lie.
using AlignedBytes = std::vector<char, AlignedAllocator<char>>;

/// Where a pointer of a step points.
struct Target {
  enum { Input, Output, Workspace, Weights } base;
  int64_t at; ///< a number of the model's inputs or outputs, else bytes
};

/// A step, and whether a run stops behind it, at the tensor of its last pointer.
struct CompiledStep {
  emit::LoadedKernels::Function kernel;
  std::vector<Target> pointers;
  std::optional<Stop> stop;
  DictionaryAttr mark; ///< what the step says of that tensor
};

/// Weights that are stored as integers: the numbers they stand for.
LogicalResult foldWeights(ModuleOp module) {
  SmallVector<DequantizeOp> weights;
  module.walk([&](DequantizeOp op) {
    if (op.getInput().getDefiningOp<ConstantOp>())
      weights.push_back(op);
  });
  for (DequantizeOp op : weights) {
    Tensor stored = toTensor(op.getInput().getDefiningOp<ConstantOp>().getValue());
    SmallVector<Tensor> results;
    if (failed(evaluateOp(op, {&stored}, results)))
      return failure();
    OpBuilder builder(op);
    auto type = cast<RankedTensorType>(op.getResult().getType());
    Value folded = ConstantOp::create(builder, op.getLoc(), type, toAttr(results[0], type));
    op.getResult().replaceAllUsesWith(folded);
    op.erase();
  }
  return success();
}

const target::Variant *calibrationVariant() {
  const llvm::StringRef triple = "x86_64-unknown-linux-gnu";
  bool hasAvx2 = (qcc_cpu_features() & QCC_MARCH_AVX2) == QCC_MARCH_AVX2;
  return target::findVariant(triple, hasAvx2 ? "avx2" : "x86-64");
}

/// What models have in common: the kernels, by their specification.
struct Library {
  unsigned threads;
  llvm::DenseMap<Attribute, emit::LoadedKernels::Function> functions;
  std::vector<std::unique_ptr<emit::LoadedKernels>> loaded;

  LogicalResult add(ModuleOp program) {
    SmallVector<KernelOp> missing;
    for (KernelOp kernel : program.getOps<KernelOp>())
      if (!functions.count(kernel.getSpec()))
        missing.push_back(kernel);
    if (missing.empty())
      return success();
    auto kernels =
        emit::LoadedKernels::compile(program, missing, *calibrationVariant(), optimisation, threads);
    if (!kernels)
      return failure();
    for (auto [kernel, function] : llvm::zip_equal(missing, kernels->functions()))
      functions[kernel.getSpec()] = function;
    loaded.push_back(std::move(kernels));
    return success();
  }
};

class CompiledModel : public Executor {
public:
  explicit CompiledModel(std::shared_ptr<Library> library) : library(std::move(library)) {}

  LogicalResult compile(ModuleOp original) {
    ResourceScope scope(original.getContext()); // outlives what uses them
    OwningOpRef<ModuleOp> module = cast<ModuleOp>(original->clone());
    PassManager pm(module->getContext());
    layout::addLayout(pm, {});
    lower::addLower(pm);
    memory::addMemory(pm);
    {
      // What is remarkable about the model is said when it is compiled itself.
      ScopedDiagnosticHandler quiet(module->getContext(), [](Diagnostic &diagnostic) {
        return success(diagnostic.getSeverity() == DiagnosticSeverity::Remark);
      });
      if (failed(foldWeights(*module)) || failed(pm.run(*module)))
        return failure();
    }
    lengths = RunLengths(module->lookupSymbol<func::FuncOp>("main"));
    auto program = emit::Program::of(*module);
    if (failed(program) || failed(library->add(*module)))
      return failure();
    SymbolTable symbols(*module);
    for (InvokeOp step : program->steps)
      steps.push_back(stepOf(step, symbols.lookup<KernelOp>(step.getKernel()), program->argumentCount()));
    weights.resize(program->blob.size());
    llvm::copy(program->blob, weights.data());
    workBytes = program->workspaceBytes;
    std::vector<emit::Port> ports = program->outputs;
    llvm::append_range(ports, program->outputShapes);
    for (const emit::Port &port : ports)
      outputs.emplace_back(*findDType(port.type.getElementType()),
                           std::vector<int64_t>(port.type.getShape().begin(), port.type.getShape().end()));
    return success();
  }

  std::unique_ptr<Run> start(std::vector<Tensor> inputs) override;

  uint64_t bytesPerRun() const override {
    uint64_t bytes = workBytes;
    for (const Tensor &output : outputs)
      bytes += output.bytes.size();
    return bytes;
  }

  std::vector<CompiledStep> steps;
  AlignedBytes weights;
  RunLengths lengths;
  std::vector<Tensor> outputs; ///< zeros, of the right types
  size_t workBytes = 0;

private:
  static Target targetOf(Value pointer, int64_t inputs) {
    if (auto argument = dyn_cast<BlockArgument>(pointer)) {
      int64_t index = argument.getArgNumber();
      return index < inputs ? Target{Target::Input, index} : Target{Target::Output, index - inputs};
    }
    if (auto buffer = pointer.getDefiningOp<BufferOp>())
      return {Target::Workspace, static_cast<int64_t>(*buffer.getOffset())};
    return {Target::Weights, static_cast<int64_t>(pointer.getDefiningOp<WeightsOp>().getOffset())};
  }

  CompiledStep stepOf(InvokeOp invoke, KernelOp kernel, int64_t inputs) {
    CompiledStep step{library->functions.lookup(kernel.getSpec()), {}, {}, invoke->getAttrDictionary()};
    for (Value pointer : invoke.getPointers())
      step.pointers.push_back(targetOf(pointer, inputs));
    if (auto observed = invoke->getAttrOfType<TypeAttr>(lower::observedAttr)) {
      auto axis = invoke->getAttrOfType<IntegerAttr>("axis");
      auto shape = cast<RankedTensorType>(observed.getValue()).getShape();
      step.stop = Stop{invoke->getAttrOfType<IntegerAttr>("id").getInt(),
                       nullptr,
                       {shape.begin(), shape.end()},
                       axis ? axis.getInt() : -1,
                       {}};
    }
    return step;
  }

  std::shared_ptr<Library> library;
};

class CompiledRun : public Run {
public:
  CompiledRun(const CompiledModel &model, std::vector<Tensor> given)
      : model(model), inputs(std::move(given)), results(model.outputs), work(model.workBytes),
        lengths(model.lengths.of(inputs)) {}

  Status next(Stop &stop) override {
    while (at < model.steps.size()) {
      const CompiledStep &step = model.steps[at++];
      SmallVector<void *, 8> pointers;
      for (const Target &target : step.pointers)
        pointers.push_back(address(target));
      step.kernel(pointers.data());
      if (!step.stop)
        continue;
      stop = *step.stop;
      stop.values = static_cast<float *>(pointers.back());
      stop.counts = model.lengths.countsAt(step.mark, stop.shape, lengths);
      return Status::Stopped;
    }
    return Status::Finished;
  }

  const std::vector<Tensor> &outputs() const override { return results; }

private:
  void *address(const Target &target) {
    switch (target.base) {
    case Target::Input:
      return inputs[target.at].bytes.data();
    case Target::Output:
      return results[target.at].bytes.data();
    case Target::Workspace:
      return work.data() + target.at;
    case Target::Weights:
      return const_cast<char *>(model.weights.data()) + target.at;
    }
    llvm_unreachable("all bases are listed");
  }

  const CompiledModel &model;
  std::vector<Tensor> inputs, results;
  AlignedBytes work;
  std::vector<int64_t> lengths; ///< of the sample
  size_t at = 0;
};

std::unique_ptr<Run> CompiledModel::start(std::vector<Tensor> inputs) {
  return std::make_unique<CompiledRun>(*this, std::move(inputs));
}
} // namespace

ExecutorFactory calibrate::compiledExecutors(unsigned threads) {
  auto library = std::make_shared<Library>();
  library->threads = threads;
  return [library](ModuleOp module) -> std::unique_ptr<Executor> {
    auto compiled = std::make_unique<CompiledModel>(library);
    if (failed(compiled->compile(module)))
      return nullptr;
    return compiled;
  };
}
