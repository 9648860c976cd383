//===- Compile.cpp - From options to output files -------------------------===//

#include "tools/qcc/Compile.h"

#include "compiler/Pipeline.h"
#include "compiler/emit/Code.h"
#include "compiler/emit/Codegen.h"
#include "compiler/emit/Header.h"
#include "compiler/emit/Link.h"
#include "compiler/emit/Names.h"
#include "compiler/import/Import.h"
#include "compiler/qdq/Qdq.h"
#include "compiler/support/FloatWeights.h"
#include "dialects/Resources.h"
#include "runtime/include/qcc/runtime.h"
#include "tools/qcc/Calibration.h"
#include "tools/qcc/Cubins.h"
#include "tools/qcc/Evaluation.h"
#include "tools/qcc/Manifest.h"
#include "tools/qcc/Messages.h"
#include "tools/qcc/Output.h"
#include "tools/qcc/Reporting.h"
#include "tools/qcc/Rows.h"
#include "tools/qcc/Summary.h"
#include "tools/qcc/Variants.h"
#include "llvm/Object/ObjectFile.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/TargetParser/Triple.h"

using namespace mlir;
using namespace qcc;
using namespace qcc::driver;

namespace {
constexpr llvm::StringLiteral hostTriple = "x86_64-unknown-linux-gnu";

/// What --emit writes.
struct Kind {
  llvm::StringRef word, suffix;
  bool isText;
};
const Kind kinds[] = {{"obj", ".o", false},   {"shared", ".so", false}, {"onnx", ".qdq.onnx", false},
                      {"ptx", ".ptx", true},  {"asm", ".s", true},      {"llvm", ".ll", true},
                      {"mlir", ".mlir", true}};

/// One compile, from the model to the files.
class Job {
public:
  explicit Job(const Options &options)
      : options(options), context(registry(), MLIRContext::Threading::DISABLED),
        printer(context, options.model, options.has("-q"), options.has("-v")), evaluation(options),
        reporting(options) {
    context.loadAllAvailableDialects();
  }

  Status run() {
    pipeline.layout.explain = options.has("-v");
    if (Status status = readOptions())
      return status;
    import::ImportFault fault;
    {
      Timed timed(options, "import");
      module =
          import::importModel(context, options.model, {options.all("--shape"), options.all("--set")}, fault);
    }
    if (!module)
      return fault == import::ImportFault::Usage ? BadUsage : BadInput;
    if (until == Stage::import)
      return printModule();
    pipeline.simplify.measuresZeroPoints = !variants.front()->isGpu;
    pipeline.simplify.adoptsDynamic = kind->word != "onnx"; // which has operators for it
    if (failed(stages(Stage::simplify, Stage::simplify)))
      return BadInput;
    if (until == Stage::simplify)
      return printModule();
    if (Status status = quantize())
      return status;
    OwningOpRef<ModuleOp> graph = kind->word == "onnx" ? module->clone() : ModuleOp();
    if (failed(setOuterTypes(*module, pipeline)))
      return BadInput;
    if (until == Stage::quantize)
      return printModule();
    if (failed(stages(Stage::layout, std::min(until, Stage::fuse))))
      return BadInput;
    if (until == Stage::layout || until == Stage::fuse)
      return printModule();
    summary.count(*module);
    reporting.afterFuse(*module);
    if (graph)
      return writeOnnx(*graph);
    if (options.has("--fallback") && failed(lowerFallback()))
      return BadInput;
    if (failed(stages(Stage::lower, std::min(until, Stage::memory))))
      return BadInput;
    reporting.afterLower(*module);
    if (until == Stage::lower || until == Stage::memory || kind->word == "mlir")
      return printModule();
    return emitProgram();
  }

private:
  LogicalResult stages(Stage first, Stage last) {
    for (int stage = int(first); stage <= int(last); ++stage) {
      Timed timed(options, stageName(Stage(stage)).str());
      if (failed(runStages(*module, Stage(stage), Stage(stage), pipeline)))
        return failure();
    }
    return success();
  }

  /// The same network for the CPU: its weights are packed otherwise.
  LogicalResult lowerFallback() {
    fallback = module->clone();
    PipelineOptions forHost = pipeline;
    forHost.lower.triple = hostOfDevice;
    return runStages(*fallback, Stage::lower, Stage::memory, forHost);
  }

