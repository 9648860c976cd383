//===- Html.cpp - A report for people -------------------------------------===//
//
// One page with its style inside: cards with the figures of the whole model, bars
// for each layer, then tables with the details.
//
//===----------------------------------------------------------------------===//

#include "compiler/report/Report.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/Format.h"

#include <algorithm>

using namespace qcc::report;
using llvm::raw_ostream;
using llvm::StringRef;

namespace {

constexpr const char *style = R"(
body { font: 15px/1.5 system-ui, sans-serif; color: #1c2733; background: #f5f7f9; margin: 0 auto; max-width: 1200px; padding: 24px; }
h1 { font-size: 24px; margin: 0; } h2 { font-size: 18px; margin: 32px 0 8px; }
p { margin: 4px 0; } .soft { color: #5c6b7a; }
.cards { display: flex; flex-wrap: wrap; gap: 12px; margin: 20px 0; }
.card { background: #fff; border: 1px solid #dfe5ea; border-radius: 8px; padding: 10px 18px; min-width: 110px; }
.card b { display: block; font-size: 21px; font-weight: 600; } .card span { color: #5c6b7a; font-size: 13px; }
table { border-collapse: collapse; background: #fff; border: 1px solid #dfe5ea; width: 100%; }
th { text-align: left; font-weight: 600; font-size: 13px; color: #5c6b7a; background: #eef2f5; }
th, td { padding: 3px 10px; border-bottom: 1px solid #eceff2; vertical-align: top; overflow-wrap: anywhere; }
td.n, th.n { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
.bars td { padding: 2px 10px; } .bars td.b { width: 17%; white-space: nowrap; }
.bar { display: inline-block; height: 12px; border-radius: 2px; vertical-align: middle; min-width: 1px; margin-right: 6px; }
.bars small { color: #5c6b7a; }
.int8 { background: #2a78c8; } .float { background: #e0852b; } .mixed { background: #8a6fc0; } .bf16 { background: #3f9e6e; } .conversion { background: #9aa7b3; }
.key { display: inline-block; width: 12px; height: 12px; border-radius: 2px; margin: 0 4px 0 14px; vertical-align: -1px; }
.details { font-size: 13px; } .details td:nth-child(3) { overflow-wrap: normal; }
)";

/// Text of a model's names, safe between tags.
std::string escaped(StringRef text) {
  std::string result;
  for (char c : text)
    switch (c) {
    case '<':
      result += "&lt;";
      break;
    case '>':
      result += "&gt;";
      break;
    case '&':
      result += "&amp;";
      break;
    case '"':
      result += "&quot;";
      break;
    default:
      result += static_cast<unsigned char>(c) < 0x20 ? '?' : c;
    }
  return result;
}

std::string number(const char *format, double value) {
  std::string text;
  llvm::raw_string_ostream(text) << llvm::format(format, value);
  return text;
}

std::string bytesText(int64_t bytes) {
  if (bytes < 1024)
    return std::to_string(bytes) + " B";
  double kib = static_cast<double>(bytes) / 1024;
  return kib < 1024 ? number("%.1f KiB", kib) : number("%.2f MiB", kib / 1024);
}

std::string countText(int64_t count) {
  auto value = static_cast<double>(count);
  return count < 1000      ? std::to_string(count)
         : count < 1000000 ? number("%.1f k", value / 1e3)
                           : number("%.1f M", value / 1e6);
}

std::string timeText(double microseconds) {
  return microseconds < 1000 ? number("%.1f \u00b5s", microseconds) : number("%.2f ms", microseconds / 1000);
}

const char *classOf(const Layer &layer) {
  StringRef type = layer.type;
  return type.starts_with("int8") ? "int8"
         : type == "float"        ? "float"
         : type == "bf16"         ? "bf16"
         : type.contains(",")     ? "mixed"
                                  : "conversion";
}

void writeCard(raw_ostream &os, const std::string &value, StringRef meaning) {
  os << "<div class=card><b>" << escaped(value) << "</b><span>" << meaning << "</span></div>\n";
}

void writeCards(const Report &report, raw_ostream &os) {
  int64_t integer = 0, real = 0;
  double time = 0;
  for (const Layer &layer : report.layers) {
    integer += StringRef(layer.type).starts_with("int8");
    real += StringRef(layer.type).starts_with("float");
    time += layer.microseconds.value_or(0);
  }
  os << "<div class=cards>\n";
  writeCard(os, std::to_string(integer), "layers in int8");
  writeCard(os, std::to_string(real), "layers in float");
  if (report.signalToNoise)
    writeCard(os, number("%.1f dB", *report.signalToNoise), "signal to noise at the outputs");
  if (report.accuracy && report.accuracy->exact)
    writeCard(os, number("%.2f %%", *report.accuracy->exact), "top-1 in float");
  if (report.accuracy && report.accuracy->compiled)
    writeCard(os, number("%.2f %%", *report.accuracy->compiled), "top-1 as compiled");
  if (report.weightBytes)
    writeCard(os, bytesText(*report.weightBytes), "weights");
  if (report.codeBytes)
    writeCard(os, bytesText(*report.codeBytes), "code");
  if (report.workspaceBytes)
    writeCard(os, bytesText(*report.workspaceBytes), "workspace");
  if (time > 0)
    writeCard(os, timeText(time), "sum of the layers' times");
  os << "</div>\n";
}

/// One column of the picture.
struct Bar {
  const char *title;
  std::optional<double> (*value)(const Layer &);
  std::string (*text)(double);
};

const Bar bars[] = {
    {"time", [](const Layer &l) { return l.microseconds; }, timeText},
    {"multiply-adds", [](const Layer &l) { return l.macs ? std::optional<double>(l.macs) : std::nullopt; },
     [](double value) { return countText(static_cast<int64_t>(value)); }},
    {"bytes of weights",
     [](const Layer &l) { return l.weightBytes ? std::optional<double>(l.weightBytes) : std::nullopt; },
     [](double value) { return bytesText(static_cast<int64_t>(value)); }},
    {"signal to noise", [](const Layer &l) { return l.signalToNoise; },
     [](double value) { return number("%.1f dB", value); }},
};

void writePicture(const Report &report, raw_ostream &os) {
  os << "<h2>Layer by layer</h2>\n<p class=soft><i class='key int8'></i>int8"
        "<i class='key float'></i>float<i class='key mixed'></i>float with int8 weights<i class='key "
        "bf16'></i>bf16"
        "<i class='key conversion'></i>type or layout alone; a longer bar of the last column is better</p>\n"
        "<table class=bars><tr><th>layer</th>";
  std::vector<std::pair<const Bar *, double>> shown;
  for (const Bar &bar : bars) {
    double most = 0;
    for (const Layer &layer : report.layers)
      most = std::max(most, bar.value(layer).value_or(0));
    if (most <= 0)
      continue;
    shown.emplace_back(&bar, most);
    os << "<th>" << bar.title << "</th>";
  }
  os << "</tr>\n";
  for (const Layer &layer : report.layers) {
    if (layer.kernels.empty() && layer.macs == 0 && !layer.microseconds && !report.timing.empty() &&
        report.codeBytes)
      continue; // renames memory only
    os << "<tr><td>" << escaped(layer.name) << " <small>" << escaped(layer.op) << "</small></td>";
    for (auto &[bar, most] : shown) {
      os << "<td class=b>";
      if (std::optional<double> value = bar->value(layer))
        os << "<i class='bar " << classOf(layer)
           << "' style='width:" << number("%.1f", std::max(0.0, 60 * *value / most)) << "%'></i><small>"
           << bar->text(*value) << "</small>";
      os << "</td>";
    }
    os << "</tr>\n";
  }
  os << "</table>\n<p class=soft>" << escaped(report.timing) << "</p>\n";
}

std::string joined(const std::vector<std::string> &list, const char *separator) {
  std::string text;
  for (const std::string &word : list)
    text += (text.empty() ? "" : separator) + escaped(word);
  return text;
}

void writeDecisions(const Report &report, raw_ostream &os) {
  os << "<h2>Decisions</h2>\n";
  bool any = llvm::any_of(report.layers,
                          [](const Layer &layer) { return StringRef(layer.type).starts_with("int8"); });
  if (!any && report.decisions.empty()) {
    os << "<p>Every layer computes in float.</p>\n";
    return;
  }
  if (report.decisions.empty()) {
    os << "<p>No layer beside quantised ones stays in float.</p>\n";
    return;
  }
  os << "<table class=details><tr><th>layer</th><th>operator</th><th>decision</th></tr>\n";
  for (const Decision &decision : report.decisions)
    os << "<tr><td>" << escaped(decision.node) << "</td><td>" << escaped(decision.op) << "</td><td>"
       << escaped(decision.text) << "</td></tr>\n";
  os << "</table>\n";
}

std::string decibels(const std::optional<double> &value) { return value ? number("%.1f", *value) : ""; }

void writeDetails(const Report &report, raw_ostream &os) {
  os << "<h2>All layers</h2>\n<table class=details><tr><th>layer</th><th>operator</th><th>type</th>"
        "<th>reads</th><th>writes</th><th>fused</th><th>kernels</th><th class=n>weights</th>"
        "<th class=n>multiply-adds</th><th class=n>dB</th><th class=n>time</th></tr>\n";
  for (const Layer &layer : report.layers)
    os << "<tr><td>" << escaped(layer.name) << "</td><td>" << escaped(layer.op) << "</td><td>"
       << escaped(layer.type) << "</td><td>" << joined(layer.inputs, "<br>") << "</td><td>"
       << joined(layer.outputs, "<br>") << "</td><td>" << joined(layer.fused, ", ") << "</td><td>"
       << joined(layer.kernels, "<br>") << "</td><td class=n>"
       << (layer.weightBytes ? bytesText(layer.weightBytes) : "") << "</td><td class=n>"
       << (layer.macs ? countText(layer.macs) : "") << "</td><td class=n>" << decibels(layer.signalToNoise)
       << "</td><td class=n>" << (layer.microseconds ? timeText(*layer.microseconds) : "") << "</td></tr>\n";
  os << "</table>\n";
}

void writeTensors(const Report &report, raw_ostream &os) {
  if (report.tensors.empty())
    return;
  os << "<h2>Quantised tensors</h2>\n<table class=details><tr><th>made by</th><th>type</th>"
        "<th class=n>scale</th><th class=n>zero point</th><th class=n>dB</th></tr>\n";
  for (const Tensor &tensor : report.tensors)
    os << "<tr><td>" << escaped(tensor.name) << "</td><td>" << tensor.type << "</td><td class=n>"
       << number("%.6g", tensor.scale) << "</td><td class=n>" << tensor.zeroPoint << "</td><td class=n>"
       << decibels(tensor.signalToNoise) << "</td></tr>\n";
  os << "</table>\n";
}
} // namespace

void qcc::report::writeHtml(const Report &report, raw_ostream &os) {
  os << "<!doctype html>\n<html lang=en><head><meta charset=utf-8>"
        "<meta name=viewport content='width=device-width, initial-scale=1'>\n<title>"
     << escaped(report.model) << " - qcc</title>\n<style>" << style << "</style></head>\n<body>\n<h1>"
     << escaped(report.model) << "</h1>\n<p>" << escaped(report.quantization) << "</p>\n<p class=soft>qcc "
     << escaped(report.version) << " for " << escaped(report.target) << " (" << joined(report.variants, ", ")
     << ")</p>\n";
  writeCards(report, os);
  writePicture(report, os);
  writeDecisions(report, os);
  writeDetails(report, os);
  writeTensors(report, os);
  os << "</body></html>\n";
}
