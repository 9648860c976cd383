//===- Json.h - writes the one object of --json -----------------*- C++ -*-===//
#ifndef QCC_TOOLS_QCC_RUN_JSON_H
#define QCC_TOOLS_QCC_RUN_JSON_H

#include <cstdint>
#include <string>

namespace qcc::run {

/// Text with quotes. Bytes that are not UTF-8 become U+FFFD.
std::string jsonText(const std::string &text);

/// A number; null for what JSON cannot say.
std::string jsonNumber(double value);

/// Collects "key": value pairs, or bare values for an array.
class Json {
public:
  Json &add(const std::string &key, const std::string &value) { return item(jsonText(key) + ": " + value); }
  Json &item(const std::string &value) {
    body += (body.empty() ? "" : ", ") + value;
    return *this;
  }
  std::string object() const { return "{" + body + "}"; }
  std::string array() const { return "[" + body + "]"; }

private:
  std::string body;
};

} // namespace qcc::run

#endif // QCC_TOOLS_QCC_RUN_JSON_H
