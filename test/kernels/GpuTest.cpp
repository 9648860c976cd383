//===- GpuTest.cpp - What GPU kernels are made of ----------------------------===//
//
// That the emulated operations of a warp are those of PTX's manual, and that the PTX
// of kernels has the instructions it should. KernelTest and LoopsTest run the kernels
// themselves, emulated.
//
//===----------------------------------------------------------------------===//
#include "compiler/kernels/gpu/Gpu.h"
#include "compiler/emit/Codegen.h"
#include "compiler/emit/LowerToLlvm.h"
#include "compiler/target/nvptx/BlockOps.h"
#include "test/kernels/KernelRunner.h"
#include "llvm/ExecutionEngine/Orc/LLJIT.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/TargetSelect.h"
#include <cstring>
#include <functional>
#include <gtest/gtest.h>
#include <random>

using namespace qcc;
using namespace qcc::kernels;
using namespace qcc::test;
using target::BlockOps;
using target::CodeBuilder;
using target::Value;

namespace {

/// A function of three pointers, made by `body` for one emulated warp and called.
class Warp {
public:
  using Body = llvm::function_ref<void(BlockOps &, mlir::ValueRange pointers)>;
  Warp() {
    mlir::DialectRegistry registry;
    emit::registerCodeDialects(registry);
    context.appendDialectRegistry(registry);
    context.loadAllAvailableDialects();
  }

