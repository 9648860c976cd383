//===- Main.cpp - qcc-run: runs, compares and times a compiled model ------===//
#include "tools/qcc-run/Bench.h"
#include "tools/qcc-run/Compare.h"
#include "tools/qcc-run/Data.h"
#include "tools/qcc-run/Json.h"

#include <csignal>
#include <cstdio>
#include <new>
#include <stdexcept>

namespace qcc::run {
namespace {

constexpr int exitDone = 0, exitFault = 1, exitUsage = 2;

int fail(const std::string &what) {
  std::fprintf(stderr, "qcc-run: error: %s\n", what.c_str());
  return exitFault;
}

/// What is printed at the end: text or JSON.
struct Report {
  std::string text;
  Json json;
};

std::string whereText(const Model &model) {
  // A model for CUDA says only in its results that it ran on the CPU instead.
  std::string isa = model.variant() ? model.variant()->isa : "cuda, or its fallback";
  return isa + ", " + std::to_string(model.threads()) + (model.threads() == 1 ? " thread" : " threads");
}

/// Compares what --expect names; false when an element is wrong.
bool compareAll(const Model &model, const Options &options, const Data &data, Report &report) {
  Json outputs;
  bool good = true;
  for (const NamedArray &expected : data.expectations()) {
    const qcc_tensor_info &info = model.info().outputs[expected.index];
    const support::NpyArray &got = data.results()[expected.index];
    Comparison result = compare(got, expected.array, info.type, options);
    report.text += comparisonText(result, info.name, info.type, got, expected.array);
    outputs.item(Json()
                     .add("name", jsonText(info.name))
                     .add("elements", std::to_string(result.elements))
                     .add("wrong", std::to_string(result.wrong))
                     .add("max_abs_error", jsonNumber(result.maxError))
                     .add("worst", jsonText(placeText(got.shape, result.worst)))
                     .add("sqnr_db", jsonNumber(result.sqnr))
                     .object());
    good = good && result.wrong == 0;
  }
  if (!data.expectations().empty())
    report.json.add("compared", outputs.array());
  return good;
}

bool timeAll(const Model &model, const Options &options, Report &report, std::string &error) {
  if (options.bench) {
    Timing timing;
    if (!bench(model, options.seconds, timing, error))
      return false;
    report.text += whereText(model) + ": " + timingText(timing);
    report.json.add("min_ms", jsonNumber(timing.min))
        .add("median_ms", jsonNumber(timing.median))
        .add("p99_ms", jsonNumber(timing.p99))
        .add("runs", std::to_string(timing.runs));
  }
  if (options.profile) {
    std::vector<double> milliseconds;
    if (!profile(model, options.seconds, milliseconds, error))
      return false;
    report.text += profileText(model, milliseconds);
    report.json.add("layers", profileJson(model, milliseconds));
  }
  return true;
}

/// A line on each output, where nothing else was asked for.
std::string outputsText(const Model &model) {
  std::string text = std::string(model.info().name) + " on " + whereText(model) + "\n";
  for (uint32_t o = 0; o < model.info().n_outputs; ++o) {
    qcc_tensor_info info = model.outputInfo(o);
    text += "output '" + std::string(info.name) + "': " + support::npyShapeText(shapeOf(info)) + " of " +
            findType(info.type)->name + "\n";
  }
  return text;
}

int runModel(const Options &options) {
  Model model;
  std::string error;
  if (!model.open(options.model, options.threads, error))
    return fail(options.model + ": " + error);
  Data data(model, options);
  if (!data.read(error) || !data.run(error) || !data.write(error))
    return fail(error);
  Report report;
  report.json.add("model", jsonText(model.info().name))
      .add("isa", model.variant() ? jsonText(model.variant()->isa) : "null")
      .add("threads", std::to_string(model.threads()));
  bool good = compareAll(model, options, data, report);
  if (!timeAll(model, options, report, error))
    return fail(options.model + ": " + error);
  if (report.text.empty() && options.outDir.empty())
    report.text = outputsText(model);
  std::string text = options.json ? report.json.object() + "\n" : report.text;
  bool printed = std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0;
  if (!printed)
    return fail("cannot write to the standard output");
  return good ? exitDone : exitFault;
}

int start(int argc, char **argv) {
  // A full disk under a file size limit shall be an error, not a signal.
  std::signal(SIGXFSZ, SIG_IGN);
  Options options;
  std::string error;
  switch (parseOptions(argc, argv, options, error)) {
  case Parsed::Help:
    return std::fputs(helpText, stdout) < 0 || std::fflush(stdout) ? exitFault : exitDone;
  case Parsed::Version:
    return std::printf("qcc-run " QCC_VERSION "\n") < 0 || std::fflush(stdout) ? exitFault : exitDone;
  case Parsed::Wrong:
    std::fprintf(stderr, "qcc-run: error: %s; see qcc-run --help\n", error.c_str());
    return exitUsage;
  case Parsed::Run:
    break;
  }
  return runModel(options);
}

} // namespace
} // namespace qcc::run

int main(int argc, char **argv) {
  try {
    return qcc::run::start(argc, argv);
  } catch (const std::bad_alloc &) {
    return qcc::run::fail("out of memory");
  } catch (const std::length_error &) {
    return qcc::run::fail("out of memory");
  }
}
