//===- FakeCuda.h - A CUDA driver without a device --------------*- C++ -*-===//
//
// A library of the driver's name. Its device is memory of this process, and its
// kernels are two: "add" (x, y, sum) and "negate" (x, result) on four int32.
//
//===----------------------------------------------------------------------===//
#ifndef QCC_TEST_RUNTIME_FAKECUDA_H
#define QCC_TEST_RUNTIME_FAKECUDA_H

struct FakeCuda {
  // What the test sets.
  int computeCapability = 80;
  const char *failing = ""; ///< the function that reports an error
  int failAt = 0;           ///< the number of the call that does, from 1
  bool takesCubins = true;
  // What it reads.
  int modules = 0, allocations = 0, streams = 0, graphs = 0, executables = 0; ///< that there are
  int calls = 0, launches = 0, graphLaunches = 0;                             ///< so far; launches of kernels
  int current = 0;            ///< contexts pushed and not popped
  const char *text = nullptr; ///< of the last module
  void *lastStream = nullptr;
};

extern "C" FakeCuda fakeCuda;

#endif // QCC_TEST_RUNTIME_FAKECUDA_H