  void run(Body body, std::array<void *, 3> pointers) {
    const target::Variant &variant = *variantNamed("emulated");
    auto loc = mlir::UnknownLoc::get(&context);
    mlir::OwningOpRef<mlir::ModuleOp> module = mlir::ModuleOp::create(loc);
    mlir::OpBuilder builder = mlir::OpBuilder::atBlockEnd(module->getBody());
    CodeBuilder code(builder, loc);
    llvm::SmallVector<mlir::Type> inputs(3, code.pointerType());
    auto function = mlir::func::FuncOp::create(builder, loc, "warp", builder.getFunctionType(inputs, {}));
    builder.setInsertionPointToEnd(function.addEntryBlock());
    body(*BlockOps::create(code, variant, {32, 1024, 16}), function.getArguments());
    mlir::func::ReturnOp::create(builder, loc);
    ASSERT_TRUE(succeeded(emit::lowerToLlvm(*module)));
    llvm::LLVMContext llvmContext;
    auto translated = emit::translateToLlvm(*module, llvmContext);
    auto object = llvm::cantFail(emit::compileToObject(*translated, variant, 1));
    llvm::InitializeNativeTarget();
    llvm::InitializeNativeTargetAsmPrinter();
    auto jit = llvm::cantFail(llvm::orc::LLJITBuilder().create());
    llvm::StringRef bytes(object.data(), object.size());
    llvm::cantFail(jit->addObjectFile(llvm::MemoryBuffer::getMemBufferCopy(bytes)));
    auto *call = llvm::cantFail(jit->lookup("warp")).toPtr<void (*)(void *, void *, void *)>();
    call(pointers[0], pointers[1], pointers[2]);
  }

private:
  mlir::MLIRContext context{mlir::MLIRContext::Threading::DISABLED};
};

/// Bytes of a register of a lane.
struct Registers {
  uint8_t bytes[32][4][4];
};

/// Sums of all lanes += a * b, by an emulated warp.
void multiplyOnce(BlockOps::Operand kind, Registers &a, Registers &b, void *sums) {
  auto body = [&](BlockOps &ops, mlir::ValueRange pointers) {
    CodeBuilder &code = ops.code;
    auto at = [&](Value thread, unsigned pointer, int64_t i) {
      return code.at(pointers[pointer], code.add(code.mul(thread, 16), code.like(thread, 4 * i)));
    };
    ops.eachThread([&](Value thread) {
      for (int64_t i = 0; i < 4; ++i) {
        ops.set(i, code.load(code.i32(), at(thread, 0, i)));
        ops.set(4 + i, code.load(code.i32(), at(thread, 1, i)));
        ops.set(8 + i, code.load(code.i32(), at(thread, 2, i)));
      }
    });
    ops.multiply(kind, 8, 0, 4);
    ops.eachThread([&](Value thread) {
      for (int64_t i = 0; i < 4; ++i)
        code.store(ops.get(8 + i), at(thread, 2, i));
    });
  };
  Warp().run(body, {&a, &b, sums});
}

// The PTX ISA, "Matrix Fragments for mma.m16n8k32": groupID = laneid >> 2, threadID_in_group = laneid % 4.
// a, elements i of 16: row = groupID for i < 4 and 8 <= i < 12, else groupID + 8;
//                      column = threadID_in_group * 4 + (i & 3), and 16 more for i >= 8.
// b, elements i of 8:  row = threadID_in_group * 4 + (i & 3), and 16 more for i >= 4; column = groupID.
// c, elements i of 4:  row = groupID, and 8 more for i >= 2; column = threadID_in_group * 2 + (i & 1).
TEST(Fragments, EmulatedProductsAreThoseOfPtx) {
  std::mt19937 random(1);
  std::vector<uint8_t> a(16 * 32);
  std::vector<int8_t> b(32 * 8);
  std::vector<int32_t> c(16 * 8);
  for (uint8_t &value : a)
    value = random();
  for (int8_t &value : b)
    value = random();
  for (int32_t &value : c)
    value = static_cast<int32_t>(random() % 1000);
  Registers inA{}, inB{};
  int32_t sums[32][4];
  for (int lane = 0; lane < 32; ++lane) {
    int group = lane >> 2, inGroup = lane % 4;
    for (int i = 0; i < 16; ++i) {
      int row = i < 4 || (8 <= i && i < 12) ? group : group + 8;
      int column = inGroup * 4 + (i & 3) + (i >= 8 ? 16 : 0);
      inA.bytes[lane][i / 4][i % 4] = a[row * 32 + column];
    }
    for (int i = 0; i < 8; ++i) {
      int row = inGroup * 4 + (i & 3) + (i >= 4 ? 16 : 0);
      inB.bytes[lane][i / 4][i % 4] = static_cast<uint8_t>(b[row * 8 + group]);
    }
    for (int i = 0; i < 4; ++i)
      sums[lane][i] = c[(group + (i >= 2 ? 8 : 0)) * 8 + inGroup * 2 + (i & 1)];
  }
  multiplyOnce(BlockOps::Operand::Bytes, inA, inB, sums);
  for (int lane = 0; lane < 32; ++lane)
    for (int i = 0; i < 4; ++i) {
      int row = (lane >> 2) + (i >= 2 ? 8 : 0), column = lane % 4 * 2 + (i & 1);
      int32_t expected = c[row * 8 + column];
      for (int k = 0; k < 32; ++k)
        expected += a[row * 32 + k] * b[k * 8 + column];
      ASSERT_EQ(sums[lane][i], expected) << "lane " << lane << ", element " << i;
    }
}

/// Which row and column of a (16 rows) and b (8 columns) element i of a lane is.
struct FloatFragments {
  BlockOps::Operand kind;
  int depth, bytes;
  std::function<std::pair<int, int>(int group, int inGroup, int i)> a, b;
};

// "Matrix Fragments for mma.m16n8k16", .bf16.
// a, elements i of 8: row = groupID for i < 2 and 4 <= i < 6, else groupID + 8;
//                     column = threadID_in_group * 2 + (i & 1), and 8 more for i >= 4.
// b, elements i of 4: row = threadID_in_group * 2 + (i & 1), and 8 more for i >= 2; column = groupID.
const FloatFragments bf16Fragments = {
    BlockOps::Operand::Bf16, 16, 2,
    [](int group, int inGroup, int i) {
      int row = i < 2 || (4 <= i && i < 6) ? group : group + 8;
      return std::pair(row, inGroup * 2 + (i & 1) + (i >= 4 ? 8 : 0));
    },
    [](int group, int inGroup, int i) { return std::pair(inGroup * 2 + (i & 1) + (i >= 2 ? 8 : 0), group); }};

// "Matrix Fragments for mma.m16n8k8", .tf32.
// a: row = groupID for a0 and a2, groupID + 8 for a1 and a3; column = threadID_in_group for a0 and a1, 4 more
// for a2 and a3. b: row = threadID_in_group for b0, 4 more for b1; column = groupID.
const FloatFragments tf32Fragments = {
    BlockOps::Operand::Tf32, 8, 4,
    [](int group, int inGroup, int i) {
      return std::pair(i == 0 || i == 2 ? group : group + 8, inGroup + (i >= 2 ? 4 : 0));
    },
    [](int group, int inGroup, int i) { return std::pair(inGroup + (i == 1 ? 4 : 0), group); }};

void checkFloatProducts(const FloatFragments &f) {
  std::mt19937 random(2);
  auto number = [&] { return float(int(random() % 255) - 127) / 64; }; // exact, and so are their sums
  std::vector<float> a(16 * f.depth), b(f.depth * 8), c(16 * 8);
  for (auto *values : {&a, &b, &c})
    for (float &value : *values)
      value = number();
  Registers inA{}, inB{};
  float sums[32][4];
  auto place = [&](Registers &to, int lane, int i, float value) {
    auto *bits = reinterpret_cast<const uint8_t *>(&value) + (4 - f.bytes); // bf16: the upper half
    std::memcpy(&to.bytes[lane][0][0] + i * f.bytes, bits, f.bytes);
  };
  for (int lane = 0; lane < 32; ++lane) {
    for (int i = 0; i < 16 / f.bytes; ++i) {
      auto [row, column] = f.a(lane >> 2, lane % 4, i);
      place(inA, lane, i, a[row * f.depth + column]);
    }
    for (int i = 0; i < 8 / f.bytes; ++i) {
      auto [row, column] = f.b(lane >> 2, lane % 4, i);
      place(inB, lane, i, b[row * 8 + column]);
    }
    for (int i = 0; i < 4; ++i)
      sums[lane][i] = c[((lane >> 2) + (i >= 2 ? 8 : 0)) * 8 + lane % 4 * 2 + (i & 1)];
  }
  multiplyOnce(f.kind, inA, inB, sums);
  for (int lane = 0; lane < 32; ++lane)
    for (int i = 0; i < 4; ++i) {
      int row = (lane >> 2) + (i >= 2 ? 8 : 0), column = lane % 4 * 2 + (i & 1);
      float expected = c[row * 8 + column];
      for (int k = 0; k < f.depth; ++k)
        expected += a[row * f.depth + k] * b[k * 8 + column];
      ASSERT_EQ(sums[lane][i], expected) << "lane " << lane << ", element " << i;
    }
}

TEST(Fragments, EmulatedProductsOfBf16AreThoseOfPtx) { checkFloatProducts(bf16Fragments); }
TEST(Fragments, EmulatedProductsOfTf32AreThoseOfPtx) { checkFloatProducts(tf32Fragments); }

// ldmatrix.x4: threads 8i..8i+7 name the rows of matrix i; thread T receives, of each matrix, the elements
// 2 (T % 4) and 2 (T % 4) + 1 of 16 bits of row T / 4.
TEST(Fragments, EmulatedMatrixLoadsAreThoseOfPtx) {
  uint8_t shared[1024], rows[32];
  Registers loaded{};
  for (int i = 0; i < 1024; ++i)
    shared[i] = static_cast<uint8_t>(i * 7 + i / 256);
  for (int i = 0; i < 32; ++i)
    rows[i] = static_cast<uint8_t>(i * 13 % 64); // in 16 bytes
  auto body = [&](BlockOps &ops, mlir::ValueRange pointers) {
    CodeBuilder &code = ops.code;
    ops.eachThread([&](Value thread) {
      for (int64_t half : {0, 512}) {
        Value offset = code.add(code.mul(thread, 16), code.like(thread, half));
        ops.copy(offset, code.at(pointers[0], offset), 16);
      }
    });
    ops.loadMatrices(0, [&](Value thread) -> Value {
      Value row = code.load(code.i8(), code.at(pointers[1], thread));
      return code.mul(Value(mlir::arith::ExtUIOp::create(code.b, code.loc, code.i32(), row)), 16);
    });
    ops.eachThread([&](Value thread) {
      for (int64_t i = 0; i < 4; ++i)
        code.store(ops.get(i),
                   code.at(pointers[2], code.add(code.mul(thread, 16), code.like(thread, 4 * i))));
    });
  };
  Warp().run(body, {shared, rows, &loaded});
  for (int lane = 0; lane < 32; ++lane)
    for (int matrix = 0; matrix < 4; ++matrix)
      for (int byte = 0; byte < 4; ++byte)
        ASSERT_EQ(loaded.bytes[lane][matrix][byte],
                  shared[rows[8 * matrix + lane / 4] * 16 + 4 * (lane % 4) + byte])
            << "lane " << lane << ", matrix " << matrix;
}

TEST(Fragments, LinesOfAPanelAreAPermutation) {
  std::vector<bool> seen(32);
  for (int64_t column = 0; column < 32; ++column)
    seen[static_cast<size_t>(gpu::lineOf(column))] = true;
  EXPECT_EQ(std::count(seen.begin(), seen.end(), true), 32);
}

//--- PTX ---------------------------------------------------------------------//

GemmSpec conv3x3() {
  GemmSpec spec;
  spec.packing = target::Packing::Rows;
  spec.c = spec.n = 64;
  spec.outH = spec.outW = 14;
  spec.kernelH = spec.kernelW = 3;
  spec.x = {0, 0, 16 * 64, 64};
  spec.out = spec.residual = {0, 0, 14 * 64, 64};
  return spec;
}

GemmSpec dense() {
  GemmSpec spec;
  spec.packing = target::Packing::Rows;
  spec.c = 256;
  spec.n = 100;
  return spec;
}

std::string ptxOf(const char *variant, mlir::function_ref<mlir::DictionaryAttr(mlir::MLIRContext *)> spec) {
  KernelRunner runner(*variantNamed(variant));
  runner.add(spec(&runner.context()));
  return runner.assembly();
}
std::string ptxOf(const char *variant, const GemmSpec &spec) {
  return ptxOf(variant, [&](mlir::MLIRContext *context) { return spec.toAttr(context); });
}

size_t countOf(llvm::StringRef text, llvm::StringRef word) { return text.count(word); }

TEST(Ptx, ConvolutionsMultiplyInTensorCores) {
  for (const char *variant : {"sm_80", "sm_90", "sm_100"}) {
    std::string text = ptxOf(variant, conv3x3());
    // Two steps of depth, two by four tiles.
    EXPECT_EQ(countOf(text, "mma.sync.aligned.m16n8k32.row.col.s32.u8.s8.s32"), 16u) << variant;
    EXPECT_EQ(countOf(text, "ldmatrix.sync.aligned.m8n8.x4.shared.b16"), 8u) << variant;
    EXPECT_NE(countOf(text, "cp.async.cg.shared.global"), 0u) << variant;
    EXPECT_EQ(countOf(text, ".local"), 0u) << variant;
  }
  std::string before = ptxOf("sm_75", conv3x3());
  EXPECT_EQ(countOf(before, "mma.sync.aligned.m8n8k16.row.col"), 64u);
  EXPECT_EQ(countOf(before, "cp.async"), 0u);
}

TEST(Ptx, FloatsMultiplyInTensorCores) {
  GemmSpec spec = conv3x3();
  spec.isFloat = true;
  spec.epilogue.output = Output::F32;
  // Two steps of depth, two by four tiles; of f32 three times, of bytes and halves two.
  const char *tf32 = "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32";
  for (const char *variant : {"sm_80", "sm_90", "sm_100"}) {
    std::string text = ptxOf(variant, spec);
    EXPECT_EQ(countOf(text, tf32), 48u) << variant;
    EXPECT_EQ(countOf(text, "ldmatrix.sync.aligned.m8n8.x4.shared.b16"), 8u) << variant;
    EXPECT_EQ(countOf(text, ".local"), 0u) << variant;
  }
  GemmSpec half = spec;
  half.halfWeights = target::Half::F16;
  std::string widened = ptxOf("sm_80", half);
  EXPECT_EQ(countOf(widened, tf32), 32u);
  EXPECT_NE(countOf(widened, "cvt.f32.f16"), 0u);
  GemmSpec bf16 = spec;
  bf16.isBf16 = true;
  EXPECT_EQ(countOf(ptxOf("sm_80", bf16), "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32"), 16u);
  EXPECT_EQ(countOf(ptxOf("sm_75", spec), "mma.sync"), 0u);
}

// Weights of 4 GiB: an offset in 32 bits would be taken for a negative one.
TEST(Ptx, OffsetsInLargeTensorsHave64Bits) {
  GemmSpec spec = dense();
  spec.isFloat = true;
  spec.epilogue.output = Output::F32;
  spec.outW = 64;
  spec.c = spec.x.pixel = 4096;
  spec.n = spec.out.pixel = 1 << 18;
  EXPECT_EQ(countOf(ptxOf("sm_80", spec), "cvt.s64.s32"), 0u);
}

TEST(Ptx, GroupsOfNibblesAreStepsOfDepth) {
  GemmSpec spec = dense();
  spec.outW = 64;
  spec.out.pixel = spec.n;
  spec.x.pixel = spec.c;
  spec.nibbles = NibbleForm();
  spec.epilogue.output = Output::F32;
  spec.epilogue.rows = true;
  for (const char *variant : {"sm_80", "sm_90"}) {
    std::string text = ptxOf(variant, spec);
    EXPECT_EQ(countOf(text, "mma.sync.aligned.m16n8k32.row.col.s32.u8.s8.s32"), 16u) << variant;
    EXPECT_EQ(countOf(text, ".local"), 0u) << variant;
    EXPECT_EQ(countOf(text, "fma.rn.f32"), 0u) << variant;
  }
}

TEST(Ptx, ProductsOfOneRowTakeDotProductsOfFourBytes) {
  GemmSpec spec = dense();
  spec.c = 128;
  for (const char *variant : {"sm_75", "sm_80", "sm_90"})
    EXPECT_NE(countOf(ptxOf(variant, spec), "dp4a.u32.s32"), 0u) << variant;
}

TEST(Ptx, WarpsShareTheDepthWhereBlocksAreFew) {
  GemmSpec spec = dense();
  constexpr const char *product = "mma.sync.aligned.m16n8k32.row.col.s32.u8.s8.s32";
  EXPECT_EQ(countOf(ptxOf("sm_80", spec), product), 16u);
  std::string few = ptxOf("sm_80", spec);
  EXPECT_NE(few.find(std::to_string(3 * 4 * 2 * 32 * 64)), std::string::npos)
      << "stages of four tiles of x and weights";
  spec.outH = spec.outW = 100;
  spec.x = {0, 0, 100 * spec.c, spec.c};
  spec.out = spec.residual = {0, 0, 100 * spec.n, spec.n};
  EXPECT_NE(ptxOf("sm_80", spec).find(std::to_string(3 * 2 * 64 * 64)), std::string::npos);
}

// q7, q8a: ptxas may fuse what has no rounding of its own.
TEST(Ptx, EpiloguesNeverLeaveContractionToTheAssembler) {
  GemmSpec spec = conv3x3();
  spec.epilogue.steps = {Step::RoundClamp, Step::Mul, Step::Residual, Step::AddColumn,
                         Step::HardSwish,  Step::Mul, Step::Add,      Step::LeakyRelu};
  DepthwiseSpec depthwise;
  depthwise.packing = target::Packing::Rows;
  depthwise.channels = 64;
  depthwise.outH = depthwise.outW = 7;
  depthwise.out = depthwise.residual = {0, 0, 7 * 64, 64};
  depthwise.epilogue = spec.epilogue;
  GemmSpec row = dense();
  row.epilogue = spec.epilogue;
  for (const char *variant : {"sm_75", "sm_80"})
    for (const std::string &text :
         {ptxOf(variant, spec), ptxOf(variant, row),
          ptxOf(variant, [&](mlir::MLIRContext *context) { return depthwise.toAttr(context); })}) {
      EXPECT_NE(countOf(text, "mul.rn.f32"), 0u);
      for (const char *loose : {"mul.f32", "add.f32", "sub.f32", "fma.rn.f32", "mad.f32"})
        EXPECT_EQ(countOf(text, loose), 0u) << variant << " " << loose;
    }
}

} // namespace
