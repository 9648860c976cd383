//===- Link.h - A self-contained shared object ------------------*- C++ -*-===//
#ifndef QCC_COMPILER_EMIT_LINK_H
#define QCC_COMPILER_EMIT_LINK_H

#include "llvm/Support/Error.h"
#include <string>

namespace qcc::emit {

/// Links an object with the runtime's archive, in this process, by lld. Only
/// PREFIX_run, PREFIX_model and qcc_get_model stay visible; libc is left
/// undefined. `output` must not exist or may be overwritten.
llvm::Error linkShared(const std::string &object, const std::string &runtime, const std::string &prefix,
                       const std::string &output);

/// The runtime's archive beside this program (../lib, ../lib/TRIPLE); an error
/// that says where it was sought otherwise.
llvm::Expected<std::string> findRuntime(const std::string &programFolder, llvm::StringRef triple);

} // namespace qcc::emit

#endif // QCC_COMPILER_EMIT_LINK_H
