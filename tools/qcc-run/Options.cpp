//===- Options.cpp - qcc-run's command line -------------------------------===//
#include "tools/qcc-run/Options.h"

#include <cmath>
#include <cstdlib>

namespace qcc::run {

const char *const helpText = R"(usage: qcc-run MODEL.so [options]

Runs a model that qcc compiled with --emit=shared.

Data
  --in NAME=FILE.npy      an input; those not given are filled with fixed
                          pseudo-random values
  --samples               every array has one more first axis: the model runs
                          once for each sample, the outputs are stacked
  --out-dir DIR           write DIR/NAME.npy for each output (/ becomes _)

Comparing
  --expect NAME=FILE.npy  compare an output with an array
  --rtol R, --atol A      allow |got - expected| <= A + R * |expected|
                          (default: 1e-3 and 1e-7 for floats, 0 for integers)

Timing
  --bench[=SECONDS]       run again and again (default: 1 second)
  --profile               time each layer, on one thread
  --threads=N             use N threads (default: 1; 0: one per processor)

  --json                  print one JSON object instead of text
  --help, --version

Types that NumPy lacks travel as their bits: bfloat16 as uint16, float8 and
float4 as uint8, (u)int4 and (u)int2 as one value per (u)int8.

Environment: QCC_ISA=avx2 (or another word of --march) forces a variant,
QCC_DEVICE=cpu or cuda the device.

Exit status: 0 done, 1 the input or the machine is at fault or a comparison
failed, 2 wrong usage.
)";

namespace {

class Parser {
public:
  Parser(int argc, char **argv, Options &options, std::string &error)
      : argc(argc), argv(argv), options(options), error(error) {}

  Parsed parse() {
    bool onlyFiles = false;
    for (next = 1; next < argc; ++next) {
      std::string argument = argv[next];
      if (!onlyFiles && (argument == "--help" || argument == "-h"))
        return Parsed::Help;
      if (!onlyFiles && argument == "--version")
        return Parsed::Version;
      if (!onlyFiles && argument == "--")
        onlyFiles = true;
      else if (!onlyFiles && argument.size() > 1 && argument[0] == '-' ? !option(argument) : !file(argument))
        return Parsed::Wrong;
    }
    if (options.model.empty())
      return wrong("no model given"), Parsed::Wrong;
    if (options.expected.empty() && (options.rtol || options.atol))
      return wrong("--rtol and --atol need --expect"), Parsed::Wrong;
    if (options.samples && options.inputs.empty())
      return wrong("--samples needs an --in to take the samples from"), Parsed::Wrong;
    return Parsed::Run;
  }

private:
  bool file(const std::string &argument) {
    if (!options.model.empty())
      return wrong("more than one model: '" + options.model + "' and '" + argument + "'");
    options.model = argument;
    return !argument.empty() || wrong("the model's name is empty");
  }

  bool option(const std::string &argument) {
    size_t equals = argument.find('=');
    name = argument.substr(0, equals);
    inlined = equals != std::string::npos;
    text = inlined ? argument.substr(equals + 1) : "";
    if (name == "--bench") {
      options.bench = true;
      return !inlined || number(options.seconds, 1e-3, 1e6);
    }
    if (bool *flag = findFlag()) {
      *flag = true;
      return !inlined || wrong("'" + name + "' takes no value");
    }
    return valued();
  }

  bool *findFlag() {
    if (name == "--samples")
      return &options.samples;
    if (name == "--profile")
      return &options.profile;
    return name == "--json" ? &options.json : nullptr;
  }

  bool valued() {
    if (name == "--in" || name == "--expect")
      return value() && pair(name == "--in" ? options.inputs : options.expected);
    if (name == "--out-dir") {
      if (!value())
        return false;
      options.outDir = text;
      return !text.empty() || wrong("'--out-dir' needs a folder");
    }
    if (name == "--rtol" || name == "--atol")
      return value() && number((name == "--rtol" ? options.rtol : options.atol).emplace(), 0, 1e300);
    if (name == "--threads") {
      double count;
      if (!value() || !number(count, 0, 1024))
        return false;
      options.threads = static_cast<int>(count);
      return count == options.threads || wrong("'--threads=" + text + "' is not a whole number");
    }
    return wrong("unknown option '" + name + "'");
  }

  /// The value behind '=' or the next argument.
  bool value() {
    if (inlined)
      return true;
    if (next + 1 >= argc)
      return wrong("'" + name + "' needs a value");
    text = argv[++next];
    return true;
  }

  bool pair(std::vector<std::string> &pairs) {
    pairs.push_back(text);
    return text.find('=') != std::string::npos || wrong("'" + name + " " + text + "' is not NAME=FILE.npy");
  }

  bool number(double &result, double low, double high) {
    char *end = nullptr;
    result = std::strtod(text.c_str(), &end);
    if (!text.empty() && !*end && result >= low && result <= high)
      return true;
    return wrong("'" + name + "=" + text + "': not a number in the range that makes sense");
  }

  bool wrong(const std::string &what) {
    error = what;
    return false;
  }

  int argc, next = 1;
  char **argv;
  Options &options;
  std::string &error;
  std::string name, text;
  bool inlined = false;
};

} // namespace

Parsed parseOptions(int argc, char **argv, Options &options, std::string &error) {
  return Parser(argc, argv, options, error).parse();
}

} // namespace qcc::run
