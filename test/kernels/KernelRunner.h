//===- KernelRunner.h - Compiles kernels and calls them ---------*- C++ -*-===//
#ifndef QCC_TEST_KERNELS_KERNELRUNNER_H
#define QCC_TEST_KERNELS_KERNELRUNNER_H

#include "compiler/target/Target.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/MLIRContext.h"
#include "test/kernels/Emulator.h"
#include "llvm/ADT/ArrayRef.h"
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace llvm::orc {
class LLJIT;
}

namespace qcc::test {

/// The variant of this --march word, of any target.
const target::Variant *variantNamed(llvm::StringRef name);
/// Whether this machine can run the variant, by an emulator where it must.
bool canRun(const target::Variant &variant);

/// Kernels of one variant, compiled together as an object has them.
class KernelRunner {
public:
  explicit KernelRunner(const target::Variant &variant);
  ~KernelRunner();

  mlir::MLIRContext &context() { return *mlirContext; }
  /// Returns the kernel's index.
  size_t add(mlir::DictionaryAttr spec);
  void compile();
  /// Assembly of everything that was added; instead of compile().
  std::string assembly();
  /// Calls a kernel for [begin, end); on an emulated machine the pointers must be those of GuardedBuffers.
  void call(size_t kernel, llvm::ArrayRef<void *> pointers, int64_t begin, int64_t end);

private:
  const target::Variant &variant;
  std::unique_ptr<mlir::MLIRContext> mlirContext;
  std::vector<mlir::DictionaryAttr> specs;
  std::unique_ptr<llvm::orc::LLJIT> jit;
  std::vector<void *> functions;
  std::unique_ptr<Emulator> emulator;

  std::string lower(bool toAssembly);
};

/// Memory that ends where a page ends that may not be touched, so that reading or writing too far crashes.
class GuardedBuffer {
public:
  explicit GuardedBuffer(size_t bytes);
  ~GuardedBuffer();
  GuardedBuffer(const GuardedBuffer &) = delete;
  uint8_t *data() { return begin; }
  size_t size() const { return bytes; }

private:
  uint8_t *mapping, *begin;
  size_t mapped, bytes;
};

} // namespace qcc::test

#endif // QCC_TEST_KERNELS_KERNELRUNNER_H