  Status quantize() {
    std::string error;
    if (!readQuantization(options, *module, variants, pipeline.quantize, calibration, error) ||
        (evaluation.isAsked() && !evaluation.prepare(*module, pipeline, calibration, error)))
      return usage(error);
    calibration.wantsTensorErrors = reporting.isAsked();
    if (evaluation.isAsked()) {
      Timed timed(options, "quantize, with the accuracy");
      if (failed(evaluation.quantize(module, pipeline, calibration)))
        return BadInput;
    } else {
      Timed timed(options, stageName(Stage::quantize).str());
      if (failed(quantizeWithRows(module, pipeline, calibration, options)))
        return BadInput;
    }
    dropVariantsOfBf16(options, *module, variants);
    summary.notes.push_back(howQuantised());
    for (const std::string &line : evaluation.describe())
      summary.notes.push_back(line);
    reporting.afterQuantize(*module, calibration);
    return Done;
  }

  std::string howQuantised() {
    quantize::Mode mode = pipeline.quantize.mode;
    bool int4 = pipeline.quantize.int4;
    if (calibration.report)
      return calibration.describe() +
             (int4 ? "; large matrices with weights in int4 in groups of 32 are measured by row at run time"
                   : "");
    if (mode == quantize::Mode::Weights)
      return std::string("weights in ") + (int4 ? "int4 in groups of 32" : "int8") + ", arithmetic in float";
    auto isOne = [](Operation *op) {
      return isMeasured(op) ? WalkResult::interrupt() : WalkResult::advance();
    };
    if (mode == quantize::Mode::Dynamic && module->walk(isOne).wasInterrupted())
      return std::string(int4 ? "matrix products and recurrent layers with weights in int4 in groups of 32"
                              : "matrix products, convolutions and recurrent layers in int8") +
             ", on activations that are measured at run time";
    return quantize::isQuantized(*module) ? "quantised as the model itself says" : "not quantised";
  }

  /// `graph` is the module as stage quantize left it.
  Status writeOnnx(ModuleOp graph) {
    qdq::OnnxOptions settings;
    settings.producerVersion = QCC_VERSION;
    settings.graphName = llvm::sys::path::stem(options.model).str();
    llvm::json::Object reasons;
    for (auto &[reason, nodes] : summary.floatReasons)
      for (const std::string &node : nodes)
        reasons[llvm::json::fixUTF8(node)] = llvm::json::fixUTF8(reason);
    settings.metadata = {{"qcc.manifest", manifest(options)},
                         {"qcc.quantization", summary.notes.front()},
                         {"qcc.float", llvm::formatv("{0}", llvm::json::Value(std::move(reasons))).str()}};
    FailureOr<std::string> bytes = qdq::toOnnx(graph, settings);
    if (failed(bytes))
      return BadInput;
    reporting.leaveOutTimes("no machine code was compiled (--emit=onnx).");
    return write({{output, [&](llvm::raw_ostream &os) { os << *bytes; }}});
  }

  static DialectRegistry registry() {
    DialectRegistry registry;
    registerAllDialects(registry);
    return registry;
  }

  Status usage(const llvm::Twine &message) {
    printError(message.str());
    return BadUsage;
  }

  Status readOptions() {
    std::string stage = options.get("--until", "emit");
    if (auto named = stageNamed(stage))
      until = *named;
    else
      return usage("--until has no stage '" + stage + "'");
    kind = llvm::find_if(kinds, [&](const Kind &k) { return k.word == options.get("--emit", "obj"); });
    if (kind == std::end(kinds))
      return usage("--emit has no kind '" + options.get("--emit") + "'");
    if (options.get("-o") == "-" && !kind->isText && until == Stage::emit)
      return usage("-o - is for text; --emit=" + kind->word + " needs a file name");
    if (std::string error; !reporting.readOptions(error) || !evaluation.readOptions(error))
      return usage(error);
    std::string stem = llvm::sys::path::stem(options.model).str();
    output = options.get("-o", stem + kind->suffix.str());
    warnOfSuffix();
    if (kind->word == "obj" && until == Stage::emit && llvm::sys::path::extension(output) == ".h")
      return usage("-o '" + output + "' is the name of the header: give the object another suffix");
    std::string name = options.get("--prefix", llvm::sys::path::stem(output).str());
    prefix = emit::mangle(name);
    if (options.has("--prefix") && prefix != name)
      return usage("--prefix '" + name + "' is no C identifier; '" + prefix + "' would be one");
    pipeline.fuse.setPrecision(options.get("--precision", "auto"));
    triple = llvm::Triple::normalize(options.get("--target", hostTriple.str()));
    triple = target::variantsOf(triple).front().triple;
    pipeline.lower.triple = triple;
    std::string error;
    if (!chooseVariants(options, triple, variants, error))
      return usage(error);
    return readDevice();
  }

