//===- OuterTypes.cpp - Reading and checking what --io asks for -----------===//

#include "compiler/quantize/OuterTypes.h"

#include "compiler/support/Rewrite.h"
#include "llvm/ADT/StringExtras.h"

#include <cmath>
#include <set>

using namespace mlir;
using namespace qcc;
using namespace qcc::quantize;

std::string OuterType::text() const {
  return "--io=" + name + (isSigned ? ":i8" : ":u8") + (channelsLast ? ",nhwc" : "");
}

std::optional<OuterType> OuterType::parse(StringRef text, std::string &error) {
  auto [name, words] = text.rsplit(':'); // names may hold colons, too
  auto [type, layout] = words.split(',');
  if (!name.empty() && (type == "u8" || type == "i8") && (layout == "nhwc" || !words.contains(',')))
    return OuterType{name.str(), type == "i8", layout == "nhwc"};
  error = "--io=" + text.str() + ": expected NAME:u8 or NAME:i8, with ',nhwc' behind for channels last";
  return std::nullopt;
}

static ArrayAttr namesOf(func::FuncOp main, bool inputs) {
  auto names = main->getAttrOfType<ArrayAttr>(inputs ? "qcc.input_names" : "qcc.output_names");
  return names ? names : ArrayAttr::get(main.getContext(), {});
}

std::optional<Port> quantize::findPort(func::FuncOp main, StringRef name) {
  for (bool inputs : {true, false})
    for (auto [i, known] : llvm::enumerate(namesOf(main, inputs).getAsRange<StringAttr>()))
      if (known.getValue() == name)
        return Port{inputs, static_cast<unsigned>(i)};
  return std::nullopt;
}

namespace {
std::string listOf(ArrayAttr names) {
  std::string text;
  for (auto name : names.getAsRange<StringAttr>())
    text += (text.empty() ? "'" : ", '") + name.getValue().str() + "'";
  return text.empty() ? "none" : text;
}

std::string shapeText(RankedTensorType type) {
  return llvm::join(llvm::map_range(type.getShape(), [](int64_t size) { return std::to_string(size); }), "x");
}

/// "" where the numbers are usable for an input of this type.
std::string checkNumbers(StringRef option, ArrayRef<float> numbers, RankedTensorType type) {
  auto count = static_cast<int64_t>(numbers.size());
  bool fits =
      count <= 1 || (type.getRank() >= 2 && (type.getDimSize(1) == count || type.getShape().back() == count));
  if (!fits)
    return (option + " has " + Twine(count) + " numbers, which the shape " + shapeText(type) +
            " has no channels for")
        .str();
  for (float number : numbers)
    if (!std::isfinite(number) || (option == "--std" && number <= 0))
      return (option + " must hold " + (option == "--std" ? "positive" : "finite") + " numbers, not " +
              Twine(std::to_string(number)))
          .str();
  return "";
}

std::string problemWith(func::FuncOp main, const OuterTypes &outer, const OuterType &tensor) {
  std::optional<Port> port = findPort(main, tensor.name);
  if (!port)
    return "the model has no input or output '" + tensor.name + "'; its inputs are " +
           listOf(namesOf(main, true)) + ", its outputs " + listOf(namesOf(main, false));
  auto type = cast<RankedTensorType>(port->isInput ? main.getArgumentTypes()[port->index]
                                                   : main.getResultTypes()[port->index]);
  if (tensor.channelsLast && type.getRank() < 3)
    return "'" + tensor.name + "' has " + std::to_string(type.getRank()) +
           " dimensions; channels last need at least 3";
  if (!port->isInput)
    return "";
  std::string mean = checkNumbers("--mean", outer.mean, type), std = checkNumbers("--std", outer.std, type);
  return mean.empty() ? std : mean;
}
} // namespace

bool quantize::fitOuterTypes(func::FuncOp main, const OuterTypes &outer, std::string &error) {
  std::set<std::string> seen;
  for (const OuterType &tensor : outer.tensors) {
    std::string problem = problemWith(main, outer, tensor);
    if (problem.empty() && !seen.insert(tensor.name).second)
      problem = "'" + tensor.name + "' is named twice";
    if (problem.empty())
      continue;
    error = tensor.text() + ": " + problem;
    return false;
  }
  return true;
}
