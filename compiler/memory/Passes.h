//===- Passes.h - Stage memory ----------------------------------*- C++ -*-===//
#ifndef QCC_COMPILER_MEMORY_PASSES_H
#define QCC_COMPILER_MEMORY_PASSES_H

#include "dialects/Qcc.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Pass/Pass.h"
#include "mlir/Pass/PassManager.h"

namespace qcc::memory {

/// Buffers begin at multiples of this many bytes.
constexpr int64_t bufferAlignment = 64;

/// The steps, by number, in which a buffer holds something.
struct Lifetime {
  int64_t first, last;
  bool overlaps(const Lifetime &other) const { return first <= other.last && other.first <= last; }
};

/// The buffers of a program and their lifetimes; a buffer nobody uses has none.
std::vector<std::pair<BufferOp, Lifetime>> lifetimes(mlir::func::FuncOp program);

/// Bytes that all planned buffers take together.
int64_t plannedBytes(mlir::func::FuncOp program);

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "compiler/memory/Passes.h.inc"

void addMemory(mlir::OpPassManager &pm);

} // namespace qcc::memory

#endif // QCC_COMPILER_MEMORY_PASSES_H
