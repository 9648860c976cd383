//===- Bench.cpp - timing -------------------------------------------------===//
#include "tools/qcc-run/Bench.h"
#include "tools/qcc-run/Json.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>

namespace qcc::run {
namespace {

using Clock = std::chrono::steady_clock;

/// Enough for a median where one run is longer than the time given.
constexpr size_t minRuns = 5;
/// Bounds the memory of a long bench of a tiny model.
constexpr size_t maxRuns = 4000000;

double millisecondsSince(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

double gigaMacs(uint64_t macs, double milliseconds) {
  return milliseconds > 0 ? static_cast<double>(macs) / (milliseconds * 1e6) : 0;
}

/// Names of layers can be kilobytes long.
std::string shortened(const std::string &name) {
  constexpr size_t longest = 48;
  return name.size() <= longest ? name : "..." + name.substr(name.size() - (longest - 3));
}

std::string profileLine(const std::string &name, const std::string &kernel, double time, double total,
                        uint64_t macs) {
  char line[256];
  std::snprintf(line, sizeof(line), "%10.4f %6.1f%% ", time, total > 0 ? 100 * time / total : 0);
  std::string text = line;
  std::snprintf(line, sizeof(line), "%8.1f", gigaMacs(macs, time));
  text += macs ? line : "       -";
  return text + "  " + kernel + std::string(kernel.size() < 20 ? 20 - kernel.size() : 1, ' ') +
         shortened(name) + "\n";
}

} // namespace

bool bench(const Model &model, double seconds, Timing &timing, std::string &error) {
  std::vector<double> times;
  qcc_status status = model.run();
  Clock::time_point begin = Clock::now();
  while (status == QCC_OK && times.size() < maxRuns &&
         (times.size() < minRuns || millisecondsSince(begin) < seconds * 1e3)) {
    Clock::time_point start = Clock::now();
    status = model.run();
    times.push_back(millisecondsSince(start));
  }
  if (status != QCC_OK) {
    error = model.statusText(status);
    return false;
  }
  std::sort(times.begin(), times.end());
  timing.runs = times.size();
  timing.min = times.front();
  timing.median = (times[(times.size() - 1) / 2] + times[times.size() / 2]) / 2;
  timing.p99 = times[static_cast<size_t>(std::ceil(0.99 * static_cast<double>(times.size()))) - 1];
  return true;
}

std::string timingText(const Timing &timing) {
  char line[160];
  std::snprintf(line, sizeof(line), "min %.4f ms, median %.4f ms, p99 %.4f ms (%zu runs)\n", timing.min,
                timing.median, timing.p99, timing.runs);
  return line;
}

bool profile(const Model &model, double seconds, std::vector<double> &milliseconds, std::string &error) {
  if (!model.variant()) {
    error = "--profile works for models that run on the CPU";
    return false;
  }
  milliseconds.assign(model.info().n_steps, INFINITY);
  Clock::time_point begin = Clock::now();
  for (size_t runs = 0; runs < minRuns || millisecondsSince(begin) < seconds * 1e3; ++runs)
    model.runSteps(milliseconds);
  return true;
}

std::string profileText(const Model &model, const std::vector<double> &milliseconds) {
  double total = 0;
  uint64_t macs = 0;
  for (double time : milliseconds)
    total += time;
  std::string text = "        ms  share   GMAC/s  kernel              layer\n";
  for (size_t i = 0; i < milliseconds.size(); ++i) {
    const qcc_step_info &step = model.info().steps[i];
    text += profileLine(step.name, step.kernel, milliseconds[i], total, step.macs);
    macs += step.macs;
  }
  return text + profileLine("", "sum", total, total, macs);
}

std::string profileJson(const Model &model, const std::vector<double> &milliseconds) {
  Json layers;
  for (size_t i = 0; i < milliseconds.size(); ++i) {
    const qcc_step_info &step = model.info().steps[i];
    layers.item(Json()
                    .add("name", jsonText(step.name))
                    .add("kernel", jsonText(step.kernel))
                    .add("min_ms", jsonNumber(milliseconds[i]))
                    .add("macs", std::to_string(step.macs))
                    .object());
  }
  return layers.array();
}

} // namespace qcc::run
