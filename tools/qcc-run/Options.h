//===- Options.h - qcc-run's command line -----------------------*- C++ -*-===//
#ifndef QCC_TOOLS_QCC_RUN_OPTIONS_H
#define QCC_TOOLS_QCC_RUN_OPTIONS_H

#include <optional>
#include <string>
#include <vector>

namespace qcc::run {

struct Options {
  std::string model;
  /// NAME=FILE as written: which '=' ends the name depends on the model.
  std::vector<std::string> inputs, expected;
  bool samples = false;
  std::string outDir;
  std::optional<double> rtol, atol;
  bool bench = false, profile = false, json = false;
  double seconds = 1;
  int threads = 1;
};

enum class Parsed { Run, Help, Version, Wrong };

/// On Wrong, `error` says what is wrong with which argument.
Parsed parseOptions(int argc, char **argv, Options &options, std::string &error);

extern const char *const helpText;

} // namespace qcc::run

#endif // QCC_TOOLS_QCC_RUN_OPTIONS_H
