//===- NvptxBlockOps.cpp - Thread blocks as PTX -----------------------------===//
//
// cp.async, mma.m16n8k32 and those of floats came with sm_80. Before, copies go through
// registers, and four m8n8k16 do the same on the same registers.
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
  void copy(Value to, Value from, int64_t width, Value count) override;
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
  void multiply(Operand kind, int64_t sums, int64_t a, int64_t b) override;

private:
  Value constant(int64_t value) { return arith::ConstantIntOp::create(code.b, code.loc, value, 32); }
  Type pointerTo(unsigned space) { return LLVM::LLVMPointerType::get(code.b.getContext(), space); }
  Type tuple(unsigned count, Type element) {
    return LLVM::LLVMStructType::getLiteral(code.b.getContext(), SmallVector<Type>(count, element));
  }
  Type words(unsigned count) { return tuple(count, code.i32()); }
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
  void copyPiece(Value to, Value from, int64_t width, Value count);
  void multiplyBytes(int64_t sums, int64_t a, int64_t b);
  void multiplyFloats(StringRef intrinsic, int64_t sums, int64_t a, int64_t b);

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

void NvptxBlockOps::copyPiece(Value to, Value from, int64_t width, Value count) {
  if (!isAsynchronous || width < 4) {
    Type type = width == 16 ? Type(code.vec(4, code.i32())) : code.b.getIntegerType(width * 8);
    Value piece = LLVM::LoadOp::create(code.b, code.loc, type, from, width);
    if (count) {
      Value zero = LLVM::ZeroOp::create(code.b, code.loc, type);
      piece = arith::SelectOp::create(code.b, code.loc, code.lessThan(constant(0), count), piece, zero);
    }
    LLVM::StoreOp::create(code.b, code.loc, piece, to, width);
    return;
  }
  std::string name = width == 16  ? "llvm.nvvm.cp.async.cg.shared.global.16"
                     : width == 8 ? "llvm.nvvm.cp.async.ca.shared.global.8"
                                  : "llvm.nvvm.cp.async.ca.shared.global.4";
  Values arguments = {to, inSpace(from, globalSpace)};
  if (count)
    arguments.push_back(code.min(code.max(count, constant(0)), constant(width)));
  run(count ? name + ".s" : name, arguments);
}

void NvptxBlockOps::copy(Value to, Value from, int64_t width, Value count) {
  for (int64_t done = 0; done < 16; done += width)
    copyPiece(sharedAt(done ? code.add(to, constant(done)) : to), code.at(from, done), width,
              count && done ? code.sub(count, constant(done)) : count);
}

void NvptxBlockOps::setAll(int64_t slot, Value tuple, unsigned count) {
  for (unsigned i = 0; i < count; ++i)
    set(slot + i, LLVM::ExtractValueOp::create(code.b, code.loc, tuple, i));
}

void NvptxBlockOps::loadMatrices(int64_t slot, llvm::function_ref<Value(Value)> rowOf) {
  setAll(slot,
         code.intrinsic("llvm.nvvm.ldmatrix.sync.aligned.m8n8.x4.b16", words(4), sharedAt(rowOf(thread))), 4);
}

void NvptxBlockOps::multiplyBytes(int64_t sums, int64_t a, int64_t b) {
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

void NvptxBlockOps::multiplyFloats(StringRef intrinsic, int64_t sums, int64_t a, int64_t b) {
  Values operands;
  for (int64_t slot : {a, a + 1, a + 2, a + 3, b, b + 1})
    operands.push_back(get(slot));
  for (int64_t i = 0; i < 4; ++i)
    operands.push_back(getFloat(sums + i));
  setAll(sums, code.intrinsic(intrinsic, tuple(4, code.f32()), operands), 4);
}

void NvptxBlockOps::multiply(Operand kind, int64_t sums, int64_t a, int64_t b) {
  if (kind == Operand::Bytes)
    return multiplyBytes(sums, a, b);
  multiplyFloats(kind == Operand::Bf16 ? "llvm.nvvm.mma.m16n8k16.row.col.bf16"
                                       : "llvm.nvvm.mma.m16n8k8.row.col.tf32",
                 sums, a, b);
}
} // namespace

namespace qcc::target {
std::unique_ptr<BlockOps> createNvptxBlockOps(CodeBuilder &code, const Variant &variant,
                                              const BlockOps::Block &block) {
  return std::make_unique<NvptxBlockOps>(code, variant, block);
}
} // namespace qcc::target
