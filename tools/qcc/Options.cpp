//===- Options.cpp - The command line of qcc ------------------------------===//

#include "tools/qcc/Options.h"

#include "compiler/support/Parallel.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"

using namespace llvm;
using namespace qcc::driver;

namespace {

struct Row {
  StringRef group; ///< not empty: a title, and nothing else
  StringRef name, argument, choices, help;

  bool isLong() const { return name.starts_with("--"); }
  bool takesValue() const { return !argument.empty(); }
};

const Row rows[] = {
#define QCC_GROUP(title) {title, "", "", "", ""},
#define QCC_OPTION(name, argument, choices, help) {"", name, argument, choices, help},
#include "tools/qcc/Options.def"
};

const Row *findRow(StringRef name) {
  const Row *row = find_if(rows, [&](const Row &r) { return !r.name.empty() && r.name == name; });
  return row == std::end(rows) ? nullptr : row;
}

std::string unknownOption(StringRef name) {
  StringRef nearest;
  StringRef letters = name.ltrim('-');
  unsigned best = letters.size() / 2 + 1;
  for (const Row &row : rows) {
    StringRef known = row.name.ltrim('-');
    bool begins =
        !known.empty() && (letters.starts_with(known) || (!letters.empty() && known.starts_with(letters)));
    unsigned distance = row.name.empty() ? best : begins ? 0 : letters.edit_distance(known);
    if (distance < best) {
      best = distance;
      nearest = row.name;
    }
  }
  std::string hint = nearest.empty() ? "; --help lists them" : "; did you mean '" + nearest.str() + "'?";
  return "unknown option '" + name.str() + "'" + hint;
}

/// "" where the value is one that is built.
std::string checkValue(const Row &row, StringRef value) {
  std::string given = row.name.str() + (row.takesValue() ? (row.isLong() ? "=" : "") + value.str() : "");
  if (row.choices == "()")
    return "option '" + given + "' is not built yet";
  if (row.choices.empty())
    return row.takesValue() && value.empty() ? "option '" + row.name.str() + "' has an empty value" : "";
  SmallVector<StringRef> choices;
  row.choices.split(choices, '|');
  SmallVector<StringRef> words;
  for (StringRef choice : choices) {
    bool built = !choice.starts_with("(");
    words.push_back(choice.trim("()"));
    if (words.back() == value)
      return built ? "" : "option '" + given + "' is not built yet";
  }
  return "option '" + given + "': the value must be one of " + join(words, ", ");
}

class Parser {
public:
  Parser(ArrayRef<const char *> arguments, Options &options, std::string &error)
      : arguments(arguments), options(options), error(error) {}

  bool run() {
    bool onlyFiles = false;
    while (error.empty() && !arguments.empty()) {
      StringRef word = next();
      if (onlyFiles || word == "-" || !word.starts_with("-"))
        addModel(word);
      else if (word == "--")
        onlyFiles = true;
      else if (word.starts_with("--"))
        addLong(word);
      else
        addShort(word);
    }
    return error.empty();
  }

private:
  StringRef next() {
    StringRef word = arguments.front();
    arguments = arguments.drop_front();
    return word;
  }

  void addModel(StringRef word) {
    if (!options.model.empty())
      error = "two models are given, '" + options.model + "' and '" + word.str() + "'; qcc compiles one";
    else if (word.empty())
      error = "the model's name is empty";
    options.model = word.str();
  }

  void add(const Row &row, StringRef value) {
    error = checkValue(row, value);
    options.values[row.name.str()].push_back(value.str());
  }

  /// `--calib=PATH`, `--calib PATH`, `--help`.
  void addLong(StringRef word) {
    size_t equals = word.find('=');
    bool hasValue = equals != StringRef::npos;
    const Row *row = findRow(word.substr(0, equals));
    if (!row)
      error = unknownOption(word.substr(0, equals));
    else if (row->takesValue() && !hasValue && arguments.empty())
      error = "option '" + word.str() + "' needs a value: " + row->name.str() + "=" + row->argument.str();
    else if (!row->takesValue() && hasValue)
      error = "option '" + row->name.str() + "' takes no value";
    else
      add(*row, hasValue ? word.substr(equals + 1) : row->takesValue() ? next() : "");
  }