  void warnOfSuffix() {
    llvm::StringRef suffix = llvm::sys::path::extension(output);
    for (const Kind &other : kinds)
      if (suffix == other.suffix && &other != kind && until == Stage::emit && !options.has("-q"))
        llvm::errs() << "qcc: warning: '" << output << "' has the suffix of --emit=" << other.word
                     << ", but --emit=" << kind->word << " is written\n";
  }

  /// Of a GPU: what the object around its code is for. An emulated one is a CPU.
  Status readDevice() {
    bool isGpu = target::variantsOf(triple).front().isGpu;
    bool isEmulated = llvm::any_of(variants, [](const target::Variant *v) { return v->isEmulated(); });
    if (isEmulated && variants.size() > 1)
      return usage("--march=emulated stands alone");
    isDevice = isGpu && !isEmulated;
    for (std::string option : {"--host", "--fallback", "--ptxas"})
      if (!isDevice && options.has(option))
        return usage(option + " goes with --target=nvptx64-nvidia-cuda");
    if (kind->word == "ptx" && (!isDevice || (options.has("--march") && variants.size() > 1)))
      return usage("--emit=ptx is for --target=nvptx64-nvidia-cuda and one word of --march");
    if (isDevice && until == Stage::emit && (kind->word == "asm" || kind->word == "llvm"))
      return usage("--emit=" + kind->word + " is not built yet for " + triple + "; --emit=ptx is its text");
    if (kind->word == "ptx" && !options.has("--march"))
      variants = {target::findVariant(triple, "sm_80")};
    if (isEmulated)
      triple = variants.front()->triple;
    hostOfDevice = target::variantsOf(options.get("--host", hostTriple.str())).front().triple;
    return Done;
  }

  /// The triple of the object that is written.
  const std::string &objectTriple() const { return isDevice ? hostOfDevice : triple; }

  Status printModule() {
    std::string error, path = options.get("-o", kind->word == "mlir" && until == Stage::emit ? output : "-");
    auto print = [&](llvm::raw_ostream &os) {
      module->print(os, OpPrintingFlags().enableDebugInfo());
      os << "\n";
    };
    std::vector<OutputFile> files = {{path, print}};
    if (reporting.isAsked()) {
      reporting.leaveOutTimes("no machine code was compiled (--emit=mlir).");
      files.push_back(finishedReport());
    }
    if (writeOutputs(files, error))
      return Done;
    printError(error);
    return BadInput;
  }

  OutputFile finishedReport() {
    reporting.report.version = QCC_VERSION;
    reporting.report.model = llvm::sys::path::filename(options.model).str();
    reporting.report.modelHash = modelHash(options);
    reporting.report.output = output;
    reporting.report.target = triple;
    for (const target::Variant *variant : variants)
      reporting.report.variants.push_back(variant->name);
    reporting.report.options = givenOptions(options);
    reporting.finish(summary, calibration, evaluation);
    return reporting.file();
  }

  Status emitProgram() {
    Timed timed(options, "emit");
    if (!fallback) // no other module has a use any more
      dropUnusedResources(*module);
    auto program = emit::Program::of(*module);
    if (failed(program))
      return BadInput;
    emit::CodeOptions code;
    code.prefix = prefix;
    code.manifest = manifest(options);
    code.withRuntime = kind->word == "shared";
    code.triple = objectTriple();
    code.variants = variants;
    summary.weightBytes = program->blob.size();
    summary.workspaceBytes = program->workspaceBytes;
    int optimisation = std::stoi(options.get("-O", "3"));
    if (isDevice)
      return emitDevice(*program, code, optimisation);
    return emitCode(*program, code, optimisation);
  }

  /// PTX, and an object around it: with the CPU's code if there is a fallback.
  Status emitDevice(const emit::Program &program, emit::CodeOptions code, int optimisation) {
    reporting.leaveOutTimes("the model runs on a GPU.");
    auto device = emit::compileDevice(program, variants, optimisation, options.threads());
    if (failed(device))
      return BadInput;
    if (kind->word == "ptx")
      return write({{output, [&](llvm::raw_ostream &os) { os << device->images.front().ptx; }}});
    if (auto error = addCubins(*device, options.get("--ptxas"), options.threads(), summary.notes))
      return fail(std::move(error));
    summary.codeBytes += device->bytes();
    code.device = &*device;
    code.variants.clear();
    if (!fallback)
      return emitCode(program, code, optimisation);
    auto onHost = emit::Program::of(*fallback);
    if (failed(onHost))
      return BadInput;
    for (const target::Variant &variant : target::variantsOf(hostOfDevice))
      if (!variant.hasBf16 || pipeline.fuse.bf16)
        code.variants.push_back(&variant);
    summary.weightBytes += onHost->blob.size();
    summary.workspaceBytes = onHost->workspaceBytes;
    return emitCode(*onHost, code, optimisation);
  }

