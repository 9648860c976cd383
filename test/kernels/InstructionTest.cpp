//===- InstructionTest.cpp - The hot loops use the instructions they should -===//
#include "compiler/kernels/gemm/GemmSpec.h"
#include "test/kernels/KernelRunner.h"
#include "llvm/ADT/StringExtras.h"
#include <gtest/gtest.h>

using namespace qcc;
using namespace qcc::kernels;
using namespace qcc::test;

namespace {

const target::Variant &variantOf(const char *name) { return *variantNamed(name); }

GemmSpec conv3x3() {
  GemmSpec spec;
  spec.c = spec.n = 64;
  spec.outH = spec.outW = 14;
  spec.kernelH = spec.kernelW = 3;
  spec.x = {0, 0, 16 * 64, 64};
  spec.out = spec.residual = {0, 0, 14 * 64, 64};
  return spec;
}

/// Branches end blocks.
bool isBranch(llvm::StringRef line) {
  return line.starts_with("j") || line.starts_with("b.") || line.starts_with("cb") || line.starts_with("tb");
}

/// The block of `function` that has `instruction` most often: with one step of the filter's depth
/// in it, the loop that counts.
std::vector<std::string> hotBlock(const std::string &assembly, llvm::StringRef function,
                                  llvm::StringRef instruction) {
  llvm::StringRef text(assembly);
  size_t start = text.find(("\n" + function + ":").str());
  if (start == llvm::StringRef::npos)
    return {};
  text = text.substr(start + 1);
  text = text.substr(0, text.find(".size"));
  std::vector<std::string> best, block;
  size_t most = 0;
  auto flush = [&] {
    size_t count = llvm::count_if(
        block, [&](const std::string &line) { return llvm::StringRef(line).contains(instruction); });
    if (count > most) {
      most = count;
      best = block;
    }
    block.clear();
  };
  llvm::SmallVector<llvm::StringRef> lines;
  text.split(lines, '\n');
  for (llvm::StringRef line : lines) {
    if (line.starts_with(".LBB") || isBranch(line.trim()))
      flush();
    else
      block.push_back(line.str());
  }
  flush();
  return best;
}

size_t countOf(const std::vector<std::string> &block, llvm::StringRef instruction,
               llvm::StringRef registers) {
  return llvm::count_if(block, [&](const std::string &line) {
    llvm::StringRef text(line);
    return text.contains(instruction) && text.contains(registers);
  });
}

/// Nothing is kept on the stack within the loop.
void expectNoSpill(const std::vector<std::string> &block) {
  for (llvm::StringRef stack : {"(%rsp)", "[sp"})
    EXPECT_EQ(countOf(block, stack, ""), 0u) << llvm::join(block, "\n");
}

struct HotLoop {
  const char *variant, *function, *instruction, *registers;
  size_t count;
};

TEST(HotLoops, IntegerTilesUseTheDotOfTheVariant) {
  HotLoop loops[] = {
      {"x86-64", "qcc_gemm_u8_4x8_outer_u8", "pmaddwd", "%xmm", 16},
      {"avx2", "qcc_gemm_u8_4x16_outer_wide_u8", "vpmaddwd", "%ymm", 16},
      {"avxvnni", "qcc_gemm_u8_4x16_outer_u8", "{vex}", "%ymm", 8},
      {"avx512vnni", "qcc_gemm_u8_7x32_outer_u8", "vpdpbusd", "%zmm", 14},
  };
  for (const HotLoop &loop : loops) {
    SCOPED_TRACE(loop.variant);
    KernelRunner runner(variantOf(loop.variant));
    runner.add(conv3x3().toAttr(&runner.context()));
    auto block = hotBlock(runner.assembly(), loop.function, loop.instruction);
    std::string text = llvm::join(block, "\n");
    // {vex} marks AVX-VNNI's encoding of vpdpbusd. Unrolled loops have more of them, and spill.
    EXPECT_EQ(countOf(block, loop.instruction, loop.registers), loop.count) << text;
    expectNoSpill(block);
  }
}

// Weights that are widened before are not widened in the loop; those that would need too much of the stack
// are.
TEST(HotLoops, TilesWithoutVnniWidenWeightsOnceUpToSomeDepth) {
  for (int64_t channels : {64, 256}) {
    KernelRunner runner(variantOf("avx2"));
    GemmSpec spec = conv3x3();
    spec.c = channels;
    spec.x = {0, 0, 16 * channels, channels};
    runner.add(spec.toAttr(&runner.context()));
    std::string tile = channels == 64 ? "qcc_gemm_u8_4x16_outer_wide_u8" : "qcc_gemm_u8_4x16_outer_u8";
    auto block = hotBlock(runner.assembly(), tile, "vpmaddwd");
    EXPECT_EQ(countOf(block, "vpmaddwd", "%ymm"), 16u) << llvm::join(block, "\n");
    EXPECT_EQ(countOf(block, "vpsraw", ""), channels == 64 ? 0u : 4u) << llvm::join(block, "\n");
    expectNoSpill(block);
  }
}

TEST(HotLoops, IntegerTilesOfArmUseTheirLevel) {
  // Sixteen bytes of depth; eight with plain NEON, 32 with sdot.
  HotLoop loops[] = {
      {"armv8-a", "qcc_gemm_u8_2x8_outer_u8", "smull", "v", 16},
      {"armv8-a", "qcc_gemm_u8_2x8_outer_u8", "sadalp", "v", 16},
      {"dotprod", "qcc_gemm_u8_3x16_outer_u8", "sdot", ".16b", 96},
      {"i8mm", "qcc_gemm_u8_4x16_outer_u8", "usmmla", "v", 32},
  };
  for (const HotLoop &loop : loops) {
    SCOPED_TRACE(loop.variant);
    KernelRunner runner(variantOf(loop.variant));
    GemmSpec spec = conv3x3();
    spec.packing = variantOf(loop.variant).packing;
    runner.add(spec.toAttr(&runner.context()));
    auto block = hotBlock(runner.assembly(), loop.function, loop.instruction);
    EXPECT_EQ(countOf(block, loop.instruction, loop.registers), loop.count) << llvm::join(block, "\n");
    expectNoSpill(block);
  }
}

TEST(HotLoops, FloatTilesUseFma) {
  HotLoop loops[] = {
      {"x86-64", "qcc_gemm_f32_4x8_outer_f32", "mulps", "%xmm", 8},
      {"avx2", "qcc_gemm_f32_5x16_outer_f32", "vfmadd", "%ymm", 10},
      {"avx512vnni", "qcc_gemm_f32_14x32_outer_f32", "vfmadd", "%zmm", 28},
      {"armv8-a", "qcc_gemm_f32_7x8_outer_f32", "fmla", "v", 14},
  };
  for (const HotLoop &loop : loops) {
    SCOPED_TRACE(loop.variant);
    KernelRunner runner(variantOf(loop.variant));
    GemmSpec spec = conv3x3();
    spec.isFloat = true;
    spec.epilogue.output = Output::F32;
    runner.add(spec.toAttr(&runner.context()));
    auto block = hotBlock(runner.assembly(), loop.function, loop.instruction);
    EXPECT_EQ(countOf(block, loop.instruction, loop.registers), loop.count) << llvm::join(block, "\n");
    expectNoSpill(block);
  }
}

TEST(HotLoops, Bf16TilesUseTheDotOfPairs) {
  HotLoop loops[] = {
      {"x86-64", "qcc_gemm_bf16_4x8_outer_bf16", "mulps", "%xmm", 16},
      {"avx2", "qcc_gemm_bf16_4x16_outer_bf16", "vfmadd", "%ymm", 16},
      {"avx512vnni", "qcc_gemm_bf16_7x32_outer_bf16", "vfmadd", "%zmm", 28},
      {"avx512bf16", "qcc_gemm_bf16_14x32_outer_bf16", "vdpbf16ps", "%zmm", 28},
      {"i8mm", "qcc_gemm_bf16_7x8_outer_bf16", "fmla", ".4s", 56},
      {"bf16", "qcc_gemm_bf16_4x16_outer_bf16", "bfmmla", "v", 32},
  };
  for (const HotLoop &loop : loops) {
    SCOPED_TRACE(loop.variant);
    KernelRunner runner(variantOf(loop.variant));
    GemmSpec spec = conv3x3();
    spec.isFloat = spec.isBf16 = true;
    spec.epilogue.output = Output::BF16;
    spec.packing = variantOf(loop.variant).packing;
    runner.add(spec.toAttr(&runner.context()));
    std::string assembly = runner.assembly();
    auto block = hotBlock(assembly, loop.function, loop.instruction);
    EXPECT_EQ(countOf(block, loop.instruction, loop.registers), loop.count) << llvm::join(block, "\n");
    expectNoSpill(block);
    // What is stored is rounded by one instruction for each vector.
    if (variantOf(loop.variant).hasBf16)
      EXPECT_TRUE(llvm::StringRef(assembly).contains("vcvtneps2bf16") ||
                  llvm::StringRef(assembly).contains("bfcvtn"));
  }
}

// Two rows are packed together: one permutation sorts them, and their halves are stored from there.
TEST(IntegerEpilogues, SortTwoRowsWithOnePermutation) {
  KernelRunner runner(variantOf("avx512vnni"));
  runner.add(conv3x3().toAttr(&runner.context()));
  std::string text = runner.assembly();
  llvm::StringRef tile =
      llvm::StringRef(text).split("\nqcc_gemm_u8_7x32_outer_u8:").second.split(".size").first;
  EXPECT_EQ(tile.count("vperm"), 4u) << tile.str();
  EXPECT_EQ(tile.count("vpunpck"), 0u) << tile.str();
}

TEST(HotLoops, HalfAPanelTakesOneLongVector) {
  KernelRunner runner(variantOf("avx512vnni"));
  GemmSpec spec = conv3x3();
  spec.n = 16;
  spec.out = {0, 0, 14 * 16, 16};
  runner.add(spec.toAttr(&runner.context()));
  auto block = hotBlock(runner.assembly(), "qcc_gemm_u8_14x16_outer_u8", "vpdpbusd");
  EXPECT_EQ(countOf(block, "vpdpbusd", "%zmm"), 14u) << llvm::join(block, "\n");
  EXPECT_EQ(countOf(block, "(%rsp)", ""), 0u) << llvm::join(block, "\n");
}

// q7, q8a: each multiplication and addition is rounded.
TEST(IntegerEpilogues, NeverFuseMultiplyAndAdd) {
  for (const char *name : {"avx2", "avx512vnni", "dotprod"}) {
    KernelRunner runner(variantOf(name));
    GemmSpec spec = conv3x3();
    spec.packing = variantOf(name).packing;
    spec.epilogue.steps = {Step::RoundClamp, Step::Mul, Step::Residual, Step::AddColumn,
                           Step::HardSwish,  Step::Mul, Step::Add,      Step::LeakyRelu};
    runner.add(spec.toAttr(&runner.context()));
    std::string text = runner.assembly();
    EXPECT_NE(text.find("mul"), std::string::npos);
    for (const char *fused : {"vfm", "vfnm", "fmla", "fmls", "fmadd"})
      EXPECT_EQ(text.find(fused), std::string::npos) << name;
  }
}

TEST(Depthwise, CarriesInterleavedColumns) {
  KernelRunner runner(variantOf("avx512vnni"));
  DepthwiseSpec spec;
  spec.channels = 64;
  spec.outH = spec.outW = 14;
  spec.kernelH = spec.kernelW = 3;
  spec.x = {0, 0, 16 * 64, 64};
  spec.out = {0, 0, 14 * 64, 64};
  runner.add(spec.toAttr(&runner.context()));
  auto block = hotBlock(runner.assembly(), "qcc_depthwise_u8_3x3_64_two_rows_u8", "vpdpbusd");
  // Two rows of four vectors, three columns; one new column of four rows is interleaved.
  EXPECT_EQ(countOf(block, "vpdpbusd", "%zmm"), 24u) << llvm::join(block, "\n");
  EXPECT_EQ(countOf(block, "vpunpck", "%zmm"), 8u) << llvm::join(block, "\n");
  EXPECT_EQ(countOf(block, "(%rsp)", ""), 0u) << llvm::join(block, "\n");
}

} // namespace
