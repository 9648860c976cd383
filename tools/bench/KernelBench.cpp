//===- KernelBench.cpp - Rates of the kernels, alone ------------------------===//
//
// usage: qcc-kernel-bench [VARIANT [PART-OF-NAME [asm]]]     (pin it: taskset -c 0 qcc-kernel-bench)
//
// Prints multiply-adds (depthwise: outputs) a second of layers from known networks,
// hot, best of many runs, beside the machine's peak of vpdpbusd measured in between.
//
//===----------------------------------------------------------------------===//
#include "compiler/kernels/gemm/Pack.h"
#include "test/kernels/KernelRunner.h"
#include <cstdio>
#include <cstring>
#include <ctime>

using namespace qcc;
using namespace qcc::kernels;

namespace {

struct Row {
  std::string name;
  GemmSpec gemm;
  bool depthwise = false;
  EpilogueValues values;
  size_t kernel = 0;
};

/// Of this thread's processor time: others may want the core, too.
double now() {
  timespec time;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return double(time.tv_sec) + 1e-9 * double(time.tv_nsec);
}

__attribute__((target("avx512f,avx512vnni"))) double peak() {
  const int64_t rounds = 100000;
  int64_t left = rounds;
  double start = now();
  // Twelve sums: more than the latency needs.
  asm volatile("vpxorq %%zmm31, %%zmm31, %%zmm31\n1:\n"
               ".irp r,0,1,2,3,4,5,6,7,8,9,10,11\nvpdpbusd %%zmm31, %%zmm31, %%zmm\\r\n.endr\n"
               "dec %0\njnz 1b\nvzeroupper" // full registers would slow down what has no AVX
               : "+r"(left)
               :
               : "cc", "zmm0", "zmm1", "zmm2", "zmm3", "zmm4", "zmm5", "zmm6", "zmm7", "zmm8", "zmm9",
                 "zmm10", "zmm11", "zmm31");
  return 12.0 * 64 * rounds / (now() - start) / 1e9;
}

/// The layer's tensors, dense but for the border of x, and its run.
class Bench {
public:
  Bench(test::KernelRunner &runner, const Row &row);
  double best(); ///< seconds

private:
  test::KernelRunner &runner;
  const Row &row;
  std::vector<std::unique_ptr<test::GuardedBuffer>> buffers;
  std::vector<void *> pointers;
  int64_t units;

