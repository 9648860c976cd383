//===- Emulator.h - Kernels on a machine that is not this one ---*- C++ -*-===//
//
// Links an object with a small server (Inputs/emulated.c) by the target's cross
// compiler and calls its functions under qemu, over pipes.
//
//===----------------------------------------------------------------------===//
#ifndef QCC_TEST_KERNELS_EMULATOR_H
#define QCC_TEST_KERNELS_EMULATOR_H

#include "compiler/target/Target.h"
#include "llvm/ADT/ArrayRef.h"
#include <memory>
#include <string>
#include <vector>

namespace qcc::test {

class Emulator {
public:
  /// Whether a variant is for another machine than this.
  static bool isNeededFor(const target::Variant &variant);
  /// Whether the programs are there that run it.
  static bool isThere();

  /// Functions have the signature of kernels; errors are fatal.
  Emulator(const target::Variant &variant, llvm::StringRef object, llvm::ArrayRef<std::string> functions);
  ~Emulator();

  struct Memory {
    void *data;
    size_t bytes;
    size_t offset = 0; ///< of the pointer
  };
  /// Pointers of equal memory are one buffer. False where the machine stopped, as it does where a kernel
  /// reads or writes beyond its buffers.
  bool call(size_t function, llvm::ArrayRef<Memory> pointers, int64_t begin, int64_t end);

private:
  std::string scratch; ///< folder
  int toMachine = -1, fromMachine = -1, process = -1;

  void start(const std::vector<std::string> &command);
  bool send(const void *data, size_t bytes);
  bool receive(void *data, size_t bytes);
  void explain(); ///< why the machine does not answer
};

} // namespace qcc::test

#endif // QCC_TEST_KERNELS_EMULATOR_H
