//===- Names.h - C identifiers for ONNX names -------------------*- C++ -*-===//
//
// The mangling of the contract, section 2: every byte outside [A-Za-z0-9_]
// becomes `_`; a leading digit or a keyword of C or C++ gets a `_` in front;
// names over 60 bytes keep 50, `_` and 8 hex digits of their SHA-256;
// collisions get `_2`, `_3` in order.
//
//===----------------------------------------------------------------------===//
#ifndef QCC_COMPILER_EMIT_NAMES_H
#define QCC_COMPILER_EMIT_NAMES_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include <string>
#include <vector>

namespace qcc::emit {

std::string mangle(llvm::StringRef name);
/// Mangled and made distinct, in upper case too, where the macros are.
std::vector<std::string> mangleAll(llvm::ArrayRef<std::string> names);

} // namespace qcc::emit

#endif // QCC_COMPILER_EMIT_NAMES_H
