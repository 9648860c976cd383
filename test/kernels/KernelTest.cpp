//===- KernelTest.cpp - Every tile, tail and epilogue against the reference -===//
#include "test/kernels/Layers.h"
#include <gtest/gtest.h>

using namespace qcc;
using namespace qcc::kernels;
using namespace qcc::test;

namespace {

class Kernels : public testing::TestWithParam<const char *> {
protected:
  void check(std::vector<Layer> layers) {
    const target::Variant *variant = variantNamed(GetParam());
    ASSERT_TRUE(variant);
    target::Variant runnable = *variant;
    if (!canRun(runnable) && runnable.name == "avxvnni") // the same code in the encoding of AVX-512
      runnable.features = variantNamed("avx512vnni")->features;
    if (!canRun(runnable))
      GTEST_SKIP() << "this machine has no " << GetParam();
    KernelRunner runner(runnable);
    for (Layer &layer : layers) {
      layer.spec.packing = variant->packing;
      runner.add(layer.specAttr(&runner.context()));
    }
    runner.compile();
    for (size_t i = 0; i < layers.size(); ++i)
      EXPECT_EQ(runAndCompare(runner, i, layers[i]), "");
  }
};

TEST_P(Kernels, GemmShapes) { check(shapes()); }
TEST_P(Kernels, GemmPlaces) { check(places()); }
TEST_P(Kernels, GemmEpilogues) { check(epilogues()); }
TEST_P(Kernels, GemmMeasuredImages) { check(measuredImages()); }
TEST_P(Kernels, MeasuredZeros) {
  if (std::string(GetParam()) == "emulated")
    GTEST_SKIP() << "GPUs have no such kernels";
  check(measuredZeros());
}
TEST_P(Kernels, GemmExtremes) { check(extremes()); }
TEST_P(Kernels, DepthwiseShapes) { check(depthwises()); }
TEST_P(Kernels, DepthwiseEpilogues) { check(depthwiseEpilogues()); }

/// Arm's levels have the same code for floats, and all but the last for bf16.
class FloatKernels : public Kernels {};
TEST_P(FloatKernels, Gemm) { check(floats()); }
TEST_P(FloatKernels, ByteWeights) { check(decoded()); }
TEST_P(FloatKernels, HalfWeights) { check(halves()); }
TEST_P(FloatKernels, Depthwise) { check(floatDepthwises()); }

class Bf16Kernels : public Kernels {};
TEST_P(Bf16Kernels, Gemm) { check(bf16s()); }

/// The kernels of GPUs, run on the CPU.
class GpuFloatKernels : public Kernels {};
TEST_P(GpuFloatKernels, Gemm) { check(floats()); }
TEST_P(GpuFloatKernels, ByteWeights) { check(decoded()); }
TEST_P(GpuFloatKernels, HalfWeights) { check(halves()); }
TEST_P(GpuFloatKernels, Depthwise) { check(floatDepthwises()); }

std::string testName(const testing::TestParamInfo<const char *> &info) {
  std::string name = info.param;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

INSTANTIATE_TEST_SUITE_P(X86, Kernels,
                         testing::Values("x86-64", "avx2", "avxvnni", "avx512vnni", "avx512bf16"), testName);
INSTANTIATE_TEST_SUITE_P(X86, FloatKernels,
                         testing::Values("x86-64", "avx2", "avxvnni", "avx512vnni", "avx512bf16"), testName);
INSTANTIATE_TEST_SUITE_P(X86, Bf16Kernels,
                         testing::Values("x86-64", "avx2", "avxvnni", "avx512vnni", "avx512bf16"), testName);
INSTANTIATE_TEST_SUITE_P(AArch64, FloatKernels, testing::Values("armv8-a"), testName);
INSTANTIATE_TEST_SUITE_P(AArch64, Bf16Kernels, testing::Values("armv8-a", "bf16"), testName);
INSTANTIATE_TEST_SUITE_P(AArch64, Kernels, testing::Values("armv8-a", "dotprod", "i8mm"), testName);

INSTANTIATE_TEST_SUITE_P(Nvptx, Kernels, testing::Values("emulated"), testName);
INSTANTIATE_TEST_SUITE_P(Nvptx, GpuFloatKernels, testing::Values("emulated"), testName);
INSTANTIATE_TEST_SUITE_P(Nvptx, Bf16Kernels, testing::Values("emulated"), testName);

TEST(Specs, RoundTrip) {
  mlir::MLIRContext context;
  Layer layer = epilogues()[30];
  auto attr = layer.spec.toAttr(&context);
  EXPECT_EQ(GemmSpec::fromAttr(attr).toAttr(&context), attr);
  auto images = measuredImages().back().spec.toAttr(&context);
  EXPECT_EQ(GemmSpec::fromAttr(images).toAttr(&context), images);
  auto bytes = decoded().front().spec.toAttr(&context);
  EXPECT_EQ(GemmSpec::fromAttr(bytes).toAttr(&context), bytes);
  auto half = halves().front().spec.toAttr(&context);
  EXPECT_EQ(GemmSpec::fromAttr(half).toAttr(&context), half);
  Layer depthwise = depthwiseEpilogues()[20];
  auto depthwiseAttr = depthwise.specAttr(&context);
  EXPECT_EQ(DepthwiseSpec::fromAttr(depthwiseAttr).toAttr(&context), depthwiseAttr);
}

} // namespace
