//===- Manifest.h - From what an object was made ----------------*- C++ -*-===//
#ifndef QCC_TOOLS_QCC_MANIFEST_H
#define QCC_TOOLS_QCC_MANIFEST_H

#include "tools/qcc/Options.h"
#include "llvm/Support/JSON.h"

namespace qcc::driver {

/// The model's SHA-256 in hexadecimal digits; "" where it cannot be read.
std::string modelHash(const Options &options);
/// The options that may change what is written, with lists of values.
llvm::json::Object givenOptions(const Options &options);
/// Both and the version of qcc, as JSON.
std::string manifest(const Options &options);

} // namespace qcc::driver

#endif // QCC_TOOLS_QCC_MANIFEST_H
