//===- AsUsed.cpp - The user's own program, run here ----------------------===//

#include "compiler/calibrate/AsUsed.h"
#include "compiler/calibrate/RunLengths.h"

#include "compiler/emit/Code.h"
#include "compiler/emit/Codegen.h"
#include "compiler/emit/Jit.h"
#include "dialects/Constants.h"

using namespace mlir;
using namespace qcc;
using namespace qcc::calibrate;
using reference::Tensor;

namespace {
constexpr llvm::StringLiteral triple = "x86_64-unknown-linux-gnu";
constexpr llvm::StringLiteral prefix = "evaluation";
/// Kernels are vectors already when LLVM gets them.
constexpr int optimisation = 1;

const target::Variant *variantToRun() {
  bool hasAvx2 = (qcc_cpu_features() & QCC_MARCH_AVX2) == QCC_MARCH_AVX2;
  return target::findVariant(triple, hasAvx2 ? "avx2" : "x86-64");
}

class Model : public Executor {
public:
  LogicalResult compile(ModuleOp original, PipelineOptions options) {
    OwningOpRef<ModuleOp> module = original.clone();
    {
      // What is remarkable about the model is said when it is compiled itself.
      ScopedDiagnosticHandler quiet(module->getContext(), [](Diagnostic &diagnostic) {
        return success(diagnostic.getSeverity() != DiagnosticSeverity::Error);
      });
      if (failed(runStages(*module, Stage::layout, Stage::memory, options)))
        return failure();
    }
    lengths = RunLengths(module->lookupSymbol<func::FuncOp>("main"));
    FailureOr<emit::Program> program = emit::Program::of(*module);
    if (failed(program))
      return failure();
    std::vector<emit::Port> ports = program->outputs;
    llvm::append_range(ports, program->outputShapes);
    for (const emit::Port &port : ports)
      outputs.emplace_back(dtypeOf(port.type.getElementType()), port.type.getShape().vec());
    emit::CodeOptions code;
    code.prefix = prefix.str();
    code.variants = {variantToRun()};
    llvm::LLVMContext context;
    auto built = emit::buildModule(*program, code, context);
    if (failed(built))
      return failure();
    auto object = emit::compileModule(**built, triple, optimisation, llvm::CodeGenFileType::ObjectFile);
    if (!object)
      return module->emitError(llvm::toString(object.takeError()));
    auto loaded = emit::LoadedModel::load(*object, prefix);
    if (!loaded)
      return module->emitError(llvm::toString(loaded.takeError()));
    library = std::move(*loaded);
    return success();
  }

  std::unique_ptr<Run> start(std::vector<Tensor> inputs) override;
  uint64_t bytesPerRun() const override { return library->model().workspace_bytes; }

  std::unique_ptr<emit::LoadedModel> library;
  RunLengths lengths;
  std::vector<Tensor> outputs; ///< zeros, of the right types
};

class WholeRun : public Run {
public:
  WholeRun(const Model &model, std::vector<Tensor> given)
      : model(model), inputs(std::move(given)), results(model.outputs),
        work(model.library->model().workspace_bytes + QCC_WORK_ALIGN) {}

  Status next(Stop &) override {
    std::vector<const void *> in;
    std::vector<void *> out;
    for (Tensor &input : inputs)
      in.push_back(input.bytes.data());
    for (Tensor &output : results)
      out.push_back(output.bytes.data());
    auto address = reinterpret_cast<uintptr_t>(work.data());
    qcc_frame frame = {in.data(), out.data(),
                       work.data() + (QCC_WORK_ALIGN - address % QCC_WORK_ALIGN) % QCC_WORK_ALIGN, nullptr,
                       nullptr};
    const qcc_model &compiled = model.library->model();
    for (uint32_t step = 0; step < compiled.n_steps; ++step)
      compiled.variants[0].steps[step](&frame, 0, 1);
    model.lengths.trim(results);
    return Status::Finished;
  }

  const std::vector<Tensor> &outputs() const override { return results; }

private:
  const Model &model;
  std::vector<Tensor> inputs, results;
  std::vector<unsigned char> work;
};

std::unique_ptr<Run> Model::start(std::vector<Tensor> inputs) {
  return std::make_unique<WholeRun>(*this, std::move(inputs));
}
} // namespace

std::unique_ptr<Executor> calibrate::compileAsUsed(ModuleOp module, const PipelineOptions &options) {
  auto model = std::make_unique<Model>();
  if (failed(model->compile(module, options)))
    return nullptr;
  return model;
}
