//===- Inputs.cpp - What --shape and --set say about inputs ---------------===//

#include "compiler/import/Inputs.h"

#include "llvm/ADT/StringExtras.h"
#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <optional>
#include <set>

using namespace qcc;
using namespace qcc::import;
using llvm::SmallVector, llvm::StringRef;

namespace {

/// A size that is the sum of others, "past_sequence_length + 1", as exporters name it.
struct Sum {
  std::vector<std::string> names; ///< two or more, or one and a number
  int64_t number = 0;
};

/// Nothing where the text is one name, or no sum.
std::optional<Sum> parseSum(StringRef text) {
  SmallVector<StringRef> parts;
  text.split(parts, '+');
  Sum sum;
  for (StringRef part : parts) {
    int64_t number = 0;
    part = part.trim();
    if (part.empty())
      return std::nullopt;
    if (part.getAsInteger(10, number))
      sum.names.push_back(part.str());
    else if (number < 0 || __builtin_add_overflow(sum.number, number, &sum.number))
      return std::nullopt;
  }
  return parts.size() > 1 && !sum.names.empty() ? std::optional(sum) : std::nullopt;
}

/// As for every tensor (dialects/ops/Common.h).
constexpr int64_t maxElements = (int64_t(1) << 31) - 1;

std::string listOf(const std::vector<ValueInfo> &inputs) {
  std::string text;
  for (const ValueInfo &input : inputs)
    text += (text.empty() ? "'" : ", '") + input.name + "'";
  return text.empty() ? "none" : text;
}

std::string sizeText(const Dim &dim) {
  return (dim.least < 0 ? "" : std::to_string(dim.least) + "..") + std::to_string(dim.size) +
         (dim.step == 1 ? "" : "/" + std::to_string(dim.step));
}

std::string shapeText(const std::vector<Dim> &dims) {
  std::string text;
  for (const Dim &dim : dims)
    text += (text.empty() ? "" : "x") + (dim.size < 0 ? "?" : sizeText(dim));
  return text;
}

class Resolver {
public:
  Resolver(const Graph &graph, const ImportOptions &options, std::vector<InputError> &errors)
      : options(options), errors(errors) {
    std::set<std::string> initializers;
    for (const TensorData &tensor : graph.initializers)
      initializers.insert(tensor.name);
    for (const ValueInfo &input : graph.inputs)
      if (!initializers.count(input.name))
        inputs.push_back(input);
  }

  Inputs run() {
    for (const std::string &option : options.shapes)
      applyShape(option);
    bindNames();
    if (!errors.empty())
      return {};
    for (ValueInfo &input : inputs)
      fillFirstDim(input);
    bindNames();
    for (ValueInfo &input : inputs)
      checkStatic(input);
    for (const std::string &option : options.sets)
      applySet(option);
    for (ValueInfo &input : inputs)
      if (!isSet.count(input.name))
        result.arguments.push_back(input);
    collectLengths();
    return std::move(result);
  }

private:
  void usage(const std::string &message) { errors.push_back({message, true}); }
  void error(const std::string &message) { errors.push_back({message, false}); }

  ValueInfo *find(const std::string &name) {
    auto found =
        std::find_if(inputs.begin(), inputs.end(), [&](const ValueInfo &i) { return i.name == name; });
    return found == inputs.end() ? nullptr : &*found;
  }

  /// One size, digits alone; `at` moves behind it.
  static bool parseSize(const char *&at, int64_t &size) {
    if (*at < '0' || *at > '9')
      return false;
    char *end = nullptr;
    errno = 0;
    long long value = strtoll(at, &end, 10);
    at = end;
    size = value;
    return errno == 0;
  }

  /// The name of a dimension of some input, or the sum of one and another or a number, as long as possible;
  /// `at` moves behind it.
  bool parseName(const char *&at, std::string &name) {
    auto longest = [&](StringRef text) {
      StringRef best;
      for (const ValueInfo &input : inputs)
        for (const Dim &dim : input.dims)
          if (text.starts_with(dim.name) && dim.name.size() > best.size())
            best = dim.name;
      return best;
    };
    StringRef first = longest(at);
    if (first.empty())
      return false;
    at += first.size();
    name = first.str();
    if (*at != '+')
      return true;
    StringRef rest = StringRef(at).drop_front(), digits = rest.take_while(llvm::isDigit),
              second = digits.empty() ? longest(rest) : digits;
    at += 1 + second.size();
    name += "+" + second.str();
    return !second.empty();
  }

