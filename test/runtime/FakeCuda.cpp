//===- FakeCuda.cpp - A CUDA driver without a device -------------------------===//
#include "FakeCuda.h"
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <vector>

FakeCuda fakeCuda;

namespace {
using Address = unsigned long long;
constexpr int failure = 999, notFound = 500;

int result(const char *function) {
  return ++fakeCuda.calls == fakeCuda.failAt || strcmp(fakeCuda.failing, function) == 0 ? failure : 0;
}

using Arguments = std::vector<int *>;
void add(const Arguments &arguments) {
  for (int i = 0; i < 4; ++i)
    arguments[2][i] = arguments[0][i] + arguments[1][i];
}
void negate(const Arguments &arguments) {
  for (int i = 0; i < 4; ++i)
    arguments[1][i] = -arguments[0][i];
}
struct Kernel {
  const char *name;
  size_t arguments;
  void (*run)(const Arguments &);
};
const Kernel kernels[] = {{"add", 3, add}, {"negate", 2, negate}};

struct Launch {
  const Kernel *kernel;
  Arguments arguments;
};
using Graph = std::vector<Launch>;
Graph *captured; // by the stream, while it captures
void *capturingStream;

void run(const Launch &launch) {
  ++fakeCuda.launches;
  launch.kernel->run(launch.arguments);
}
} // namespace

extern "C" {
int cuInit(unsigned) { return result("cuInit"); }
int cuDeviceGet(int *device, int) { return *device = 0, 0; }
int cuDeviceGetAttribute(int *value, int attribute, int) {
  *value = attribute == 75 ? fakeCuda.computeCapability / 10 : fakeCuda.computeCapability % 10;
  return 0;
}
int cuDevicePrimaryCtxRetain(void **context, int) { return *context = &fakeCuda, 0; }
int cuCtxPushCurrent_v2(void *context) { return fakeCuda.current += context == &fakeCuda, 0; }
int cuCtxPopCurrent_v2(void **context) { return *context = &fakeCuda, --fakeCuda.current, 0; }
int cuModuleLoadData(void **module, const void *text) {
  if (int failed = result("cuModuleLoadData"))
    return failed;
  if (!fakeCuda.takesCubins && memcmp(text,
                                      "\x7f"
                                      "ELF",
                                      4) == 0)
    return failure;
  fakeCuda.text = static_cast<const char *>(text);
  ++fakeCuda.modules;
  return *module = const_cast<void *>(text), 0;
}
int cuModuleUnload(void *) { return --fakeCuda.modules, 0; }
int cuModuleGetFunction(const Kernel **function, void *, const char *name) {
  if (int failed = result("cuModuleGetFunction"))
    return failed;
  for (const Kernel &kernel : kernels)
    if (strcmp(name, kernel.name) == 0)
      return *function = &kernel, 0;
  return notFound;
}
int cuMemAlloc_v2(Address *memory, size_t bytes) {
  if (int failed = result("cuMemAlloc_v2"))
    return failed;
  ++fakeCuda.allocations;
  void *made = malloc(bytes);
  memset(made, 0xa5, bytes);
  return *memory = reinterpret_cast<Address>(made), 0;
}
int cuMemFree_v2(Address memory) { return free(reinterpret_cast<void *>(memory)), --fakeCuda.allocations, 0; }
int cuStreamCreate(void **stream, unsigned) {
  if (int failed = result("cuStreamCreate"))
    return failed;
  return *stream = malloc(1), ++fakeCuda.streams, 0;
}
int cuStreamDestroy_v2(void *stream) { return free(stream), --fakeCuda.streams, 0; }
int cuMemcpyHtoDAsync_v2(Address to, const void *from, size_t bytes, void *) {
  memcpy(reinterpret_cast<void *>(to), from, bytes);
  return result("cuMemcpyHtoDAsync_v2");
}
int cuMemcpyAsync(Address to, Address from, size_t bytes, void *stream) {
  fakeCuda.lastStream = stream;
  memcpy(reinterpret_cast<void *>(to), reinterpret_cast<void *>(from), bytes);
  return result("cuMemcpyAsync");
}
int cuLaunchKernel(const Kernel *function, unsigned x, unsigned, unsigned, unsigned threads, unsigned,
                   unsigned, unsigned, void *stream, void **arguments, void **) {
  fakeCuda.lastStream = stream;
  int failed = result("cuLaunchKernel");
  if (failed || x != 3 || threads != 128)
    return failure;
  Launch launch{function, Arguments(function->arguments)};
  for (size_t i = 0; i < launch.arguments.size(); ++i)
    memcpy(&launch.arguments[i], arguments[i], sizeof(Address));
  if (captured && stream == capturingStream)
    captured->push_back(launch);
  else
    run(launch);
  return 0;
}
int cuStreamSynchronize(void *) { return result("cuStreamSynchronize"); }

int cuStreamBeginCapture_v2(void *stream, int) {
  if (int failed = result("cuStreamBeginCapture_v2"))
    return failed;
  captured = new Graph;
  capturingStream = stream;
  return 0;
}
int cuStreamEndCapture(void *, Graph **graph) {
  int failed = result("cuStreamEndCapture");
  if (failed)
    delete captured;
  else
    *graph = captured, ++fakeCuda.graphs;
  captured = nullptr;
  return failed;
}
int cuGraphInstantiateWithFlags(Graph **executable, Graph *graph, unsigned long long) {
  if (int failed = result("cuGraphInstantiateWithFlags"))
    return failed;
  static std::vector<Graph *> all; // which the models keep to the end of the process
  return *executable = all.emplace_back(new Graph(*graph)), ++fakeCuda.executables, 0;
}
int cuGraphDestroy(Graph *graph) { return delete graph, --fakeCuda.graphs, 0; }
int cuGraphLaunch(Graph *executable, void *stream) {
  if (int failed = result("cuGraphLaunch"))
    return failed;
  ++fakeCuda.graphLaunches;
  fakeCuda.lastStream = stream;
  for (const Launch &launch : *executable)
    run(launch);
  return 0;
}
}
