//===- Json.cpp - JSON text -----------------------------------------------===//
#include "tools/qcc-run/Json.h"

#include <cmath>
#include <cstdio>

namespace qcc::run {
namespace {

/// Bytes of the UTF-8 sequence at `at`; 0 where there is none.
size_t sequenceLength(const std::string &text, size_t at) {
  auto byte = [&](size_t i) { return i < text.size() ? static_cast<uint8_t>(text[i]) : 0u; };
  auto follows = [&](size_t i) { return (byte(at + i) & 0xc0) == 0x80; };
  uint32_t first = byte(at), second = byte(at + 1);
  if (first < 0x80)
    return 1;
  if (first >= 0xc2 && first < 0xe0)
    return follows(1) ? 2 : 0;
  if (first >= 0xe0 && first < 0xf0) { // neither overlong nor a surrogate
    bool legal = (first != 0xe0 || second >= 0xa0) && (first != 0xed || second < 0xa0);
    return legal && follows(1) && follows(2) ? 3 : 0;
  }
  bool legal =
      first < 0xf5 && first >= 0xf0 && (first != 0xf0 || second >= 0x90) && (first != 0xf4 || second < 0x90);
  return legal && follows(1) && follows(2) && follows(3) ? 4 : 0;
}

} // namespace

std::string jsonText(const std::string &text) {
  std::string result = "\"";
  for (size_t i = 0; i < text.size();) {
    size_t length = sequenceLength(text, i);
    auto first = static_cast<uint8_t>(text[i]);
    char escape[8];
    if (length == 0) {
      result += "\\ufffd";
    } else if (first < 0x20) {
      std::snprintf(escape, sizeof(escape), "\\u%04x", first);
      result += escape;
    } else {
      if (first == '"' || first == '\\')
        result += '\\';
      result.append(text, i, length);
    }
    i += length ? length : 1;
  }
  return result + "\"";
}

std::string jsonNumber(double value) {
  if (!std::isfinite(value))
    return "null";
  char text[32];
  std::snprintf(text, sizeof(text), "%.9g", value);
  return text;
}

} // namespace qcc::run