  /// "128", "1..128", "32..640/32" for multiples of 32, or what other dimensions say: "past", "past+1".
  bool parseDim(const std::string &option, const char *&at, Dim &dim) {
    if (!parseSize(at, dim.size)) {
      dim.size = -1;
      return parseName(at, dim.name);
    }
    if (at[0] != '.' || at[1] != '.')
      return true;
    dim.least = dim.size;
    at += 2;
    if (!parseSize(at, dim.size))
      return false;
    if (dim.least > dim.size || dim.size < 1)
      usage("--shape=" + option + ": " + std::to_string(dim.least) + ".." + std::to_string(dim.size) +
            " are no bounds: expected LEAST..MOST with 0 <= LEAST <= MOST and 1 <= MOST");
    if (*at == '/' && (!parseSize(++at, dim.step) || dim.step == 0))
      return false;
    if (dim.least % dim.step || dim.size % dim.step)
      usage("--shape=" + option + ": " + std::to_string(dim.least) + " and " + std::to_string(dim.size) +
            " must be multiples of the " + std::to_string(dim.step) + " behind them");
    if (dim.least == dim.size)
      dim.least = -1, dim.step = 1;
    return true;
  }

  bool parseShape(const std::string &option, const std::string &text, std::vector<Dim> &dims) {
    for (const char *at = text.c_str(); *at;) {
      Dim dim;
      if (!parseDim(option, at, dim) || (*at && (*at != 'x' || !at[1]))) {
        usage("--shape=" + option + ": '" + text + "' is no shape such as 1x3x224x224 or 1x1..128");
        return false;
      }
      dims.push_back(dim);
      at += *at ? 1 : 0;
    }
    return true;
  }

  void applyShape(const std::string &option) {
    size_t colon = option.rfind(':'); // names may hold colons, too
    if (colon == std::string::npos || colon == 0)
      return usage("--shape=" + option + ": expected NAME:SHAPE, such as input:1x3x224x224");
    std::vector<Dim> dims;
    std::string name = option.substr(0, colon);
    size_t before = errors.size();
    if (!parseShape(option, option.substr(colon + 1), dims) || errors.size() != before)
      return;
    ValueInfo *input = find(name);
    if (!input)
      return usage("--shape=" + option + ": the model has no input '" + name + "'; its inputs are " +
                   listOf(inputs));
    if (!input->hasShape)
      input->dims.resize(dims.size());
    input->hasShape = true;
    if (input->dims.size() != dims.size())
      return usage("--shape=" + option + ": input '" + name + "' has " + std::to_string(input->dims.size()) +
                   " dimensions (" + shapeText(input->dims) + "), not " + std::to_string(dims.size()));
    for (size_t i = 0; i < dims.size(); ++i) {
      Dim &dim = input->dims[i];
      if (dim.size >= 0 &&
          (dim.size != dims[i].size || dim.least != dims[i].least || dim.step != dims[i].step))
        return usage("--shape=" + option + ": dimension " + std::to_string(i) + " of input '" + name +
                     "' is fixed to " + sizeText(dim) + (given.count(name) ? " before" : " in the model"));
      dim.size = dims[i].size;
      dim.least = dims[i].least;
      dim.step = dims[i].step;
      if (!dims[i].name.empty())
        dim.name = dims[i].name;
    }
    given.insert(name);
  }

  /// A name stands for one size wherever it appears.
  void bindNames() {
    std::map<std::string, Dim> sizes;
    for (const ValueInfo &input : inputs)
      for (const Dim &dim : input.dims) {
        if (dim.name.empty() || dim.size < 0)
          continue;
        auto [known, isNew] = sizes.emplace(dim.name, dim);
        if (!isNew && (known->second.size != dim.size || known->second.least != dim.least ||
                       known->second.step != dim.step))
          usage("dimension '" + dim.name + "' would be both " + sizeText(known->second) + " and " +
                sizeText(dim) + " (input '" + input.name + "')");
      }
    for (ValueInfo &input : inputs)
      for (Dim &dim : input.dims)
        if (dim.size < 0 && sizes.count(dim.name))
          dim = sizes[dim.name];
        else if (std::optional<Sum> sum = dim.size < 0 ? parseSum(dim.name) : std::nullopt)
          bindSum(dim, *sum, sizes);
  }

  static void bindSum(Dim &dim, const Sum &sum, const std::map<std::string, Dim> &sizes) {
    int64_t least = sum.number, most = sum.number;
    for (const std::string &name : sum.names) {
      auto known = sizes.find(name);
      if (known == sizes.end() || known->second.step != 1 ||
          __builtin_add_overflow(most, known->second.size, &most))
        return;
      least += known->second.least < 0 ? known->second.size : known->second.least;
    }
    dim.size = most;
    dim.least = least == most ? -1 : least;
  }

  void fillFirstDim(ValueInfo &input) {
    if (input.dims.empty() || input.dims[0].size >= 0)
      return;
    input.dims[0].size = 1;
    result.remarks.push_back("the first dimension of input '" + input.name +
                             "' is dynamic: compiled as 1 (--shape sets another)");
  }

