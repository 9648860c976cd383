//===- Epilogue.cpp - The form of an epilogue as data -----------------------===//
#include "compiler/kernels/gemm/Epilogue.h"

#include "mlir/IR/Builders.h"
#include "llvm/ADT/StringSwitch.h"

using namespace mlir;
using namespace qcc::kernels;

namespace {
struct StepInfo {
  llvm::StringRef name;
  unsigned scalars;
  bool column;
};
// In the order of Step.
constexpr StepInfo stepInfos[] = {
    {"mul", 1, false},         {"add", 1, false},       {"max", 1, false},          {"min", 1, false},
    {"round_clamp", 2, false}, {"residual", 2, false},  {"hard_sigmoid", 2, false}, {"hard_swish", 2, false},
    {"leaky_relu", 1, false},  {"mul_column", 0, true}, {"add_column", 0, true},    {"prelu", 0, true},
    {"mul_image", 0, false},
};
constexpr llvm::StringRef outputNames[] = {"u8", "f32", "i32", "bf16"};

const StepInfo &infoOf(Step step) { return stepInfos[static_cast<unsigned>(step)]; }
} // namespace

unsigned qcc::kernels::scalarsOf(Step step) { return infoOf(step).scalars; }
bool qcc::kernels::takesColumn(Step step) { return infoOf(step).column; }

unsigned Epilogue::numColumnVectors() const { return llvm::count_if(steps, takesColumn); }

DictionaryAttr Epilogue::toAttr(MLIRContext *context) const {
  Builder builder(context);
  NamedAttrList attrs;
  attrs.set("output", builder.getStringAttr(outputNames[static_cast<unsigned>(output)]));
  SmallVector<Attribute> names;
  for (Step step : steps)
    names.push_back(builder.getStringAttr(infoOf(step).name));
  attrs.set("steps", builder.getArrayAttr(names));
  auto flag = [&](llvm::StringRef name, bool value) {
    if (value)
      attrs.set(name, builder.getUnitAttr());
  };
  flag("bounded", bounded);
  flag("clamp_low", clampLow);
  flag("clamp_high", clampHigh);
  flag("table", table);
  flag("rows", rows);
  flag("image_zeros", imageZeros);
  return attrs.getDictionary(context);
}

Epilogue Epilogue::fromAttr(DictionaryAttr attr) {
  Epilogue epilogue;
  auto name = attr.getAs<StringAttr>("output").getValue();
  epilogue.output = static_cast<Output>(llvm::find(outputNames, name) - std::begin(outputNames));
  for (auto step : attr.getAs<ArrayAttr>("steps").getAsRange<StringAttr>()) {
    auto info = llvm::find_if(stepInfos, [&](const StepInfo &i) { return i.name == step.getValue(); });
    epilogue.steps.push_back(static_cast<Step>(info - std::begin(stepInfos)));
  }
  epilogue.bounded = attr.contains("bounded");
  epilogue.clampLow = attr.contains("clamp_low");
  epilogue.clampHigh = attr.contains("clamp_high");
  epilogue.table = attr.contains("table");
  epilogue.rows = attr.contains("rows");
  epilogue.imageZeros = attr.contains("image_zeros");
  return epilogue;
}

std::string Epilogue::key() const {
  std::string key = outputNames[static_cast<unsigned>(output)].str();
  for (Step step : steps)
    key += "_" + infoOf(step).name.str();
  if (!bounded)
    key += "_bound";
  if (clampLow)
    key += "_lo";
  if (clampHigh)
    key += "_hi";
  if (table)
    key += "_table";
  if (rows)
    key += "_rows";
  if (imageZeros)
    key += "_zeros";
  return key;
}
