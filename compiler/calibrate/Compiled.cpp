//===- Compiled.cpp - Compiled code as an executor ------------------------===//
//
// The model goes through the later stages without the integer forms, so that a
// quantize and its dequantize are two steps of their own: rounding in float. A
// qcc.observe is a step that copies; a run stops after it.
//
//===----------------------------------------------------------------------===//

#include "compiler/calibrate/Compiled.h"

#include "compiler/emit/Code.h"
#include "compiler/emit/Codegen.h"
#include "compiler/emit/Jit.h"
#include "compiler/layout/Passes.h"
#include "compiler/lower/Passes.h"
#include "compiler/memory/Passes.h"
#include "dialects/Constants.h"
#include "dialects/Evaluate.h"
#include "mlir/Pass/PassManager.h"

using namespace mlir;
using namespace qcc;
using namespace qcc::calibrate;
using reference::Tensor;

namespace {
constexpr llvm::StringLiteral prefix = "calibration";
/// Kernels are vectors already when LLVM gets them: what more than O1 takes, the few runs do not win back.
constexpr int optimisation = 1;

/// Where a run stops: after step `index`.
struct StopPoint {
  size_t index;
  int64_t id, axis;
  std::vector<int64_t> shape;
  int64_t workOffset, output; ///< one of them is -1
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

class CompiledModel : public Executor {
public:
  LogicalResult compile(ModuleOp original) {
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
    auto program = emit::Program::of(*module);
    if (failed(program))
      return failure();
    findStops(*program);
    const target::Variant *variant = calibrationVariant();
    emit::CodeOptions options;
    options.prefix = prefix.str();
    options.variants = {variant};
    llvm::LLVMContext context;
    auto code = emit::buildModule(*program, options, context);
    if (failed(code))
      return failure();
    auto object =
        emit::compileModule(**code, variant->triple, optimisation, llvm::CodeGenFileType::ObjectFile);
    if (!object)
      return module->emitError(llvm::toString(object.takeError()));
    auto loaded = emit::LoadedModel::load(*object, prefix);
    if (!loaded)
      return module->emitError(llvm::toString(loaded.takeError()));
    library = std::move(*loaded);
    for (const emit::Port &port : program->outputs)
      outputs.emplace_back(*findDType(port.type.getElementType()),
                           std::vector<int64_t>(port.type.getShape().begin(), port.type.getShape().end()));
    return success();
  }

  std::unique_ptr<Run> start(std::vector<Tensor> inputs) override;

  uint64_t bytesPerRun() const override {
    uint64_t bytes = library->model().workspace_bytes;
    for (const Tensor &output : outputs)
      bytes += output.bytes.size();
    return bytes;
  }

  std::unique_ptr<emit::LoadedModel> library;
  std::vector<StopPoint> stops;
  std::vector<Tensor> outputs; ///< zeros, of the right types

private:
  void findStops(const emit::Program &program) {
    size_t inputs = program.inputs.size();
    for (auto [index, step] : llvm::enumerate(program.steps)) {
      InvokeOp invoke = step;
      auto observed = invoke->getAttrOfType<TypeAttr>(lower::observedAttr);
      if (!observed)
        continue;
      auto axis = invoke->getAttrOfType<IntegerAttr>("axis");
      auto shape = cast<RankedTensorType>(observed.getValue()).getShape();
      StopPoint stop{index,
                     invoke->getAttrOfType<IntegerAttr>("id").getInt(),
                     axis ? axis.getInt() : -1,
                     {shape.begin(), shape.end()},
                     -1,
                     -1};
      Value pointer = invoke.getPointers().back();
      if (auto buffer = pointer.getDefiningOp<BufferOp>())
        stop.workOffset = *buffer.getOffset();
      else
        stop.output = cast<BlockArgument>(pointer).getArgNumber() - inputs;
      stops.push_back(std::move(stop));
    }
  }
};

class CompiledRun : public Run {
public:
  CompiledRun(const CompiledModel &compiled, std::vector<Tensor> given)
      : compiled(compiled), inputs(std::move(given)), results(compiled.outputs),
        work(compiled.library->model().workspace_bytes + QCC_WORK_ALIGN) {
    for (Tensor &input : inputs)
      in.push_back(input.bytes.data());
    for (Tensor &output : results)
      out.push_back(output.bytes.data());
    auto address = reinterpret_cast<uintptr_t>(work.data());
    frame = {in.data(), out.data(),
             work.data() + (QCC_WORK_ALIGN - address % QCC_WORK_ALIGN) % QCC_WORK_ALIGN};
  }

  Status next(Stop &stop) override {
    const qcc_model &model = compiled.library->model();
    size_t end = stopIndex < compiled.stops.size() ? compiled.stops[stopIndex].index + 1 : model.n_steps;
    for (; step < end; ++step)
      model.variants[0].steps[step](&frame, 0, 1);
    if (stopIndex == compiled.stops.size())
      return Status::Finished;
    const StopPoint &point = compiled.stops[stopIndex++];
    void *values = point.output >= 0 ? out[point.output] : frame.work + point.workOffset;
    stop = {point.id, static_cast<float *>(values), point.shape, point.axis};
    return Status::Stopped;
  }

  const std::vector<Tensor> &outputs() const override { return results; }

private:
  const CompiledModel &compiled;
  std::vector<Tensor> inputs, results;
  std::vector<const void *> in;
  std::vector<void *> out;
  std::vector<unsigned char> work;
  qcc_frame frame;
  size_t step = 0, stopIndex = 0;
};

std::unique_ptr<Run> CompiledModel::start(std::vector<Tensor> inputs) {
  return std::make_unique<CompiledRun>(*this, std::move(inputs));
}
} // namespace

std::unique_ptr<Executor> calibrate::compileExecutor(ModuleOp module) {
  auto compiled = std::make_unique<CompiledModel>();
  if (failed(compiled->compile(module)))
    return nullptr;
  return compiled;
}
