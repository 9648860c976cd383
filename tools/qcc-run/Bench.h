//===- Bench.h - how long a model and its layers take -----------*- C++ -*-===//
#ifndef QCC_TOOLS_QCC_RUN_BENCH_H
#define QCC_TOOLS_QCC_RUN_BENCH_H

#include "tools/qcc-run/Model.h"

namespace qcc::run {

/// Milliseconds.
struct Timing {
  size_t runs = 0;
  double min = 0, median = 0, p99 = 0;
};

/// Runs for about `seconds`, after a run that is not counted.
bool bench(const Model &model, double seconds, Timing &timing, std::string &error);
std::string timingText(const Timing &timing);

/// The least milliseconds of each step, over about `seconds`.
bool profile(const Model &model, double seconds, std::vector<double> &milliseconds, std::string &error);
std::string profileText(const Model &model, const std::vector<double> &milliseconds);
std::string profileJson(const Model &model, const std::vector<double> &milliseconds);

} // namespace qcc::run

#endif // QCC_TOOLS_QCC_RUN_BENCH_H