  Status emitCode(const emit::Program &program, const emit::CodeOptions &code, int optimisation) {
    if (kind->word == "llvm" || kind->word == "asm")
      return emitText(program, code, optimisation);
    auto bytes = emit::compileProgram(program, code, optimisation, options.threads());
    if (failed(bytes))
      return BadInput;
    countCode(*bytes);
    if (!isDevice)
      reporting.time(*bytes, prefix);
    if (kind->word == "shared")
      return writeShared(*bytes);
    std::string header = emit::writeHeader(
        program, prefix,
        "Written by qcc " QCC_VERSION " from " + llvm::sys::path::filename(options.model).str(), isDevice);
    llvm::SmallString<256> headerPath(output);
    llvm::sys::path::replace_extension(headerPath, ".h");
    return write({{output, [&](llvm::raw_ostream &os) { os.write(bytes->data(), bytes->size()); }},
                  {headerPath.str().str(), [&](llvm::raw_ostream &os) { os << header; }, true}});
  }

  Status emitText(const emit::Program &program, const emit::CodeOptions &code, int optimisation) {
    reporting.leaveOutTimes("no object was compiled (--emit=" + kind->word.str() + ").");
    llvm::LLVMContext llvmContext;
    auto built = emit::buildModule(program, code, llvmContext);
    if (failed(built))
      return BadInput;
    if (kind->word == "llvm")
      return write({{output, [&](llvm::raw_ostream &os) { (*built)->print(os, nullptr); }}});
    auto text = emit::compileModule(**built, triple, optimisation, llvm::CodeGenFileType::AssemblyFile);
    if (!text)
      return fail(text.takeError());
    return write({{output, [&](llvm::raw_ostream &os) { os.write(text->data(), text->size()); }}});
  }

  void countCode(llvm::ArrayRef<char> bytes) {
    auto object = llvm::object::ObjectFile::createObjectFile(
        llvm::MemoryBufferRef(llvm::StringRef(bytes.data(), bytes.size()), "object"));
    if (!object)
      return llvm::consumeError(object.takeError());
    for (const llvm::object::SectionRef &section : (*object)->sections())
      if (section.isText())
        summary.codeBytes += section.getSize();
  }

  Status writeShared(llvm::ArrayRef<char> bytes) {
    Temporary object("o"), library("so");
    if (std::error_code code = object.error ? object.error : library.error)
      return fail(llvm::createStringError(
          "cannot write a temporary file, for which TMPDIR may name a folder: " + code.message()));
    std::string error;
    if (!writeOutput(
            object.path, [&](llvm::raw_ostream &os) { os.write(bytes.data(), bytes.size()); }, error))
      return fail(llvm::createStringError(error));
    auto runtime = emit::findRuntime(llvm::sys::path::parent_path(programPath()).str(), objectTriple());
    if (!runtime)
      return fail(runtime.takeError());
    if (llvm::Error linked = emit::linkShared(object.path, *runtime, prefix, library.path))
      return fail(std::move(linked));
    auto linked = llvm::MemoryBuffer::getFile(library.path);
    if (!linked)
      return fail(llvm::createStringError("cannot read the linked library"));
    return write({{output, [&](llvm::raw_ostream &os) { os << (*linked)->getBuffer(); }}});
  }

  static std::string programPath() {
    static int here;
    return llvm::sys::fs::getMainExecutable("qcc", &here);
  }

  /// The compile's result and the report about it.
  Status write(std::vector<OutputFile> files) {
    std::string error;
    if (reporting.isAsked())
      files.push_back(finishedReport());
    if (!writeOutputs(files, error)) {
      printError(error);
      return BadInput;
    }
    if (!options.has("-q") && output != "-")
      summary.print(llvm::errs(), output);
    return Done;
  }

  Status fail(llvm::Error error) {
    printError(llvm::toString(std::move(error)));
    return BadInput;
  }

  const Options &options;
  MLIRContext context;
  MessagePrinter printer;
  OwningOpRef<ModuleOp> module;
  PipelineOptions pipeline;
  Stage until = Stage::emit;
  const Kind *kind = nullptr;
  std::string output, prefix, triple;
  bool isDevice = false;
  std::string hostOfDevice;       ///< with a GPU: the triple of the object around its code
  OwningOpRef<ModuleOp> fallback; ///< lowered for that
  std::vector<const target::Variant *> variants;
  Calibration calibration;
  Evaluation evaluation;
  Reporting reporting;
  Summary summary;
};
} // namespace

Status driver::compile(const Options &options) { return Job(options).run(); }
