//===- Collect.cpp - From the IR of the stages to a report ----------------===//

#include "compiler/report/Collect.h"

#include "compiler/quantize/Passes.h"
#include "compiler/support/FloatWeights.h"
#include "compiler/support/Rewrite.h"
#include "dialects/Constants.h"
#include "llvm/Support/Format.h"

using namespace mlir;
using namespace qcc;
using namespace qcc::report;

namespace {

/// The ONNX operator behind an operation, else the operation's own name.
std::string operatorOf(Operation *op) {
  if (auto name = op->getLoc()->findInstanceOf<NameLoc>())
    if (auto child = dyn_cast<NameLoc>(name.getChildLoc()))
      return child.getName().str();
  return "";
}

std::string typeText(Type element) {
  auto quantised = dyn_cast<quant::QuantizedType>(element);
  if (!quantised) {
    std::string text;
    llvm::raw_string_ostream(text) << element;
    return text;
  }
  std::string text =
      (quantised.isSigned() ? "i" : "u") + std::to_string(quantised.getStorageTypeIntegralWidth());
  if (auto axis = dyn_cast<quant::UniformQuantizedPerAxisType>(element))
    text += " (" + std::to_string(axis.getScales().size()) + " scales)";
  if (isa<quant::UniformQuantizedSubChannelType>(element))
    text += " (scales for blocks)";
  return text;
}

bool isQuantised(Value value) { return isa<quant::QuantizedType>(tensorType(value).getElementType()); }

bool isConversion(Operation *op) { return isa<QuantizeOp, DequantizeOp, DynamicQuantizeOp>(op); }

/// Changes how values are stored or where, and computes nothing.
bool isOnlyMoved(Operation *op) { return isConversion(op) || isa<ReshapeOp, TransposeOp>(op); }

bool readsBf16(Operation *op) {
  return op->getNumOperands() > 0 && tensorType(op->getOperand(0)).getElementType().isBF16();
}

/// The bits of constant weights that are integers in memory; 0 where there are none.
unsigned weightBits(Operation *op) {
  for (Value operand : op->getOperands()) {
    if (auto dequantize = operand.getDefiningOp<DequantizeOp>())
      operand = dequantize.getInput();
    auto type = dyn_cast<quant::QuantizedType>(tensorType(operand).getElementType());
    if (type && isConstant(operand))
      return type.getStorageTypeIntegralWidth();
  }
  return 0;
}

std::string computingType(Operation *op) {
  bool integer = isMeasured(op) ||
                 llvm::any_of(op->getOperands(), [](Value v) { return isQuantised(v) && !isConstant(v); });
  unsigned bits = weightBits(op);
  if (integer)
    return bits == 4 ? "int8, int4 weights" : "int8";
  if (bits > 0)
    return "float, int" + std::to_string(bits) + " weights";
  if (Type half = halfWeightsOf(op))
    return std::string("float, ") + (half.isF16() ? "fp16" : "bf16") + " weights";
  return readsBf16(op) ? "bf16" : "float";
}

/// Scales of groups are bf16 as a rule.
constexpr int64_t groupScaleBytes = 2;

int64_t constantBytes(Value value) {
  if (auto dequantize = value.getDefiningOp<DequantizeOp>())
    value = dequantize.getInput();
  if (!isConstant(value))
    return 0;
  RankedTensorType type = tensorType(value);
  Type element = type.getElementType();
  int64_t groups = 0;
  if (auto grouped = dyn_cast<quant::UniformQuantizedSubChannelType>(element))
    groups = grouped.getScales().getNumElements();
  if (auto quantised = dyn_cast<quant::QuantizedType>(element))
    return (type.getNumElements() * quantised.getStorageTypeIntegralWidth() + 7) / 8 +
           groups * groupScaleBytes;
  return type.getNumElements() * reference::byteSize(dtypeOf(element));
}

/// The tensor that the pointwise chain after `value` ends in, by its name; "" if
/// that is not quantised.
std::string endOfChain(Value value) {
  while (value.hasOneUse()) {
    Operation *user = *value.user_begin();
    if (isa<QuantizeOp>(user))
      return quantize::nameOf(user->getLoc());
    auto interface = dyn_cast<QccOpInterface>(user);
    if (!interface || user->getNumResults() != 1)
      return "";
    QuantRule rule = interface.quantRule();
    if (rule != QuantRule::Pointwise && rule != QuantRule::Binary)
      return "";
    value = user->getResult(0);
  }
  return "";
}

/// What --precision=auto has decided, and why.
std::string precisionText(DictionaryAttr decision) {
  auto word = [&](StringRef name) {
    auto type = decision.getAs<StringAttr>(name);
    return !type                       ? ""
           : type.getValue() == "bf16" ? "bf16"
           : type.getValue() == "f16"  ? "weights of fp16"
                                       : "";
  };
  double decibels = decision.getAs<FloatAttr>("decibels").getValueAsDouble();
  bool taken = !decision.contains("instead_of");
  std::string text = taken ? word("type") : std::string("left in float32: ") + word("instead_of");
  llvm::raw_string_ostream(text) << (taken ? ": leaves " : " would leave ")
                                 << llvm::format("%.1f dB", decibels) << " of signal to noise on the samples";
  return text;
}

void addUnique(std::vector<std::string> &list, const std::string &word) {
  if (!llvm::is_contained(list, word))
    list.push_back(word);
}
} // namespace

