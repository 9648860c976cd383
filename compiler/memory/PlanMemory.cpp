//===- PlanMemory.cpp - All buffers in one workspace ----------------------===//
//
// Runs once the list of steps is final. Lifetimes are intervals of steps, so the
// plan is an interval packing; the greedy order by size is within a few percent
// of the lower bound on real networks.
//
//===----------------------------------------------------------------------===//

#include "compiler/memory/Passes.h"

#include "llvm/Support/MathExtras.h"

namespace qcc::memory {
#define GEN_PASS_DEF_PLANMEMORY
#define GEN_PASS_DEF_VERIFYMEMORY
#include "compiler/memory/Passes.h.inc"

using namespace mlir;

std::vector<std::pair<BufferOp, Lifetime>> lifetimes(func::FuncOp program) {
  llvm::DenseMap<Operation *, int64_t> stepOf;
  for (InvokeOp step : program.getOps<InvokeOp>())
    stepOf.try_emplace(step, stepOf.size());
  std::vector<std::pair<BufferOp, Lifetime>> result;
  for (BufferOp buffer : program.getOps<BufferOp>()) {
    Lifetime life{INT64_MAX, INT64_MIN};
    for (Operation *user : buffer->getUsers()) {
      life.first = std::min(life.first, stepOf.lookup(user));
      life.last = std::max(life.last, stepOf.lookup(user));
    }
    if (life.first <= life.last)
      result.emplace_back(buffer, life);
  }
  return result;
}

int64_t plannedBytes(func::FuncOp program) {
  int64_t bytes = 0;
  for (BufferOp buffer : program.getOps<BufferOp>())
    bytes = std::max(bytes, int64_t(buffer.getOffset().value_or(0) + buffer.getBytes()));
  return llvm::alignTo(bytes, bufferAlignment);
}

namespace {
struct Placed {
  int64_t begin, end;
  Lifetime life;
};

/// The lowest offset where `bytes` stay clear of everything alive meanwhile.
int64_t lowestFree(std::vector<Placed> &placed, int64_t bytes, const Lifetime &life) {
  llvm::sort(placed, [](const Placed &a, const Placed &b) { return a.begin < b.begin; });
  int64_t offset = 0;
  for (const Placed &other : placed) {
    if (!other.life.overlaps(life))
      continue;
    if (offset + bytes <= other.begin)
      break;
    offset = std::max(offset, int64_t(llvm::alignTo(other.end, bufferAlignment)));
  }
  return offset;
}

struct PlanMemory : impl::PlanMemoryBase<PlanMemory> {
  void runOnOperation() override {
    auto buffers = lifetimes(getOperation());
    llvm::stable_sort(buffers, [](auto a, auto b) { return a.first.getBytes() > b.first.getBytes(); });
    std::vector<Placed> placed;
    for (auto &[buffer, life] : buffers) {
      int64_t bytes = buffer.getBytes();
      int64_t offset = lowestFree(placed, bytes, life);
      placed.push_back({offset, offset + bytes, life});
      buffer.setOffset(offset);
    }
    for (BufferOp buffer : llvm::make_early_inc_range(getOperation().getOps<BufferOp>()))
      if (buffer->use_empty())
        buffer.erase();
  }
};

struct VerifyMemory : impl::VerifyMemoryBase<VerifyMemory> {
  void runOnOperation() override {
    auto buffers = lifetimes(getOperation());
    for (auto &[a, lifeA] : buffers) {
      if (!a.getOffset()) {
        a.emitOpError("of ") << a.getBytes() << " bytes has no place in the workspace";
        return signalPassFailure();
      }
      for (auto &[b, lifeB] : buffers)
        if (a != b && lifeA.overlaps(lifeB) && *a.getOffset() < *b.getOffset() + b.getBytes() &&
            *b.getOffset() < *a.getOffset() + a.getBytes()) {
          a.emitOpError("at ") << *a.getOffset() << " overlaps the buffer at " << *b.getOffset()
                               << ", which lives at the same time";
          return signalPassFailure();
        }
    }
  }
};
} // namespace

void addMemory(OpPassManager &pm) {
  pm.addNestedPass<func::FuncOp>(createPlanMemory());
  pm.addNestedPass<func::FuncOp>(createVerifyMemory());
}
} // namespace qcc::memory