  /// `-o FILE`, `-oFILE`, `-v`.
  void addShort(StringRef word) {
    const Row *row = word == "-h" ? findRow("--help") : findRow(word.take_front(2));
    if (!row || (!row->takesValue() && word.size() > 2)) {
      error = unknownOption(word);
    } else if (!row->takesValue() || word.size() > 2) {
      add(*row, row->takesValue() ? word.drop_front(2) : "");
    } else if (arguments.empty()) {
      error = "option '" + word.str() + "' needs a value: " + word.str() + " " + row->argument.str();
    } else {
      add(*row, next());
    }
  }

  ArrayRef<const char *> arguments;
  Options &options;
  std::string &error;
};

bool checkTogether(const Options &options, std::string &error) {
  unsigned threads = 0;
  if (options.has("-j") && (StringRef(options.get("-j")).getAsInteger(10, threads) || threads == 0))
    error = "option '-j': '" + options.get("-j") + "' is no number of threads";
  else if (options.model.empty())
    error = "no model is given: qcc [options] MODEL.onnx; --help says more";
  return error.empty();
}

} // namespace

unsigned Options::threads() const {
  unsigned given = 0;
  return StringRef(get("-j")).getAsInteger(10, given) ? qcc::availableThreads() : given;
}

bool qcc::driver::parseOptions(ArrayRef<const char *> arguments, Options &options, std::string &error) {
  if (!Parser(arguments, options, error).run())
    return false;
  return options.has("--help") || options.has("--version") || checkTogether(options, error);
}

/// Behind the column of the options, as many words on a line as fit.
static void printWrapped(raw_ostream &os, StringRef text) {
  constexpr size_t indent = 29, width = 100 - indent;
  size_t used = 0;
  while (!text.empty()) {
    auto [word, rest] = text.split(' ');
    if (used > 0 && used + 1 + word.size() > width) {
      os << "\n" << std::string(indent, ' ');
      used = 0;
    }
    os << (used > 0 ? " " : "") << word;
    used += (used > 0) + word.size();
    text = rest;
  }
}

void qcc::driver::printHelp(raw_ostream &os) {
  os << "qcc compiles a trained ONNX network into a native object with a C header.\n\n"
        "usage: qcc [options] MODEL.onnx\n\n"
        "  qcc model.onnx --calib samples.npz -o model.o       INT8, from a float model and sample inputs\n"
        "  qcc model.onnx --quantize=none -o model.o           float, to compare with\n"
        "  qcc model.onnx --calib samples.npz --emit=shared    a library, for qcc-run and Python\n";
  for (const Row &row : rows) {
    if (!row.group.empty()) {
      os << "\n" << row.group << ":\n";
      continue;
    }
    std::string left =
        row.name.str() + (row.takesValue() ? (row.isLong() ? "=" : " ") + row.argument.str() : "");
    os << formatv("  {0,-26} ", left);
    printWrapped(os, row.help);
    SmallVector<StringRef> choices;
    row.choices.split(choices, '|', -1, /*KeepEmpty=*/false);
    SmallVector<StringRef> built, missing;
    for (StringRef choice : choices)
      (choice.starts_with("(") ? missing : built).push_back(choice.trim("()"));
    if (!built.empty())
      os << "\n" << std::string(29, ' ') << "one of: " << join(built, ", ");
    if (!missing.empty())
      os << "\n"
         << std::string(29, ' ') << "not built yet" << (missing.front().empty() ? "" : ": ")
         << join(missing, ", ");
    os << "\n";
  }
  os << "\nExit status: 0 done; 1 the model or the machine is at fault; 2 wrong usage; 70 an error inside "
        "qcc.\n";
}