std::string report::describe(Value value) {
  std::string text;
  for (int64_t size : tensorType(value).getShape())
    text += (text.empty() ? "" : "x") + std::to_string(size);
  return (text.empty() ? "scalar" : text) + " " + typeText(tensorType(value).getElementType());
}

void Collector::afterQuantize(ModuleOp module, const Noise &noise) {
  auto find = [](const llvm::StringMap<double> &values, StringRef name) -> std::optional<double> {
    auto found = values.find(name);
    return found == values.end() ? std::nullopt : std::optional(found->second);
  };
  module.walk([&](QuantizeOp op) {
    Type element = tensorType(op.getResult()).getElementType();
    std::string name = quantize::nameOf(op.getLoc());
    Tensor tensor{name, typeText(element), 0, 0, find(noise.tensors, name)};
    if (auto uniform = dyn_cast<quant::UniformQuantizedType>(element)) {
      tensor.scale = uniform.getScale();
      tensor.zeroPoint = uniform.getZeroPoint();
    }
    report.tensors.push_back(std::move(tensor));
  });
  module.walk([&](QccOpInterface op) {
    if (op->getNumResults() == 0 || isConversion(op))
      return;
    std::string name = quantize::nameOf(op->getLoc()), end = endOfChain(op->getResult(0));
    std::optional<double> value = end.empty() ? std::nullopt : find(noise.tensors, end);
    if (!value)
      value = find(noise.products, name);
    if (value)
      noiseOf[name] = *value;
  });
}

Layer &Collector::layerNamed(StringRef name) {
  auto [entry, isNew] = layerIndex.try_emplace(name, report.layers.size());
  if (isNew) {
    report.layers.emplace_back();
    report.layers.back().name = name.str();
  }
  return report.layers[entry->second];
}

/// Operations of one node share a layer; what computes gives it its type.
void Collector::addOp(Operation *op) {
  std::string name = quantize::nameOf(op->getLoc());
  Layer &layer = layerNamed(name);
  bool isFirst = layer.type.empty() || layer.type == "conversion";
  if (isFirst) {
    layer.op = operatorOf(op);
    layer.type = isOnlyMoved(op) ? "conversion" : computingType(op);
    layer.inputs.clear();
    layer.outputs.clear();
  }
  for (Value operand : op->getOperands()) {
    layer.weightBytes += constantBytes(operand);
    bool isWeight = isConstant(operand) || constantBytes(operand) > 0;
    if (isFirst && !isWeight)
      layer.inputs.push_back(describe(operand));
  }
  if (isFirst)
    for (Value result : op->getResults())
      layer.outputs.push_back(describe(result));
  if (auto chain = dyn_cast_or_null<ArrayAttr>(op->getAttrDictionary().get("chain")))
    for (auto step : chain.getAsRange<DictionaryAttr>())
      layer.fused.push_back(cast<StringAttr>(step.get("op")).str());
  if (auto found = noiseOf.find(name); found != noiseOf.end() && !isConversion(op))
    layer.signalToNoise = found->second;
  if (auto reason = op->getAttrOfType<StringAttr>(quantize::floatReasonAttr)) {
    layer.reason = reason.str();
    report.decisions.push_back({name, operatorOf(op), "left in float: " + layer.reason});
  }
  if (auto decision = op->getAttrOfType<DictionaryAttr>(precisionAttr))
    report.decisions.push_back({name, operatorOf(op), precisionText(decision)});
  if (auto reason = op->getAttrOfType<StringAttr>(quantize::int8ReasonAttr))
    report.decisions.push_back({name, operatorOf(op), "weights left in int8: " + reason.str()});
}

void Collector::afterFuse(ModuleOp module) {
  module.walk([&](QccOpInterface op) {
    if (isa<ConstantOp, ScastOp>(op) || op->getNumResults() == 0)
      return;
    // The dequantize of constant weights is part of the layer that reads them.
    bool isWeights = isa<DequantizeOp>(op) && isConstant(op->getOperand(0));
    if (!isWeights)
      addOp(op);
  });
}

void Collector::afterLower(ModuleOp module) {
  auto main = module.lookupSymbol<func::FuncOp>("main");
  for (InvokeOp step : main.getOps<InvokeOp>()) {
    stepLayers.push_back(step.getLayer().str());
    Layer &layer = layerNamed(step.getLayer());
    addUnique(layer.kernels, step.getKernel().str());
    layer.macs += static_cast<int64_t>(step.getMacs());
  }
}

void Collector::addTimes(const std::vector<double> &microseconds) {
  for (auto [name, time] : llvm::zip(stepLayers, microseconds)) {
    Layer &layer = layerNamed(name);
    layer.microseconds = layer.microseconds.value_or(0) + time;
  }
}
