//===- ModelTest.cpp - arguments, variants and devices --------------------===//
#include "FakeModel.h"
#include "gtest/gtest.h"
#include <fstream>
#include <pthread.h>
#include <sstream>
#include <string>

namespace {

/// An environment variable for the time of a test.
struct Setting {
  Setting(const char *name, const char *value) : name(name) { setenv(name, value, 1); }
  ~Setting() { unsetenv(name); }
  const char *name;
};

/// Objects compiled before must keep working: nothing moves, qcc_model only grows.
TEST(Model, LayoutIsFixed) {
  static_assert(sizeof(void *) == 8, "the offsets below are those of 64-bit targets");
  EXPECT_EQ(sizeof(qcc_tensor_info), 64u);
  EXPECT_EQ(offsetof(qcc_tensor_info, scale), 48u);
  EXPECT_EQ(sizeof(qcc_step_info), 32u);
  EXPECT_EQ(sizeof(qcc_variant), 24u);
  EXPECT_EQ(sizeof(qcc_frame), 40u);
  EXPECT_EQ(offsetof(qcc_frame, barrier), 24u);
  EXPECT_EQ(offsetof(qcc_model, run), 24u);
  EXPECT_EQ(offsetof(qcc_model, n_inputs), 40u);
  EXPECT_EQ(offsetof(qcc_model, workspace_bytes), 64u);
  EXPECT_EQ(offsetof(qcc_model, variants), 96u);
  EXPECT_EQ(offsetof(qcc_model, device_data), 112u);
  EXPECT_EQ(offsetof(qcc_runtime, run), 40u);
}

TEST(Model, RunsAlone) {
  fake::Run run;
  EXPECT_EQ(run(fake::model()), QCC_OK);
  EXPECT_EQ(run.out, fake::expected());
}

TEST(Model, RefusesMissingPointers) {
  qcc_model model = fake::model();
  fake::Run run;
  const void *in[] = {run.in.data()}, *noIn[] = {nullptr};
  void *out[] = {run.out.data()}, *noOut[] = {nullptr};
  void *work = run.work.data();
  size_t bytes = run.work.size();
  EXPECT_EQ(qcc_run(nullptr, in, out, work, bytes, nullptr), QCC_ERR_ARGUMENT);
  EXPECT_EQ(qcc_run(&model, nullptr, out, work, bytes, nullptr), QCC_ERR_ARGUMENT);
  EXPECT_EQ(qcc_run(&model, in, nullptr, work, bytes, nullptr), QCC_ERR_ARGUMENT);
  EXPECT_EQ(qcc_run(&model, noIn, out, work, bytes, nullptr), QCC_ERR_ARGUMENT);
  EXPECT_EQ(qcc_run(&model, in, noOut, work, bytes, nullptr), QCC_ERR_ARGUMENT);
  EXPECT_EQ(qcc_run(&model, in, out, nullptr, bytes, nullptr), QCC_ERR_ARGUMENT);
  EXPECT_EQ(qcc_run(&model, in, out, work, bytes, nullptr), QCC_OK);
}

TEST(Model, RefusesAnotherVersion) {
  fake::Run run;
  qcc_model model = fake::model();
  model.abi_version = QCC_ABI_VERSION_BOUNDED + 1;
  EXPECT_EQ(run(model), QCC_ERR_ARGUMENT);
  model = fake::model();
  model.struct_bytes = sizeof(qcc_model) - 1;
  EXPECT_EQ(run(model), QCC_ERR_ARGUMENT);
  model.struct_bytes = sizeof(qcc_model) + 8; // compiled by a later qcc
  EXPECT_EQ(run(model), QCC_OK);
}

TEST(Model, NeedsTheWholeWorkspace) {
  qcc_model model = fake::model();
  fake::Run run;
  run.work.resize(fake::workBytes - 1);
  EXPECT_EQ(run(model), QCC_ERR_WORKSPACE);
  run.work.clear();
  run.work.shrink_to_fit();
  EXPECT_EQ(run(model), QCC_ERR_ARGUMENT); // NULL comes first
  EXPECT_EQ(run(fake::bare(fake::everywhere, fake::infos, 0)), QCC_OK);
}

TEST(Model, AlignsTheWorkspace) {
  qcc_model model = fake::model();
  for (size_t shift = 0; shift < 64; ++shift) {
    fake::Run run;
    std::vector<unsigned char> work(fake::workBytes + shift), in(4 * fake::count + shift);
    std::vector<unsigned char> out(4 * fake::count + shift);
    memcpy(in.data() + shift, run.in.data(), 4 * fake::count);
    const void *ins[] = {in.data() + shift};
    void *outs[] = {out.data() + shift};
    ASSERT_EQ(qcc_run(&model, ins, outs, work.data() + shift, fake::workBytes, nullptr), QCC_OK);
    memcpy(run.out.data(), out.data() + shift, 4 * fake::count);
    ASSERT_EQ(run.out, fake::expected()) << shift;
  }
}

TEST(Model, FrameWorkIsAligned) {
  static const qcc_step_fn check[] = {[](const qcc_frame *frame, uint32_t, uint32_t) {
    EXPECT_EQ(reinterpret_cast<uintptr_t>(frame->work) % QCC_WORK_ALIGN, 0u);
  }};
  static const qcc_variant variant = {"x86-64", 0, check};
  qcc_model model = fake::model();
  model.variants = &variant;
  model.n_steps = 1;
  fake::Run run;
  run.work.resize(fake::workBytes + 64);
  const void *ins[] = {run.in.data()};
  void *outs[] = {run.out.data()};
  for (int shift = 0; shift < 64; ++shift)
    EXPECT_EQ(qcc_run(&model, ins, outs, run.work.data() + shift, fake::workBytes, nullptr), QCC_OK);
}

TEST(Model, RefusesOverlappingBuffers) {
  qcc_model model = fake::model();
  std::vector<unsigned char> arena(4 * fake::workBytes);
  unsigned char *in = arena.data(), *out = in + fake::bufferBytes, *work = out + fake::bufferBytes;
  auto status = [&](unsigned char *i, unsigned char *o, unsigned char *w) {
    const void *ins[] = {i};
    void *outs[] = {o};
    return qcc_run(&model, ins, outs, w, fake::workBytes, nullptr);
  };
  EXPECT_EQ(status(in, out, work), QCC_OK); // neighbours
  EXPECT_EQ(status(in, in, work), QCC_ERR_ARGUMENT);
  EXPECT_EQ(status(in, out - 1, work), QCC_ERR_ARGUMENT);
  EXPECT_EQ(status(in, out, work - 1), QCC_ERR_ARGUMENT);
  EXPECT_EQ(status(in, work + fake::workBytes - 1, work), QCC_ERR_ARGUMENT);
  EXPECT_EQ(status(in, work + fake::workBytes, work), QCC_OK);
  EXPECT_EQ(status(work + 8, out, work), QCC_ERR_ARGUMENT);
  EXPECT_EQ(status(in, out, reinterpret_cast<unsigned char *>(UINTPTR_MAX - 8)), QCC_ERR_ARGUMENT);
}

TEST(Model, TakesAnOutputInThePlaceOfAnInputOfItsTypeAndShape) {
  qcc_model model = fake::model();
  model.flags = QCC_MODEL_IN_PLACE;
  std::vector<unsigned char> arena(4 * fake::workBytes);
  unsigned char *in = arena.data(), *work = in + 2 * fake::bufferBytes;
  auto status = [&](unsigned char *o) {
    const void *ins[] = {in};
    void *outs[] = {o};
    return qcc_run(&model, ins, outs, work, fake::workBytes, nullptr);
  };
  EXPECT_EQ(status(in), QCC_OK);
  EXPECT_EQ(status(in + 4), QCC_ERR_ARGUMENT);
  qcc_tensor_info other = model.outputs[0];
  other.type = QCC_TYPE_I32;
  model.outputs = &other;
  EXPECT_EQ(status(in), QCC_ERR_ARGUMENT);
}

TEST(Model, InputsMayBeTheSameAndEmptyTensorsNull) {
  const qcc_tensor_info in[] = {
      fake::inputs[0], fake::inputs[0], {"e", "e", 1, 0, nullptr, nullptr, 0, 0, 0}};
  qcc_model model = fake::model();
  model.inputs = in;
  model.n_inputs = 3;
  fake::Run run;
  const void *ins[] = {run.in.data(), run.in.data(), nullptr};
  void *outs[] = {run.out.data()};
  EXPECT_EQ(qcc_run(&model, ins, outs, run.work.data(), run.work.size(), nullptr), QCC_OK);
}

TEST(Model, RunsOnASmallStack) {
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  ASSERT_EQ(pthread_attr_setstacksize(&attributes, 64 * 1024), 0);
  fake::Run run;
  pthread_t thread;
  auto body = [](void *argument) -> void * {
    (*static_cast<fake::Run *>(argument))(fake::model());
    return nullptr;
  };
  ASSERT_EQ(pthread_create(&thread, &attributes, body, &run), 0);
  pthread_join(thread, nullptr);
  pthread_attr_destroy(&attributes);
  EXPECT_EQ(run.out, fake::expected());
}

//===-- Variants ----------------------------------------------------------===//

int ranVariant;
template <int Number> void recordVariant(const qcc_frame *, uint32_t, uint32_t) { ranVariant = Number; }
const qcc_step_fn variantSteps[][1] = {{recordVariant<0>}, {recordVariant<1>}, {recordVariant<2>}};
const uint64_t missing = uint64_t(1) << 62; // no processor has it
const qcc_variant variants[] = {
    {"avx512vnni", missing, variantSteps[0]}, {"avx2", 0, variantSteps[1]}, {"x86-64", 0, variantSteps[2]}};

class Variants : public testing::Test {
protected:
  qcc_model model = fake::bare(variants, fake::infos, 1);
  void SetUp() override {
    model.n_variants = 3;
    ranVariant = -1;
  }
  qcc_status run() { return qcc_run(&model, nullptr, nullptr, nullptr, 0, nullptr); }
};

TEST_F(Variants, TakesTheFirstThatTheProcessorHas) {
  EXPECT_EQ(run(), QCC_OK);
  EXPECT_EQ(ranVariant, 1);
}

TEST_F(Variants, QccIsaForcesOne) {
  Setting isa("QCC_ISA", "x86-64");
  EXPECT_EQ(run(), QCC_OK);
  EXPECT_EQ(ranVariant, 2);
}

TEST_F(Variants, QccIsaMustBeKnownAndThere) {
  for (const char *word : {"avx512vnni", "avxvnni", "AVX2", "native", "avx2 ", "avx"}) {
    Setting isa("QCC_ISA", word);
    EXPECT_EQ(run(), QCC_ERR_ISA) << word;
  }
  EXPECT_EQ(ranVariant, -1);
  Setting empty("QCC_ISA", "");
  EXPECT_EQ(run(), QCC_OK);
}

TEST_F(Variants, NoneForThisProcessor) {
  model.n_variants = 1;
  EXPECT_EQ(run(), QCC_ERR_ISA);
  const qcc_variant *variant;
  EXPECT_EQ(qcc_select_variant(&model, &variant), QCC_ERR_ISA);
  EXPECT_EQ(qcc_select_variant(&model, nullptr), QCC_ERR_ARGUMENT);
}

TEST_F(Variants, TheSameWordMayHaveSeveral) {
  const qcc_variant twice[] = {{"avx2", missing, variantSteps[0]}, {"avx2", 0, variantSteps[1]}};
  model.variants = twice;
  model.n_variants = 2;
  Setting isa("QCC_ISA", "avx2");
  EXPECT_EQ(run(), QCC_OK);
  EXPECT_EQ(ranVariant, 1);
}

TEST_F(Variants, SlowProductsOfBf16AreTakenWhereNothingElseIsThere) {
  if (!(qcc_cpu_features() & QCC_CPU_AVX512BF16))
    GTEST_SKIP() << "this CPU has no AVX-512 BF16";
  bool isSlow = qcc_cpu_features() & QCC_CPU_SLOW_BF16;
  const qcc_variant both[] = {{"avx512bf16", QCC_CPU_AVX512BF16, variantSteps[0]},
                              {"avx2", 0, variantSteps[1]}};
  model.variants = both;
  model.n_variants = 2;
  EXPECT_EQ(run(), QCC_OK);
  EXPECT_EQ(ranVariant, isSlow ? 1 : 0);
  Setting isa("QCC_ISA", "avx512bf16");
  EXPECT_EQ(run(), QCC_OK);
  EXPECT_EQ(ranVariant, 0);
  Setting any("QCC_ISA", "");
  model.n_variants = 1;
  EXPECT_EQ(run(), QCC_OK);
  EXPECT_EQ(ranVariant, 0);
}

TEST_F(Variants, QccDevice) {
  for (const char *word : {"cuda", "gpu"}) {
    Setting device("QCC_DEVICE", word);
    EXPECT_EQ(run(), QCC_ERR_NO_DEVICE) << word;
  }
  Setting device("QCC_DEVICE", "cpu");
  EXPECT_EQ(run(), QCC_OK);
}

TEST_F(Variants, AModelForADeviceFallsBackOnlyWhereItCan) {
  model.device = QCC_DEVICE_CUDA;
  EXPECT_EQ(run(), QCC_OK); // compiled with --fallback=cpu
  {
    Setting device("QCC_DEVICE", "cuda");
    EXPECT_EQ(run(), QCC_ERR_NO_DEVICE);
  }
  model.n_variants = 0;
  EXPECT_EQ(run(), QCC_ERR_NO_DEVICE);
  Setting device("QCC_DEVICE", "cpu");
  EXPECT_EQ(run(), QCC_ERR_NO_DEVICE);
}

//===-- The processor -----------------------------------------------------===//

TEST(Cpu, AgreesWithTheKernel) {
  std::ifstream file("/proc/cpuinfo");
  std::string line, flags;
  while (std::getline(file, line) && flags.empty())
    if (!line.compare(0, 5, "flags") || !line.compare(0, 8, "Features"))
      flags = line.substr(line.find(':') + 1) + " ";
  if (flags.empty())
    GTEST_SKIP() << "/proc/cpuinfo lists no flags";
  const struct {
    const char *flag;
    uint64_t feature;
  } rows[] = {
#if defined(__x86_64__)
      {"avx2", QCC_CPU_AVX2},
      {"fma", QCC_CPU_FMA},
      {"f16c", QCC_CPU_F16C},
      {"bmi2", QCC_CPU_BMI2},
      {"avx_vnni", QCC_CPU_AVXVNNI},
      {"avx512f", QCC_CPU_AVX512F},
      {"avx512bw", QCC_CPU_AVX512BW},
      {"avx512dq", QCC_CPU_AVX512DQ},
      {"avx512vl", QCC_CPU_AVX512VL},
      {"avx512cd", QCC_CPU_AVX512CD},
      {"avx512vbmi", QCC_CPU_AVX512VBMI},
      {"avx512_vnni", QCC_CPU_AVX512VNNI},
      {"avx512_bf16", QCC_CPU_AVX512BF16},
#elif defined(__aarch64__)
      {"asimddp", QCC_CPU_DOTPROD},
      {"i8mm", QCC_CPU_I8MM},
      {"bf16", QCC_CPU_BF16},
      {"asimdhp", QCC_CPU_FP16},
#endif
  };
  for (const auto &row : rows) {
    bool listed = flags.find(std::string(" ") + row.flag + " ") != std::string::npos;
    EXPECT_EQ((qcc_cpu_features() & row.feature) != 0, listed) << row.flag;
  }
}

TEST(Status, EveryOneHasItsText) {
  std::string seen;
  for (int status = QCC_OK; status <= QCC_ERR_BUSY + 1; ++status) {
    std::string text = qcc_status_string(static_cast<qcc_status>(status));
    EXPECT_FALSE(text.empty());
    EXPECT_EQ(seen.find("\n" + text + "\n"), std::string::npos) << text;
    seen += "\n" + text + "\n";
  }
}

} // namespace
