//===- FakeCuda.cpp - A CUDA driver without a device -------------------------===//
#include "FakeCuda.h"
#include <cstdint>
#include <cstdlib>
#include <cstring>

FakeCuda fakeCuda;

namespace {
using Address = unsigned long long;
constexpr int failure = 999, notFound = 500;

int result(const char *function) { return strcmp(fakeCuda.failing, function) == 0 ? failure : 0; }

int *at(void *argument) {
  Address address;
  memcpy(&address, argument, sizeof address);
  return reinterpret_cast<int *>(address);
}
void add(void **arguments) {
  for (int i = 0; i < 4; ++i)
    at(arguments[2])[i] = at(arguments[0])[i] + at(arguments[1])[i];
}
void negate(void **arguments) {
  for (int i = 0; i < 4; ++i)
    at(arguments[1])[i] = -at(arguments[0])[i];
}
using Kernel = void (*)(void **);
const Kernel kernels[] = {add, negate};
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
  fakeCuda.text = static_cast<const char *>(text);
  ++fakeCuda.modules;
  return *module = const_cast<void *>(text), 0;
}
int cuModuleUnload(void *) { return --fakeCuda.modules, 0; }
int cuModuleGetFunction(const Kernel **function, void *, const char *name) {
  const char *names[] = {"add", "negate"};
  for (int i = 0; i < 2; ++i)
    if (strcmp(name, names[i]) == 0)
      return *function = &kernels[i], 0;
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
int cuStreamCreate(void **stream, unsigned) { return *stream = malloc(1), ++fakeCuda.streams, 0; }
int cuStreamDestroy_v2(void *stream) { return free(stream), --fakeCuda.streams, 0; }
int cuMemcpyHtoDAsync_v2(Address to, const void *from, size_t bytes, void *) {
  memcpy(reinterpret_cast<void *>(to), from, bytes);
  return result("cuMemcpyHtoDAsync_v2");
}
int cuMemcpyDtoHAsync_v2(void *to, Address from, size_t bytes, void *) {
  memcpy(to, reinterpret_cast<void *>(from), bytes);
  return 0;
}
int cuLaunchKernel(const Kernel *function, unsigned x, unsigned, unsigned, unsigned threads, unsigned,
                   unsigned, unsigned, void *stream, void **arguments, void **) {
  ++fakeCuda.launches;
  fakeCuda.lastStream = stream;
  if (x != 3 || threads != 128)
    return failure;
  (*function)(arguments);
  return result("cuLaunchKernel");
}
int cuStreamSynchronize(void *) { return 0; }
}
