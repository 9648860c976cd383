//===- Parallel.cpp - Independent work on several threads -----------------===//

#include "compiler/support/Parallel.h"

#include <algorithm>
#include <atomic>
#include <thread>
#include <vector>

unsigned qcc::availableThreads() { return std::max(1u, std::thread::hardware_concurrency()); }

void qcc::parallelFor(size_t count, unsigned threads, const std::function<void(size_t)> &work) {
  std::atomic<size_t> next = 0;
  auto takeAll = [&] {
    for (size_t i = next++; i < count; i = next++)
      work(i);
  };
  std::vector<std::thread> others;
  for (size_t i = 1, wanted = std::min<size_t>(threads, count); i < wanted; ++i)
    others.emplace_back(takeAll);
  takeAll();
  for (std::thread &other : others)
    other.join();
}
