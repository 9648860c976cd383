//===- Header.h - The C header of a compiled model --------------*- C++ -*-===//
#ifndef QCC_COMPILER_EMIT_HEADER_H
#define QCC_COMPILER_EMIT_HEADER_H

#include "compiler/emit/Program.h"

namespace qcc::emit {

/// C99 and C++; includes only qcc/runtime.h. `comment` lines say what made it. `isForDevice`: a run can go
/// into a stream.
std::string writeHeader(const Program &program, llvm::StringRef prefix, llvm::StringRef comment,
                        bool isForDevice);

} // namespace qcc::emit

#endif // QCC_COMPILER_EMIT_HEADER_H
