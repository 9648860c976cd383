//===- NvptxBlockOps.cpp - Thread blocks as PTX -----------------------------===//
//
// cp.async and mma.m16n8k32 came with sm_80. Before, copies go through registers,
// and four m8n8k16 do the same on the same registers.
//
//===----------------------------------------------------------------------===//
#include "compiler/target/nvptx/BlockOps.h"

using namespace mlir;
using namespace qcc::target;

namespace {
constexpr unsigned globalSpace = 1, sharedSpace = 3;

class NvptxBlockOps : public BlockOps {
public:
  NvptxBlockOps(CodeBuilder &code, const Variant &variant, const Block &block)
      : BlockOps(code, block), isAsynchronous(variant.sm >= 80), hasWideMultiply(variant.sm >= 80) {
    allocateRegisters();
    shared = sharedMemory();
    thread = code.intrinsic("llvm.nvvm.read.ptx.sreg.tid.x", code.i32(), {});
  }

  void eachThread(llvm::function_ref<void(Value)> body) override { body(thread); }
  void barrier() override { run("llvm.nvvm.barrier.cta.sync.aligned.all", constant(0)); }
  void copy(Value to, Value from, int64_t width) override;
  void commitCopies() override {
    if (isAsynchronous)
      run("llvm.nvvm.cp.async.commit.group", {});
  }
  void waitForCopies(int64_t pending) override {
    if (isAsynchronous)
      run("llvm.nvvm.cp.async.wait.group", constant(pending));
  }
  Value sharedPointer(Value offset) override {
    return LLVM::AddrSpaceCastOp::create(code.b, code.loc, code.pointerType(), sharedAt(offset));
  }
  void exchange(int64_t to, int64_t from, int64_t mask) override {
    set(to, code.intrinsic("llvm.nvvm.shfl.sync.bfly.i32", code.i32(),
                           {constant(-1), get(from), constant(mask), constant(warpThreads - 1)}));
  }
  void loadMatrices(int64_t slot, llvm::function_ref<Value(Value)> rowOf) override;
  void multiply(int64_t sums, int64_t a, int64_t b) override;

private:
  Value constant(int64_t value) { return arith::ConstantIntOp::create(code.b, code.loc, value, 32); }
  Type pointerTo(unsigned space) { return LLVM::LLVMPointerType::get(code.b.getContext(), space); }
  Type words(unsigned count) {
    return LLVM::LLVMStructType::getLiteral(code.b.getContext(), SmallVector<Type>(count, code.i32()));
  }
  void run(StringRef name, ValueRange arguments) {
    LLVM::CallIntrinsicOp::create(code.b, code.loc, code.b.getStringAttr(name), arguments);
  }
  Value sharedAt(Value offset) {
    return LLVM::GEPOp::create(code.b, code.loc, pointerTo(sharedSpace), code.i8(), shared,
                               ArrayRef<LLVM::GEPArg>{offset});
  }
  Value inSpace(Value pointer, unsigned space) {
    return LLVM::AddrSpaceCastOp::create(code.b, code.loc, pointerTo(space), pointer);
  }
  void allocateRegisters();
  Value sharedMemory();
  void setAll(int64_t slot, Value tuple, unsigned count);

  bool isAsynchronous, hasWideMultiply;
  Value shared, thread;
};

/// One array, which LLVM takes apart: every access is at a constant place.
void NvptxBlockOps::allocateRegisters() {
  auto type = LLVM::LLVMArrayType::get(code.i32(), static_cast<unsigned>(block.registers));
  registers =
      LLVM::AllocaOp::create(code.b, code.loc, code.pointerType(), type, constant(1), /*alignment=*/16);
}

Value NvptxBlockOps::sharedMemory() {
  auto function = code.b.getInsertionBlock()->getParentOp();
  if (!isa<func::FuncOp>(function))
    function = function->getParentOfType<func::FuncOp>();
  std::string name = (cast<func::FuncOp>(function).getName() + "_shared").str();
  {
    OpBuilder::InsertionGuard guard(code.b);
    code.b.setInsertionPoint(function);
    auto type = LLVM::LLVMArrayType::get(code.i8(), static_cast<unsigned>(block.sharedBytes));
    auto global =
        LLVM::GlobalOp::create(code.b, code.loc, type, /*isConstant=*/false, LLVM::Linkage::Internal, name,
                               Attribute(), /*alignment=*/128, sharedSpace);
    code.b.createBlock(&global.getInitializerRegion());
    LLVM::ReturnOp::create(code.b, code.loc, LLVM::UndefOp::create(code.b, code.loc, type).getResult());
  }
  return LLVM::AddressOfOp::create(code.b, code.loc, pointerTo(sharedSpace), name);
}

void NvptxBlockOps::copy(Value to, Value from, int64_t width) {
  bool direct = isAsynchronous && width >= 4;
  for (int64_t done = 0; done < 16; done += width) {
    Value target = sharedAt(done ? code.add(to, constant(done)) : to), source = code.at(from, done);
    if (direct) {
      StringRef name = width == 16  ? "llvm.nvvm.cp.async.cg.shared.global.16"
                       : width == 8 ? "llvm.nvvm.cp.async.ca.shared.global.8"
                                    : "llvm.nvvm.cp.async.ca.shared.global.4";
      run(name, {target, inSpace(source, globalSpace)});
      continue;
    }
    Type type = width == 16 ? Type(code.vec(4, code.i32())) : code.b.getIntegerType(width * 8);
    Value piece = LLVM::LoadOp::create(code.b, code.loc, type, source, width);
    LLVM::StoreOp::create(code.b, code.loc, piece, target, width);
  }
}

void NvptxBlockOps::setAll(int64_t slot, Value tuple, unsigned count) {
  for (unsigned i = 0; i < count; ++i)
    set(slot + i, LLVM::ExtractValueOp::create(code.b, code.loc, tuple, i));
}

void NvptxBlockOps::loadMatrices(int64_t slot, llvm::function_ref<Value(Value)> rowOf) {
  setAll(slot,
         code.intrinsic("llvm.nvvm.ldmatrix.sync.aligned.m8n8.x4.b16", words(4), sharedAt(rowOf(thread))), 4);
}

void NvptxBlockOps::multiply(int64_t sums, int64_t a, int64_t b) {
  auto call = [&](StringRef name, ArrayRef<int64_t> slots, unsigned results) {
    Values operands;
    for (int64_t slot : slots)
      operands.push_back(get(slot));
    setAll(slots[slots.size() - results], code.intrinsic(name, words(results), operands), results);
  };
  if (hasWideMultiply)
    return call("llvm.nvvm.mma.m16n8k32.row.col.u8.s8",
                {a, a + 1, a + 2, a + 3, b, b + 1, sums, sums + 1, sums + 2, sums + 3}, 4);
  // Registers of a: rows 0-7 and 8-15 of the first 16 bytes of depth, then of the other 16.
  for (int64_t depth = 0; depth < 2; ++depth)
    for (int64_t half = 0; half < 2; ++half)
      call("llvm.nvvm.mma.m8n8k16.row.col.u8.s8",
           {a + 2 * depth + half, b + depth, sums + 2 * half, sums + 2 * half + 1}, 2);
}
} // namespace

namespace qcc::target {
std::unique_ptr<BlockOps> createNvptxBlockOps(CodeBuilder &code, const Variant &variant,
                                              const BlockOps::Block &block) {
  return std::make_unique<NvptxBlockOps>(code, variant, block);
}
} // namespace qcc::target
