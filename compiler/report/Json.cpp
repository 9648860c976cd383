//===- Json.cpp - A report for programs -----------------------------------===//

#include "compiler/report/Report.h"

using namespace qcc::report;
namespace json = llvm::json;

namespace {

/// llvm::json takes valid UTF-8 only, and names may be any bytes.
json::Value text(const std::string &bytes) { return json::fixUTF8(bytes); }

json::Array texts(const std::vector<std::string> &list) {
  json::Array array;
  for (const std::string &word : list)
    array.push_back(text(word));
  return array;
}

template <typename T> void setIfKnown(json::Object &object, const char *key, const std::optional<T> &value) {
  if (value)
    object[key] = *value;
}

json::Object layerObject(const Layer &layer) {
  json::Object object{
      {"name", text(layer.name)},        {"operator", text(layer.op)},        {"type", layer.type},
      {"inputs", texts(layer.inputs)},   {"outputs", texts(layer.outputs)},   {"fused", texts(layer.fused)},
      {"kernels", texts(layer.kernels)}, {"weight_bytes", layer.weightBytes}, {"macs", layer.macs}};
  if (!layer.reason.empty())
    object["reason"] = text(layer.reason);
  setIfKnown(object, "sqnr_db", layer.signalToNoise);
  setIfKnown(object, "microseconds", layer.microseconds);
  return object;
}

json::Object tensorObject(const Tensor &tensor) {
  json::Object object{{"name", text(tensor.name)},
                      {"type", tensor.type},
                      {"scale", tensor.scale},
                      {"zero_point", tensor.zeroPoint}};
  setIfKnown(object, "sqnr_db", tensor.signalToNoise);
  return object;
}

json::Object accuracyObject(const Accuracy &accuracy) {
  json::Object object{{"samples", accuracy.samples}};
  setIfKnown(object, "float_percent", accuracy.exact);
  setIfKnown(object, "compiled_percent", accuracy.compiled);
  return object;
}

json::Object bytesObject(const Report &report) {
  json::Object object;
  setIfKnown(object, "code", report.codeBytes);
  setIfKnown(object, "weights", report.weightBytes);
  setIfKnown(object, "workspace", report.workspaceBytes);
  return object;
}
} // namespace

void qcc::report::writeJson(const Report &report, llvm::raw_ostream &os) {
  json::Array layers, tensors, decisions;
  for (const Layer &layer : report.layers)
    layers.push_back(layerObject(layer));
  for (const Tensor &tensor : report.tensors)
    tensors.push_back(tensorObject(tensor));
  for (const Decision &decision : report.decisions)
    decisions.push_back(json::Object{
        {"node", text(decision.node)}, {"operator", text(decision.op)}, {"decision", text(decision.text)}});
  json::Object object{{"qcc", report.version},
                      {"model", text(report.model)},
                      {"model_sha256", report.modelHash},
                      {"output", text(report.output)},
                      {"target", report.target},
                      {"variants", texts(report.variants)},
                      {"options", report.options},
                      {"quantization", text(report.quantization)},
                      {"timing", text(report.timing)},
                      {"bytes", bytesObject(report)},
                      {"layers", std::move(layers)},
                      {"tensors", std::move(tensors)},
                      {"decisions", std::move(decisions)}};
  setIfKnown(object, "sqnr_db", report.signalToNoise);
  if (report.accuracy)
    object["accuracy"] = accuracyObject(*report.accuracy);
  os << llvm::formatv("{0:2}\n", json::Value(std::move(object)));
}