  void add(size_t bytes, const void *data);
};

void Bench::add(size_t bytes, const void *data) {
  buffers.push_back(std::make_unique<test::GuardedBuffer>((bytes + 127) / 64 * 64));
  if (data)
    std::memcpy(buffers.back()->data(), data, bytes);
  else // bytes below 64, which are also pairs of bf16 and floats of about 0.008: nothing subnormal
    for (size_t i = 0; i < bytes; ++i)
      buffers.back()->data()[i] = i % 2 ? 0x3c : uint8_t(i * 31 % 251) & 63;
  pointers.push_back(buffers.back()->data());
}

DepthwiseSpec depthwiseOf(const GemmSpec &s) {
  DepthwiseSpec d;
  d.isFloat = s.isFloat;
  d.packing = s.packing;
  d.outH = s.outH;
  d.outW = s.outW;
  d.channels = s.groups;
  d.kernelH = s.kernelH;
  d.kernelW = s.kernelW;
  d.strideH = s.strideH;
  d.strideW = s.strideW;
  d.x = s.x;
  d.out = s.out;
  d.residual = s.residual;
  d.epilogue = s.epilogue;
  return d;
}

Bench::Bench(test::KernelRunner &runner, const Row &row) : runner(runner), row(row) {
  const GemmSpec &s = row.gemm;
  Output output = s.epilogue.output;
  size_t inBytes = s.inBytes(), outBytes = output == Output::U8 ? 1 : output == Output::BF16 ? 2 : 4;
  int64_t inH = (s.outH - 1) * s.strideH + s.kernelH, outputs = s.outH * s.outW * s.outChannels();
  add(inH * s.x.row * inBytes, nullptr);
  std::vector<int8_t> weights(s.outChannels() * s.kernelH * s.kernelW * s.c);
  for (size_t i = 0; i < weights.size(); ++i)
    weights[i] = int8_t(i * 17 % 255 - 127);
  std::vector<float> floats(weights.begin(), weights.end()), column(s.outChannels(), 1e-3f);
  std::vector<int32_t> bias(s.outChannels(), 100);
  auto addBlobs = [&](const auto &spec) {
    Bytes w = s.isFloat ? packWeights(spec, llvm::ArrayRef<float>(floats))
                        : packWeights(spec, llvm::ArrayRef<int8_t>(weights));
    Bytes p = s.isFloat ? packParams(spec, llvm::ArrayRef<float>(column), row.values)
                        : packParams(spec, bias, weights, 0, column, row.values);
    add(w.size(), w.data());
    add(p.size(), p.data());
  };
  if (row.depthwise)
    addBlobs(depthwiseOf(s));
  else
    addBlobs(s);
  if (s.epilogue.hasResidual())
    add(outputs * outBytes, nullptr);
  if (s.epilogue.table)
    add(256, nullptr);
  add(outputs * outBytes, nullptr);
  units = row.depthwise ? depthwiseUnits(depthwiseOf(s)) : gemmUnits(s);
}

double Bench::best() {
  double best = 1e9, stop = now() + 0.15;
  for (int i = 0; i < 5 || now() < stop; ++i) {
    double start = now();
    runner.call(row.kernel, pointers, 0, units);
    best = std::min(best, now() - start);
  }
  return best;
}

Row conv(std::string name, int64_t c, int64_t n, int64_t size, int64_t kernel = 1, int64_t stride = 1,
         bool residual = false, bool table = false) {
  Row row;
  GemmSpec &s = row.gemm;
  s.c = c;
  s.n = n;
  s.outH = s.outW = size;
  s.kernelH = s.kernelW = kernel;
  s.strideH = s.strideW = stride;
  if (residual) {
    s.epilogue.steps = {Step::RoundClamp, Step::Mul, Step::Residual};
    row.values.scalars = {-100, 155, 0.5f, 100, 0.5f};
  }
  s.epilogue.table = table;
  row.values.zeroPoint = 100;
  row.name = std::to_string(size) + "x" + std::to_string(size) + " " + std::to_string(c) + "->" +
             std::to_string(n) + " k" + std::to_string(kernel) + " s" + std::to_string(stride) +
             (residual ? " +residual" : "") + (table ? " +table" : "") + " " + name;
  return row;
}

void layOut(GemmSpec &s) {
  int64_t inW = (s.outW - 1) * s.strideW + s.kernelW, inH = (s.outH - 1) * s.strideH + s.kernelH;
  int64_t c = s.groups * s.c, n = s.outChannels();
  s.x = {0, inH * inW * c, inW * c, c};
  s.out = s.residual = {0, s.outH * s.outW * n, s.outW * n, n};
}

std::vector<Row> integerGemms() {
  std::vector<Row> all = {conv("tile K=16", 16, 64, 28),
                          conv("tile K=64", 64, 64, 28),
                          conv("tile K=256", 256, 64, 28),
                          conv("tile K=16", 16, 64, 28, 1, 1, true),
                          conv("tile K=64", 64, 64, 28, 1, 1, true),
                          conv("tile K=64", 64, 64, 28, 1, 1, false, true),
                          conv("R50 206", 64, 64, 56),
                          conv("R50 201", 64, 256, 56),
                          conv("R50 168", 64, 256, 56, 1, 1, true),
                          conv("R50 227", 256, 64, 56),
                          conv("R50 218", 128, 512, 28),
                          conv("R50 196", 128, 512, 28, 1, 1, true),
                          conv("R50 228", 512, 128, 28),
                          conv("R50 221", 256, 1024, 14),
                          conv("R50 203", 256, 1024, 14, 1, 1, true),
                          conv("R50 228", 1024, 256, 14),
                          conv("R50 221", 512, 2048, 7),
                          conv("R50 227", 2048, 512, 7),
                          conv("MBV2 170", 32, 16, 112),
                          conv("MBV2 139", 16, 96, 112),
                          conv("V3", 16, 16, 112),
                          conv("EffNet", 16, 96, 112, 1, 1, false, true),
                          conv("MBV2", 144, 24, 56),
                          conv("MBV2 160", 96, 24, 56),
                          conv("MBV2 163", 24, 144, 56),
                          conv("MBV2 216", 144, 32, 28),
                          conv("MBV2 201", 64, 384, 14),
                          conv("MBV2 229", 384, 96, 14),
                          conv("MBV2 214", 160, 960, 7),
                          conv("MBV2 223", 320, 1280, 7),
                          conv("R50 230", 64, 64, 56, 3),
                          conv("R50 233", 128, 128, 28, 3),
                          conv("R50 232", 256, 256, 14, 3),
                          conv("R50 200", 512, 512, 7, 3),
                          conv("R50 230", 128, 128, 28, 3, 2),
                          conv("R50 231", 256, 256, 14, 3, 2),
                          conv("R50 192", 3, 64, 112, 7, 2),
                          conv("MBV2 138", 3, 32, 112, 3, 2),
                          conv("fc", 2048, 1000, 1)};
  return all;
}

void addFloatAndDepthwise(std::vector<Row> &all) {
  auto addFloat = [&](int64_t c, int64_t n, int64_t size, int64_t kernel) {
    Row row = conv("f32", c, n, size, kernel);
    row.gemm.isFloat = true;
    row.gemm.epilogue.output = Output::F32;
    all.push_back(row);
  };
  addFloat(64, 64, 56, 1);
  addFloat(256, 64, 28, 1);
  addFloat(64, 64, 28, 3);
  addFloat(128, 128, 14, 3);
  addFloat(24, 144, 56, 1);
  for (auto [c, n, size, kernel] : {std::tuple(256, 64, 28, 1), std::tuple(64, 64, 28, 3)}) {
    Row row = conv("bf16", c, n, size, kernel);
    row.gemm.isFloat = row.gemm.isBf16 = true;
    row.gemm.epilogue.output = Output::BF16;
    all.push_back(row);
  }
  auto addDepthwise = [&](const char *name, int64_t channels, int64_t size, int64_t kernel, int64_t stride,
                          bool isFloat = false) {
    Row row = conv(name, 1, 1, size, kernel, stride);
    row.gemm.groups = channels;
    row.depthwise = true;
    row.gemm.isFloat = isFloat;
    if (isFloat)
      row.gemm.epilogue.output = Output::F32;
    row.name = "dw " + std::to_string(channels) + " " + row.name;
    all.push_back(row);
  };
  addDepthwise("9.8", 128, 56, 3, 1);
  addDepthwise("9.7", 192, 28, 3, 1);
  addDepthwise("9.0", 384, 14, 3, 1);
  addDepthwise("", 32, 112, 3, 1);
  addDepthwise("", 16, 112, 3, 1);
  addDepthwise("", 144, 56, 3, 1);
  addDepthwise("", 672, 14, 5, 1);
  addDepthwise("(44-67 GMAC)", 96, 56, 3, 2);
  addDepthwise("(2.2-3.1)", 240, 28, 5, 1);
  addDepthwise("(2.2-2.6)", 240, 14, 5, 2);
  addDepthwise("f32", 128, 28, 3, 1, true);
}

} // namespace

