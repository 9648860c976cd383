//===- CudaTest.cpp - Models on a device that is none ------------------------===//
#include "runtime/cuda.h"
#include "FakeCuda.h"
#include "gtest/gtest.h"
#include <cstdlib>
#include <dlfcn.h>
#include <memory>
#include <vector>

namespace {

const int64_t shape[] = {4};
const qcc_tensor_info ports[] = {{"x", "x", QCC_TYPE_I32, 1, shape, nullptr, 16, 0, 0}};
const int32_t constants[] = {0, 0, 0, 0, 10, 20, 30, 40};
const qcc_cuda_image images[] = {{75, 0, "sm_75", "// text for 75", nullptr},
                                 {80, 0, "sm_80", "// text for 80", nullptr}};
const char cubin[] = "\x7f"
                     "ELF for 80";
const qcc_cuda_image assembled[] = {{80, 0, "sm_80", "// text for 80", cubin}};
// -(x + constants) through the workspace.
const qcc_cuda_pointer sum[] = {
    {QCC_CUDA_INPUT, 0, 0}, {QCC_CUDA_CONSTANT, 0, 16}, {QCC_CUDA_WORKSPACE, 0, 128}};
const qcc_cuda_pointer negation[] = {{QCC_CUDA_WORKSPACE, 0, 128}, {QCC_CUDA_OUTPUT, 0, 0}};
const qcc_cuda_step steps[] = {{"add", sum, 3, 3, 128, 0}, {"negate", negation, 2, 3, 128, 0}};

/// A model that no other test has loaded.
struct Model {
  Model() {
    model.abi_version = QCC_ABI_VERSION;
    model.struct_bytes = sizeof model;
    model.n_inputs = model.n_outputs = 1;
    model.inputs = model.outputs = ports;
    model.workspace_bytes = 64;
    model.device = QCC_DEVICE_CUDA;
    model.device_data = &program;
  }
  qcc_status run(int32_t first = 1) {
    const int32_t x[] = {first, 2, 3, 4};
    const void *in[] = {x};
    void *out[] = {result};
    unsigned char work[128];
    return qcc_run(&model, in, out, work, sizeof work, nullptr);
  }

  qcc_status runIn(void *stream, int32_t first = 1) {
    x[0] = first;
    const void *in[] = {x};
    void *out[] = {result};
    return qcc_run_async(&model, in, out, stream);
  }

