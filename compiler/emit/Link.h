//===- Link.h - Joining objects ---------------------------------*- C++ -*-===//
#ifndef QCC_COMPILER_EMIT_LINK_H
#define QCC_COMPILER_EMIT_LINK_H

#include "llvm/ADT/SmallVector.h"
#include "llvm/Support/Error.h"
#include <string>
#include <vector>

namespace qcc::emit {

/// Joins relocatable objects into one, in this process, by lld; what is hidden in
/// them becomes local.
llvm::Expected<llvm::SmallVector<char, 0>> mergeObjects(std::vector<llvm::SmallVector<char, 0>> objects);

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