  void checkStatic(const ValueInfo &input) {
    if (!input.hasShape)
      return error("input '" + input.name + "' has no shape: pass --shape=" + input.name + ":<sizes>");
    int64_t elements = 1;
    for (const Dim &dim : input.dims) {
      if (dim.size < 0) {
        std::string names;
        for (const Dim &d : input.dims)
          if (d.size < 0)
            names += (names.empty() ? "'" : ", '") + (d.name.empty() ? "?" : d.name) + "'";
        return error("input '" + input.name + "' has dynamic dimensions (" + names + "): pass --shape=" +
                     input.name + ":" + shapeText(input.dims) + " with a number for each ?");
      }
      if (__builtin_mul_overflow(elements, dim.size, &elements) || elements > maxElements)
        return error("input '" + input.name + "' of shape " + shapeText(input.dims) + " has more than " +
                     std::to_string(maxElements) + " elements");
    }
  }

  void applySet(const std::string &option) {
    // Names may hold '=', too: the first split that gives an input counts.
    for (size_t at = option.find('='); at != std::string::npos; at = option.find('=', at + 1))
      if (ValueInfo *input = find(option.substr(0, at))) {
        if (!isSet.insert(input->name).second)
          return usage("--set=" + option + ": input '" + input->name + "' is set twice");
        result.constants.emplace_back(*input, option.substr(at + 1));
        return;
      }
    if (option.find('=') == std::string::npos)
      return usage("--set=" + option + ": expected NAME=VALUE");
    usage("--set=" + option + ": the model has no input '" + option.substr(0, option.find('=')) +
          "'; its inputs are " + listOf(inputs));
  }

  /// Dimensions of one name have one length, others each their own; sums have those that they add up.
  void collectLengths() {
    std::map<std::string, size_t> known;
    auto forEach = [&](auto visit) {
      for (size_t i = 0; i < result.arguments.size(); ++i)
        for (size_t axis = 0; axis < result.arguments[i].dims.size(); ++axis)
          if (const Dim &dim = result.arguments[i].dims[axis]; dim.least >= 0)
            visit(i, axis, dim);
    };
    std::map<std::string, Dim> sizes; // of those that are no sums
    for (const ValueInfo &input : result.arguments)
      for (const Dim &dim : input.dims)
        sizes.emplace(dim.name, dim);
    auto isSum = [&](const Dim &dim) {
      std::optional<Sum> sum = parseSum(dim.name);
      Dim added;
      if (sum)
        bindSum(added, *sum, sizes);
      return sum && added.size == dim.size && added.least == dim.least;
    };
    forEach([&](size_t i, size_t axis, const Dim &dim) {
      if (isSum(dim))
        return;
      std::string own = result.arguments[i].name + ":" + std::to_string(axis);
      auto [at, isNew] = known.emplace(dim.name.empty() ? own : dim.name, result.lengths.size());
      if (isNew)
        result.lengths.push_back({at->first, dim.least / dim.step, dim.size / dim.step, dim.step});
      result.places.push_back({i, axis, Extent(static_cast<int64_t>(at->second), dim.step)});
    });
    forEach([&](size_t i, size_t axis, const Dim &dim) {
      if (!isSum(dim))
        return;
      Extent extent = extentOf(*parseSum(dim.name), sizes, known);
      if (!isForCallers(extent))
        error("input '" + result.arguments[i].name + "' has a dimension '" + dim.name +
              "': at most two different bounded lengths can be added up");
      result.places.push_back({i, axis, extent});
    });
    for (const auto &[input, text] : result.constants)
      for (const Dim &dim : input.dims)
        if (dim.least >= 0)
          usage("--set=" + input.name + "=" + text + ": the input has no one shape, but " +
                shapeText(input.dims));
  }

  /// What an object can say about its inputs (qcc_tensor_info.min_shape).
  static bool isForCallers(const Extent &extent) {
    return extent.terms.size() <= 2 && llvm::all_of(extent.terms, [](auto term) { return term.second == 1; });
  }

  static Extent extentOf(const Sum &sum, const std::map<std::string, Dim> &sizes,
                         const std::map<std::string, size_t> &lengths) {
    Extent extent;
    int64_t number = sum.number;
    for (const std::string &name : sum.names) {
      auto length = lengths.find(name);
      if (length == lengths.end())
        number += sizes.at(name).size;
      else if (Extent one(static_cast<int64_t>(length->second)); extent.isFixed())
        extent = one;
      else
        extent = *extent.plus(one);
    }
    return extent.plus(number);
  }

  const ImportOptions &options;
  std::vector<InputError> &errors;
  std::vector<ValueInfo> inputs;
  std::set<std::string> given; ///< inputs that --shape named
  std::set<std::string> isSet;
  Inputs result;
};

} // namespace

Inputs qcc::import::resolveInputs(const Graph &graph, const ImportOptions &options,
                                  std::vector<InputError> &errors) {
  return Resolver(graph, options, errors).run();
}
