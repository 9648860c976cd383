//===- Calibration.cpp - Calibration as the command line asks for it ------===//

#include "tools/qcc/Calibration.h"

#include "compiler/calibrate/Calibrate.h"
#include "compiler/calibrate/Compiled.h"
#include "compiler/calibrate/Precision.h"
#include "compiler/support/Lengths.h"
#include "compiler/support/Npy.h"
#include "dialects/Constants.h"
#include "llvm/Support/Format.h"
#include <unistd.h>

using namespace mlir;
using namespace qcc;
using namespace qcc::driver;

namespace {
/// "123.7,116.3,103.5"
bool readNumbers(llvm::StringRef option, llvm::StringRef list, std::vector<float> &numbers,
                 std::string &error) {
  llvm::SmallVector<llvm::StringRef> words;
  if (!list.empty())
    list.split(words, ',');
  for (llvm::StringRef word : words) {
    double number;
    if (word.getAsDouble(number)) {
      error = ("option '" + option + "': '" + word + "' is no number").str();
      return false;
    }
    numbers.push_back(float(number));
  }
  return true;
}

bool readDataOptions(const Options &options, calibrate::DataOptions &data, std::string &error) {
  std::string samples = options.get("--calib-samples", "0");
  if (llvm::StringRef(samples).getAsInteger(10, data.maxSamples) || data.maxSamples < 0) {
    error = "option '--calib-samples': '" + samples + "' is no number of samples";
    return false;
  }
  data.bgr = options.get("--channels", "rgb") == "bgr";
  return readNumbers("--mean", options.get("--mean"), data.mean, error) &&
         readNumbers("--std", options.get("--std"), data.std, error);
}

bool readOuterTypes(const Options &options, ModuleOp module, quantize::OuterTypes &outer,
                    std::string &error) {
  for (const std::string &text : options.all("--io")) {
    std::optional<quantize::OuterType> tensor = quantize::OuterType::parse(text, error);
    if (!tensor)
      return false;
    outer.tensors.push_back(*tensor);
  }
  return readNumbers("--mean", options.get("--mean"), outer.mean, error) &&
         readNumbers("--std", options.get("--std"), outer.std, error) &&
         fitOuterTypes(module.lookupSymbol<func::FuncOp>("main"), outer, error);
}

std::vector<calibrate::InputSpec> inputsOf(ModuleOp module) {
  std::vector<calibrate::InputSpec> inputs;
  auto main = module.lookupSymbol<func::FuncOp>("main");
  SmallVector<Length> lengths = lengthsOf(main);
  SmallVector<int64_t> least;
  for (const Length &length : lengths)
    least.push_back(length.least);
  auto names = main->getAttrOfType<ArrayAttr>("qcc.input_names").getAsRange<StringAttr>();
  auto extents = extentsOf(main, inputExtentsAttr, main.getArgumentTypes());
  size_t count = main.getNumArguments() - shapesAmong(main, shapeInputsAttr).size();
  for (auto [name, type, axes] : llvm::zip(names, main.getArgumentTypes().take_front(count), extents)) {
    auto tensor = cast<RankedTensorType>(type);
    inputs.push_back({name.getValue().str(), dtypeOf(tensor.getElementType()), tensor.getShape().vec(), {}});
    if (anyBounded(axes))
      for (auto [extent, size] : llvm::zip(axes, tensor.getShape()))
        inputs.back().least.push_back(extent.isFixed() ? size : extent.at(least));
  }
  return inputs;
}

/// Inputs that share lengths must agree on them.
std::string whyNotTogether(func::FuncOp main, const calibrate::Shapes &shapes) {
  auto names =
      llvm::to_vector(main->getAttrOfType<ArrayAttr>("qcc.input_names").getAsValueRange<StringAttr>());
  SmallVector<Length> lengths = lengthsOf(main);
  SmallVector<int64_t> values;
  for (const Length &length : lengths)
    values.push_back(shapes[length.input][length.axis] / length.step);
  auto all = extentsOf(main, inputExtentsAttr, main.getArgumentTypes());
  for (auto [i, shape] : llvm::enumerate(shapes))
    for (auto [axis, extent] : llvm::enumerate(all[i])) {
      if (extent.isFixed() || extent.at(values) == shape[axis])
        continue;
      const Length &length = lengths[extent.terms.front().first];
      int64_t input = length.input;
      if (input == int64_t(i) && length.axis == int64_t(axis))
        return "input '" + names[i].str() + "' has shape " + support::npyShapeText(shape) +
               ", of which axis " + std::to_string(axis) + " is no multiple of " +
               std::to_string(length.step);
      return "input '" + names[i].str() + "' has shape " + support::npyShapeText(shape) +
             ", but beside input '" + names[input].str() + "' of shape " +
             support::npyShapeText(shapes[input]) + " axis " + std::to_string(axis) + " has " +
             std::to_string(extent.at(values)) + " positions";
    }
  return "";
}

/// Errors of tensors settle with few samples.
constexpr int64_t samplesForErrors = 16;

LogicalResult runCalibration(ModuleOp marked, const Options &options, Calibration &calibration) {
  std::string problem;
  auto samples = openSamples(options, "--calib", marked, problem);
  if (!samples)
    return marked.emitError(problem);
  for (const std::string &remark : samples->remarks())
    marked.emitRemark(remark);
  calibrate::CalibrateOptions settings;
  settings.method = calibrate::methodOfName(options.get("--calib-method", "auto"));
  if (calibration.method)
    settings.method = calibration.method;
  settings.progress = progressLine(options);
  settings.threads = options.threads();
  calibrate::ExecutorFactory compile = calibrate::compiledExecutors(settings.threads);
  auto report = calibrate::calibrate(marked, *samples, compile, settings);
  if (failed(report))
    return failure();
  calibration.report = *report;
  if (!calibration.wantsTensorErrors && !calibration.keepsMarked)
    return success();
  OwningOpRef<ModuleOp> final = quantize::withSharedScales(marked);
  if (calibration.wantsTensorErrors) {
    auto errors = calibrate::measureTensors(*final, *samples, samplesForErrors, compile);
    if (failed(errors))
      return failure();
    calibration.tensors = std::move(*errors);
  }
  if (calibration.keepsMarked)
    calibration.marked = std::move(final);
  return success();
}

LogicalResult choosePrecision(ModuleOp module, const Options &options,
                              const std::vector<const target::Variant *> &variants) {
  std::vector<calibrate::HalfLayer> layers = calibrate::findHalfLayers(module, variants);
  if (layers.empty())
    return success();
  std::string error;
  auto samples = openSamples(options, "--calib", module, error);
  if (!samples)
    return module.emitError(error);
  return calibrate::decidePrecision(module, layers, *samples,
                                    calibrate::compiledExecutors(options.threads()));
}
} // namespace