int main(int argc, char **argv) {
  const target::Variant *variant = test::variantNamed(argc > 1 ? argv[1] : "avx512vnni");
  bool onlyShows = argc > 3; // what the code looks like
  if (!variant || (!onlyShows && !test::canRun(*variant))) {
    std::fprintf(stderr, "qcc-kernel-bench: error: this machine has no such variant\n");
    return 1;
  }
  const char *filter = argc > 2 ? argv[2] : "";
  bool hasVnni = __builtin_cpu_supports("avx512vnni");
  test::KernelRunner runner(*variant);
  std::vector<Row> known = integerGemms(), all;
  addFloatAndDepthwise(known);
  for (Row &row : known) {
    layOut(row.gemm);
    row.gemm.packing = variant->packing;
    if (row.name.find(filter) != std::string::npos)
      all.push_back(row);
  }
  for (Row &row : all)
    row.kernel = runner.add(row.depthwise ? depthwiseOf(row.gemm).toAttr(&runner.context())
                                          : row.gemm.toAttr(&runner.context()));
  if (onlyShows) {
    std::fputs(runner.assembly().c_str(), stdout);
    return 0;
  }
  double start = now();
  runner.compile();
  std::printf("%zu kernels compiled in %.0f ms\n", all.size(), (now() - start) * 1e3);
  for (const Row &row : all) {
    const GemmSpec &s = row.gemm;
    double top = 0;
    for (int i = 0; i < 3 && hasVnni; ++i)
      top = std::max(top, peak());
    double seconds = Bench(runner, row).best();
    double outputs = double(s.outH) * s.outW * s.outChannels();
    double macs = outputs * s.c * s.kernelH * s.kernelW;
    std::printf("%-44s %8.1f us %7.1f GMAC/s %6.2f Gout/s   peak %.0f, share %.2f\n", row.name.c_str(),
                seconds * 1e6, macs / seconds / 1e9, outputs / seconds / 1e9, top,
                hasVnni ? macs / seconds / 1e9 / top : 0);
  }
}
