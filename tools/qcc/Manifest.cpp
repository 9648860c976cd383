//===- Manifest.cpp - From what an object was made ------------------------===//

#include "tools/qcc/Manifest.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/SHA256.h"

using namespace qcc;
using namespace qcc::driver;

std::string driver::modelHash(const Options &options) {
  auto buffer = llvm::MemoryBuffer::getFile(options.model);
  if (!buffer)
    return "";
  return llvm::toHex(llvm::SHA256::hash(llvm::arrayRefFromStringRef((*buffer)->getBuffer())), true);
}

/// Where data and programs lie must not change the object.
static std::vector<std::string> withoutFolder(llvm::StringRef option, std::vector<std::string> values) {
  if (option == "--calib" || option == "--eval" || option == "--labels" || option == "--ptxas")
    for (std::string &path : values)
      path = llvm::sys::path::filename(llvm::StringRef(path).rtrim('/')).str();
  return values;
}

llvm::json::Object driver::givenOptions(const Options &options) {
  llvm::json::Object given;
  for (auto &[name, values] : options.values)
    if (name != "-o" && name != "-j" && name != "-v" && name != "-q" && name != "--report")
      given[name] = llvm::json::Array(withoutFolder(name, values));
  return given;
}

std::string driver::manifest(const Options &options) {
  llvm::json::Object object{
      {"qcc", QCC_VERSION}, {"model_sha256", modelHash(options)}, {"options", givenOptions(options)}};
  return llvm::formatv("{0}", llvm::json::Value(std::move(object))).str();
}