std::function<void(const std::string &, double)> driver::progressLine(const Options &options) {
  if (options.has("-q") || !isatty(2))
    return nullptr;
  return [](const std::string &what, double done) {
    llvm::errs() << "\r\x1b[K" << what << " " << llvm::format("%.0f %%", 100 * done);
    if (done >= 1)
      llvm::errs() << "\r\x1b[K";
  };
}

std::string Calibration::describe() const {
  std::string text;
  llvm::raw_string_ostream os(text);
  os << "static int8 from " << report->samples << (report->samples == 1 ? " sample" : " samples")
     << ": ranges by " << calibrate::methodName(report->method) << ", "
     << (report->corrected ? "biases corrected" : "biases as they were");
  if (report->error)
    os << llvm::format("; signal to noise at the outputs %.1f dB", *report->error);
  if (!byRow.empty())
    os << "; the noisiest of what products read is measured by row at run time (" << byRow.size()
       << (byRow.size() == 1 ? " tensor)" : " tensors)");
  return text;
}

std::unique_ptr<calibrate::Samples> driver::openSamples(const Options &options, const std::string &option,
                                                        ModuleOp module, std::string &error) {
  calibrate::DataOptions data;
  if (!readDataOptions(options, data, error))
    return nullptr;
  if (option != "--calib")
    data.maxSamples = 0;
  auto main = module.lookupSymbol<func::FuncOp>("main");
  if (!lengthsOf(main).empty())
    data.whyNotTogether = [main](const calibrate::Shapes &shapes) { return ::whyNotTogether(main, shapes); };
  return calibrate::openSamples(options.get(option), inputsOf(module), data, error);
}

