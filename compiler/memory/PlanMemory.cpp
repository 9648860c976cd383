//===- PlanMemory.cpp - All buffers in one workspace ----------------------===//
//
// Runs once the list of steps is final. Lifetimes are intervals of steps, so the
// plan is an interval packing; the greedy order by size is within a few percent
// of the lower bound on real networks. Where a step may write over what it reads for
// the last time, both buffers count as one.
//
//===----------------------------------------------------------------------===//

#include "compiler/memory/Passes.h"

#include "compiler/kernels/Kernel.h"
#include "mlir/IR/SymbolTable.h"
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
/// Which buffers may be one: a step that begins one buffer's life ends the other's and may write over it.
class Overwriting {
public:
  explicit Overwriting(func::FuncOp program) : symbols(program->getParentOfType<ModuleOp>()) {
    for (auto &[buffer, life] : lifetimes(program))
      lives[buffer] = life;
    int64_t index = 0;
    for (InvokeOp step : program.getOps<InvokeOp>())
      steps.insert({index++, step});
  }

  /// The buffer that `later` may lie over; null if there is none.
  BufferOp under(BufferOp later) {
    InvokeOp step = steps.lookup(lives.lookup(later).first);
    auto kernel = symbols.lookup<KernelOp>(step.getKernel());
    OperandRange pointers = step.getPointers();
    if (!kernel || step.getWritten() != 1 || pointers.back() != later.getPointer())
      return {};
    for (auto [index, pointer] : llvm::enumerate(pointers.drop_back())) {
      auto earlier = pointer.getDefiningOp<BufferOp>();
      if (earlier && earlier != later && lives.lookup(earlier).last == lives.lookup(later).first &&
          llvm::count(pointers, pointer) == 1 && kernels::mayOverwrite(kernel.getSpec(), index))
        return earlier;
    }
    return {};
  }

private:
  SymbolTable symbols;
  llvm::DenseMap<Operation *, Lifetime> lives;
  llvm::DenseMap<int64_t, InvokeOp> steps;
};

/// Buffers that have one place.
struct Unit {
  SmallVector<BufferOp> buffers;
  int64_t bytes;
  Lifetime life;
  int64_t offset = 0;
};

/// The lowest offset where `unit` stays clear of everything alive meanwhile.
int64_t lowestFree(std::vector<Unit *> &placed, const Unit &unit) {
  llvm::sort(placed, [](const Unit *a, const Unit *b) { return a->offset < b->offset; });
  int64_t offset = 0;
  for (const Unit *other : placed) {
    if (!other->life.overlaps(unit.life))
      continue;
    if (offset + unit.bytes <= other->offset)
      break;
    offset = std::max(offset, int64_t(llvm::alignTo(other->offset + other->bytes, bufferAlignment)));
  }
  return offset;
}

/// Largest first; gives the bytes of all together.
int64_t place(std::vector<Unit> &units) {
  llvm::stable_sort(units, [](const Unit &a, const Unit &b) { return a.bytes > b.bytes; });
  std::vector<Unit *> placed;
  int64_t bytes = 0;
  for (Unit &unit : units) {
    unit.offset = lowestFree(placed, unit);
    placed.push_back(&unit);
    bytes = std::max(bytes, unit.offset + unit.bytes);
  }
  return bytes;
}

struct PlanMemory : impl::PlanMemoryBase<PlanMemory> {
  static std::vector<Unit> unitsOf(func::FuncOp program) {
    std::vector<Unit> units;
    for (auto &[buffer, life] : lifetimes(program))
      units.push_back({{buffer}, int64_t(buffer.getBytes()), life});
    return units;
  }

  /// The units with each buffer in that of the one which it may lie over.
  static std::vector<Unit> joined(func::FuncOp program, const std::vector<Unit> &single) {
    Overwriting overwriting(program);
    std::vector<Unit> units(single);
    llvm::stable_sort(units, [](const Unit &a, const Unit &b) { return a.life.first < b.life.first; });
    llvm::DenseMap<Operation *, size_t> unitOf;
    std::vector<Unit> result;
    for (Unit &unit : units) {
      BufferOp earlier = overwriting.under(unit.buffers[0]);
      auto found = earlier ? unitOf.find(earlier) : unitOf.end();
      if (found == unitOf.end()) {
        unitOf[unit.buffers[0]] = result.size();
        result.push_back(unit);
        continue;
      }
      Unit &whole = result[found->second];
      unitOf[unit.buffers[0]] = found->second;
      whole.buffers.push_back(unit.buffers[0]);
      whole.bytes = std::max(whole.bytes, unit.bytes);
      whole.life.last = unit.life.last;
    }
    return result;
  }

  void runOnOperation() override {
    std::vector<Unit> apart = unitsOf(getOperation()), together = joined(getOperation(), apart);
    bool better = place(together) <= place(apart); // longer lives may also be in the way
    for (const Unit &unit : better ? together : apart)
      for (BufferOp buffer : unit.buffers)
        buffer.setOffset(unit.offset);
    for (BufferOp buffer : llvm::make_early_inc_range(getOperation().getOps<BufferOp>()))
      if (buffer->use_empty())
        buffer.erase();
  }
};

struct VerifyMemory : impl::VerifyMemoryBase<VerifyMemory> {
  void runOnOperation() override {
    auto buffers = lifetimes(getOperation());
    Overwriting overwriting(getOperation());
    auto mayCover = [&](BufferOp a, BufferOp b) {
      return *a.getOffset() == *b.getOffset() && (overwriting.under(a) == b || overwriting.under(b) == a);
    };
    for (auto &[a, lifeA] : buffers) {
      if (!a.getOffset()) {
        a.emitOpError("of ") << a.getBytes() << " bytes has no place in the workspace";
        return signalPassFailure();
      }
      for (auto &[b, lifeB] : buffers)
        if (a != b && lifeA.overlaps(lifeB) && *a.getOffset() < *b.getOffset() + b.getBytes() &&
            *b.getOffset() < *a.getOffset() + a.getBytes() && !mayCover(a, b)) {
          a.emitOpError("at ") << *a.getOffset() << " overlaps the buffer at " << *b.getOffset()
                               << ", which lives at the same time";
          return signalPassFailure();
        }
    }
  }
};
} // namespace

void addMemory(OpPassManager &pm) {
  pm.addPass(createSeparateOutputs());
  pm.addNestedPass<func::FuncOp>(createPlanMemory());
  pm.addNestedPass<func::FuncOp>(createVerifyMemory());
}
} // namespace qcc::memory
