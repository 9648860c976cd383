//===- Calibration.cpp - Calibration as the command line asks for it ------===//

#include "tools/qcc/Calibration.h"

#include "compiler/calibrate/Calibrate.h"
#include "compiler/calibrate/Compiled.h"
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

std::vector<calibrate::InputSpec> inputsOf(ModuleOp module) {
  std::vector<calibrate::InputSpec> inputs;
  auto main = module.lookupSymbol<func::FuncOp>("main");
  auto names = main->getAttrOfType<ArrayAttr>("qcc.input_names").getAsRange<StringAttr>();
  for (auto [name, type] : llvm::zip(names, main.getArgumentTypes())) {
    auto tensor = cast<RankedTensorType>(type);
    inputs.push_back({name.getValue().str(), dtypeOf(tensor.getElementType()), tensor.getShape().vec()});
  }
  return inputs;
}

/// On a terminal: one line that is overwritten.
std::function<void(const std::string &, double)> progressLine(bool quiet) {
  if (quiet || !isatty(2))
    return nullptr;
  return [](const std::string &what, double done) {
    llvm::errs() << "\r\x1b[K" << what << " " << llvm::format("%.0f %%", 100 * done);
    if (done >= 1)
      llvm::errs() << "\r\x1b[K";
  };
}

std::string decibels(double value) {
  std::string text;
  llvm::raw_string_ostream(text) << llvm::format("%.1f dB", value);
  return text;
}

void describe(const calibrate::CalibrationReport &report, Summary &summary) {
  std::string line = "calibrated on " + std::to_string(report.samples) + " samples, method " +
                     calibrate::methodName(report.method) + (report.corrected ? " with bias correction" : "");
  if (report.error)
    line += "; signal to noise at the outputs " + decibels(*report.error);
  summary.notes.push_back(line);
}
} // namespace

bool driver::readQuantization(const Options &options, ModuleOp module, quantize::QuantizeOptions &result,
                              Summary &summary, std::string &error) {
  std::string mode = options.get("--quantize", "auto");
  bool hasData = options.has("--calib"), isOwn = quantize::isQuantized(module);
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
  if (!hasData) {
    module.emitWarning(
        "nothing was quantised: the model has no quantisation of its own and no data was given "
        "(--calib=PATH); dynamic quantisation is not built yet");
    return true;
  }
  calibrate::DataOptions data;
  if (!readDataOptions(options, data, error))
    return false;
  result.mode = quantize::Mode::Static;
  result.calibrate = [&options, &summary, data](ModuleOp marked) -> LogicalResult {
    std::string problem;
    auto samples = calibrate::openSamples(options.get("--calib"), inputsOf(marked), data, problem);
    if (!samples)
      return marked.emitError(problem);
    for (const std::string &remark : samples->remarks())
      marked.emitRemark(remark);
    calibrate::CalibrateOptions calibration;
    calibration.method = calibrate::methodOfName(options.get("--calib-method", "auto"));
    calibration.progress = progressLine(options.has("-q"));
    auto report = calibrate::calibrate(marked, *samples, calibrate::compileExecutor, calibration);
    if (failed(report))
      return failure();
    describe(*report, summary);
    return success();
  };
  return true;
}
