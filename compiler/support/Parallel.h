//===- Parallel.h - Independent work on several threads ---------*- C++ -*-===//
#ifndef QCC_COMPILER_SUPPORT_PARALLEL_H
#define QCC_COMPILER_SUPPORT_PARALLEL_H

#include <cstddef>
#include <functional>

namespace qcc {

/// How many threads this process may run at once, at least 1.
unsigned availableThreads();

/// Calls work(0) .. work(count - 1), each once, on up to `threads` threads, the
/// caller's among them, and returns when all are done. Whoever wants results in
/// order writes each to a place of its own.
void parallelFor(size_t count, unsigned threads, const std::function<void(size_t)> &work);

} // namespace qcc

#endif // QCC_COMPILER_SUPPORT_PARALLEL_H