/// Why weights cannot be of int4 in what was chosen; empty where they can.
static std::string whyNotInt4(const quantize::QuantizeOptions &chosen, bool isOwn) {
  if (chosen.mode != quantize::Mode::Keep)
    return "";
  return isOwn ? "--weights=int4: the model has quantisation of its own, which --quantize=auto keeps as it is"
               : "--weights=int4 and --quantize=none contradict each other";
}

static bool readMode(const Options &options, bool isOwn, quantize::QuantizeOptions &result,
                     Calibration &calibration, std::string &error) {
  std::string mode = options.get("--quantize", "auto");
  bool hasData = options.has("--calib");
  for (const std::string &list : options.all("--keep-float")) {
    llvm::SmallVector<llvm::StringRef> names;
    llvm::StringRef(list).split(names, ',');
    for (llvm::StringRef name : names)
      result.keepFloat.push_back(name.str());
  }
  if (mode == "weights")
    result.mode = quantize::Mode::Weights;
  if (mode == "none" || mode == "weights" || (mode == "auto" && isOwn))
    return true;
  if (!hasData && mode == "static") {
    error = "--quantize=static needs calibration data: --calib=PATH";
    return false;
  }
  if (!hasData || mode == "dynamic") {
    result.mode = quantize::Mode::Dynamic;
    return true;
  }
  if (calibrate::DataOptions data; !readDataOptions(options, data, error))
    return false;
  result.mode = quantize::Mode::Static;
  result.calibrate = [&options, &calibration](ModuleOp marked) {
    return runCalibration(marked, options, calibration);
  };
  return true;
}

/// Why inputs of bounded shape cannot be had together with what else is asked for; empty where they can.
static std::string whyNotBounded(ModuleOp module, const quantize::OuterTypes &outer) {
  auto main = module.lookupSymbol<func::FuncOp>("main");
  for (const quantize::OuterType &tensor : outer.tensors) {
    std::optional<quantize::Port> port = quantize::findPort(main, tensor.name);
    if (!port || !tensor.channelsLast)
      continue;
    Extents extents = port->isInput ? extentsOf(main, inputExtentsAttr, main.getArgumentTypes())[port->index]
                                    : extentsOf(main, outputExtentsAttr, main.getResultTypes())[port->index];
    if (anyBounded(Extents(extents.begin() + 1, extents.end())))
      return "--io=" + tensor.name + ": with ',nhwc' only the first dimension may be bounded";
  }
  return "";
}

bool driver::decidesPrecision(const Options &options) {
  return options.has("--calib") && options.get("--precision", "auto") == "auto";
}

bool driver::readQuantization(const Options &options, ModuleOp module,
                              const std::vector<const target::Variant *> &variants,
                              quantize::QuantizeOptions &result, Calibration &calibration,
                              std::string &error) {
  bool isForGpu = variants.front()->isGpu;
  bool isOwn = quantize::isQuantized(module);
  if (!readOuterTypes(options, module, result.outer, error) ||
      !(error = whyNotBounded(module, result.outer)).empty() ||
      !readMode(options, isOwn, result, calibration, error))
    return false;
  if (decidesPrecision(options) && !isForGpu)
    result.choosePrecision = [&](ModuleOp quantized) {
      return choosePrecision(quantized, options, variants);
    };
  result.int4 = options.get("--weights", "int8") == "int4";
  if (result.int4)
    error = whyNotInt4(result, isOwn);
  return error.empty();
}
