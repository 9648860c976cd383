//===- Options.h - The command line of qcc ----------------------*- C++ -*-===//
#ifndef QCC_TOOLS_QCC_OPTIONS_H
#define QCC_TOOLS_QCC_OPTIONS_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/raw_ostream.h"

#include <map>
#include <string>
#include <vector>

namespace qcc::driver {

/// What was given, by the option's name with its dashes.
class Options {
public:
  std::string model;
  std::map<std::string, std::vector<std::string>> values;

  bool has(const std::string &name) const { return values.count(name) != 0; }
  /// The last value given.
  std::string get(const std::string &name, const std::string &otherwise = "") const {
    auto found = values.find(name);
    return found == values.end() ? otherwise : found->second.back();
  }
  /// To compile with: -j, else one for each core.
  unsigned threads() const;
  std::vector<std::string> all(const std::string &name) const {
    auto found = values.find(name);
    return found == values.end() ? std::vector<std::string>() : found->second;
  }
};

/// Reads the command line; on wrong usage returns false and says why.
bool parseOptions(llvm::ArrayRef<const char *> arguments, Options &options, std::string &error);
void printHelp(llvm::raw_ostream &os);

} // namespace qcc::driver

#endif // QCC_TOOLS_QCC_OPTIONS_H