  qcc_cuda_program program{qcc_rt_cuda_run,      2, 2, images, steps, constants, sizeof constants, 256,
                           qcc_rt_cuda_run_async};
  int32_t x[4] = {1, 2, 3, 4};
  qcc_model model{};
  int32_t result[4] = {};
};

/// The driver by its name, which the runtime then finds.
FakeCuda &driver() {
  static auto *found = [] {
    void *library = dlopen(QCC_FAKE_CUDA, RTLD_NOW | RTLD_GLOBAL);
    EXPECT_TRUE(library) << dlerror();
    return static_cast<FakeCuda *>(dlsym(library, "fakeCuda"));
  }();
  found->failing = "";
  found->failAt = found->calls = found->launches = found->graphLaunches = 0;
  found->computeCapability = 80;
  found->takesCubins = true;
  return *found;
}

struct Cuda : testing::Test {
  void TearDown() override {
    EXPECT_EQ(cuda.current, 0) << "a context was left behind";
    unsetenv("QCC_ISA");
  }
  FakeCuda &cuda = driver();
  /// Models stay loaded as long as the process.
  static Model &another() {
    static std::vector<std::unique_ptr<Model>> all;
    return *all.emplace_back(std::make_unique<Model>());
  }
  Model &model = another();
};

TEST_F(Cuda, RunsTheStepsInOrder) {
  ASSERT_EQ(model.run(), QCC_OK);
  EXPECT_EQ(model.result[0], -11);
  EXPECT_EQ(model.result[3], -44);
  EXPECT_EQ(cuda.launches, 2);
  EXPECT_STREQ(cuda.text, "// text for 80");
}

TEST_F(Cuda, LoadsAModelOnce) {
  ASSERT_EQ(model.run(), QCC_OK);
  int modules = cuda.modules, allocations = cuda.allocations, streams = cuda.streams;
  ASSERT_EQ(model.run(5), QCC_OK);
  EXPECT_EQ(model.result[0], -15);
  EXPECT_EQ(cuda.modules, modules);
  EXPECT_EQ(cuda.allocations, allocations);
  EXPECT_EQ(cuda.streams, streams);
  EXPECT_TRUE(cuda.lastStream) << "the stream of others";
}

TEST_F(Cuda, QccIsaChoosesTheImage) {
  setenv("QCC_ISA", "sm_75", 1);
  ASSERT_EQ(model.run(), QCC_OK);
  EXPECT_STREQ(cuda.text, "// text for 75");
  setenv("QCC_ISA", "sm_90", 1);
  EXPECT_EQ(another().run(), QCC_ERR_ISA);
}

TEST_F(Cuda, AnErrorLeavesNothingBehind) {
  int modules = cuda.modules, allocations = cuda.allocations, streams = cuda.streams;
  for (const char *function : {"cuModuleLoadData", "cuMemAlloc_v2", "cuMemcpyHtoDAsync_v2"}) {
    cuda.failing = function;
    EXPECT_EQ(model.run(), QCC_ERR_DEVICE) << function;
    EXPECT_EQ(cuda.modules, modules) << function;
    EXPECT_EQ(cuda.allocations, allocations) << function;
    EXPECT_EQ(cuda.streams, streams) << function;
  }
  cuda.failing = "cuLaunchKernel";
  EXPECT_EQ(model.run(), QCC_ERR_DEVICE);
  cuda.failing = "";
  EXPECT_EQ(model.run(), QCC_OK);
}

TEST_F(Cuda, TheLaunchesBecomeAGraphAtTheFirstRun) {
  int executables = cuda.executables;
  ASSERT_EQ(model.run(), QCC_OK);
  ASSERT_EQ(model.run(5), QCC_OK);
  EXPECT_EQ(model.result[0], -15);
  EXPECT_EQ(cuda.graphLaunches, 2);
  EXPECT_EQ(cuda.executables, executables + 1);
  EXPECT_EQ(cuda.graphs, 0);
}

TEST_F(Cuda, WithoutAGraphLaunchesAreMadeOneByOne) {
  for (const char *function :
       {"cuStreamBeginCapture_v2", "cuStreamEndCapture", "cuGraphInstantiateWithFlags"}) {
    Model &fresh = another();
    cuda.failing = function;
    ASSERT_EQ(fresh.run(), QCC_OK) << function;
    EXPECT_EQ(fresh.result[0], -11) << function;
    EXPECT_EQ(cuda.graphLaunches, 0) << function;
    EXPECT_EQ(cuda.graphs, 0) << function;
  }
}

/// Whichever call fails: a status, no leak, and the next run is right.
TEST_F(Cuda, EveryCallMayFail) {
  for (int failAt = 1, isThere = 1; isThere; ++failAt) {
    Model &fresh = another();
    int modules = cuda.modules, allocations = cuda.allocations, streams = cuda.streams;
    cuda.calls = 0;
    cuda.failAt = failAt;
    qcc_status status = fresh.run();
    isThere = cuda.calls >= failAt;
    EXPECT_TRUE(status == QCC_OK || status == QCC_ERR_DEVICE) << "call " << failAt;
    if (status == QCC_OK) // a graph may fail
      EXPECT_EQ(fresh.result[0], -11) << "call " << failAt;
    cuda.failAt = 0;
    ASSERT_EQ(fresh.run(7), QCC_OK) << "call " << failAt;
    EXPECT_EQ(fresh.result[0], -17) << "call " << failAt;
    EXPECT_EQ(cuda.modules, modules + 1) << "call " << failAt;
    EXPECT_EQ(cuda.allocations, allocations + 2) << "call " << failAt;
    EXPECT_EQ(cuda.streams, streams + 1) << "call " << failAt;
    EXPECT_EQ(cuda.graphs, 0) << "call " << failAt;
    EXPECT_EQ(cuda.current, 0) << "call " << failAt;
  }
}

TEST_F(Cuda, CubinsAreForGpusOfTheSameTen) {
  model.program.images = assembled;
  model.program.n_images = 1;
  ASSERT_EQ(model.run(), QCC_OK);
  EXPECT_EQ(cuda.text, cubin);
  EXPECT_EQ(model.result[0], -11);
}

TEST_F(Cuda, PtxServesWhereTheDriverRefusesACubin) {
  cuda.takesCubins = false;
  model.program.images = assembled;
  model.program.n_images = 1;
  ASSERT_EQ(model.run(), QCC_OK);
  EXPECT_STREQ(cuda.text, "// text for 80");
}

TEST_F(Cuda, RunsInStreamsOfTheCaller) {
  int allocations = cuda.allocations, one = 0, other = 0;
  ASSERT_EQ(model.runIn(&one), QCC_OK);
  EXPECT_EQ(model.result[0], -11);
  EXPECT_EQ(cuda.lastStream, &one);
  ASSERT_EQ(model.runIn(&one, 5), QCC_OK);
  EXPECT_EQ(model.result[0], -15);
  EXPECT_EQ(cuda.allocations, allocations + 2) << "constants and the stream's memory";
  ASSERT_EQ(model.runIn(&other, 6), QCC_OK);
  EXPECT_EQ(model.result[0], -16);
  EXPECT_EQ(cuda.lastStream, &other);
  EXPECT_EQ(cuda.allocations, allocations + 3);
  ASSERT_EQ(model.runIn(nullptr, 7), QCC_OK);
  EXPECT_EQ(model.result[0], -17);
}

TEST_F(Cuda, RunsInStreamsReportWhatFails) {
  cuda.failing = "cuMemcpyAsync";
  int stream = 0;
  EXPECT_EQ(model.runIn(&stream), QCC_ERR_DEVICE);
  EXPECT_EQ(qcc_run_async(&model.model, nullptr, nullptr, &stream), QCC_ERR_ARGUMENT);
  setenv("QCC_DEVICE", "cpu", 1);
  EXPECT_EQ(model.runIn(&stream), QCC_ERR_NO_DEVICE);
  unsetenv("QCC_DEVICE");
  model.model.device = QCC_DEVICE_CPU;
  EXPECT_EQ(model.runIn(&stream), QCC_ERR_NO_DEVICE);
}

TEST_F(Cuda, KernelsThatAreMissingAreAnError) {
  const qcc_cuda_step unknown[] = {{"other", sum, 3, 3, 128, 0}};
  model.program.steps = unknown;
  model.program.n_steps = 1;
  EXPECT_EQ(model.run(), QCC_ERR_DEVICE);
}

// x [1..2][2] becomes -x, of the same shape, which a kernel adds zeros to: two int64 are four int32.
const int64_t bounded[] = {2, 2}, bounds[] = {1, 2, 0, -1, -1, -1, 0, 0, 1, 1};
const qcc_tensor_info boundedPorts[] = {{"x", "x", QCC_TYPE_I32, 2, bounded, bounds, 16, 0, 0}};
const qcc_cuda_pointer ofShape[] = {
    {QCC_CUDA_INPUT_SHAPE, 0, 0}, {QCC_CUDA_CONSTANT, 0, 0}, {QCC_CUDA_OUTPUT_SHAPE, 0, 0}};
const qcc_cuda_pointer ofTensor[] = {{QCC_CUDA_INPUT, 0, 0}, {QCC_CUDA_OUTPUT, 0, 0}};
const qcc_cuda_step boundedSteps[] = {{"add", ofShape, 3, 3, 128, 0}, {"negate", ofTensor, 2, 3, 128, 0}};

TEST_F(Cuda, ShapesOfARunGoThereAndBack) {
  model.model.abi_version = QCC_ABI_VERSION_BOUNDED;
  model.model.inputs = model.model.outputs = boundedPorts;
  model.program.steps = boundedSteps;
  std::vector<int32_t> x = {3, 4}; // no more than its shape says
  int64_t shape[] = {1, 2}, found[2];
  const void *in[] = {x.data(), shape};
  void *out[] = {model.result, found};
  unsigned char work[128];
  auto run = [&](bool isQueued) {
    found[0] = found[1] = 0;
    int stream = 0;
    return isQueued ? qcc_run_async(&model.model, in, out, &stream)
                    : qcc_run(&model.model, in, out, work, sizeof work, nullptr);
  };
  for (bool isQueued : {false, true}) {
    ASSERT_EQ(run(isQueued), QCC_OK);
    EXPECT_EQ(found[0], 1);
    EXPECT_EQ(found[1], 2);
    EXPECT_EQ(model.result[1], -4);
    shape[0] = 3;
    EXPECT_EQ(run(isQueued), QCC_ERR_SHAPE);
    shape[0] = 1;
    in[1] = nullptr;
    EXPECT_EQ(run(isQueued), QCC_ERR_ARGUMENT);
    in[1] = shape;
  }
  x = {3, 4, 5, 6};
  in[0] = x.data();
  shape[0] = 2;
  ASSERT_EQ(run(false), QCC_OK);
  EXPECT_EQ(found[0], 2);
  EXPECT_EQ(model.result[3], -6);
}

} // namespace
