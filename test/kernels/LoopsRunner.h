//===- LoopsRunner.h - Kernels and tensors in the test ------*- C++ -*-===//
#ifndef QCC_TEST_KERNELS_LOOPSRUNNER_H
#define QCC_TEST_KERNELS_LOOPSRUNNER_H

#include "compiler/kernels/Kernel.h"
#include "compiler/target/Target.h"
#include "dialects/reference/Tensor.h"
#include "test/kernels/Emulator.h"
#include "llvm/ExecutionEngine/Orc/LLJIT.h"
#include <memory>
#include <string>
#include <vector>

namespace qcc::test {

class Buffer;

/// Many kernels compiled in one go for one variant.
class KernelLibrary {
public:
  explicit KernelLibrary(const target::Variant &variant) : variant(variant) {}
  /// False where the kernel does not exist or the emitter fails.
  bool add(mlir::MLIRContext &context, llvm::StringRef name, mlir::DictionaryAttr spec);
  /// Compiles everything that was added; an empty string or an error.
  std::string compile();
  /// Calls a kernel on units [begin, end). False where there is none, or where the machine stops.
  bool call(llvm::StringRef name, llvm::ArrayRef<Buffer *> buffers, int64_t begin, int64_t end);

private:
  const target::Variant &variant;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  std::vector<std::string> names;
  std::unique_ptr<llvm::orc::LLJIT> jit;
  std::unique_ptr<Emulator> emulator;
};

/// Bytes for one view with guards on both sides, which a kernel must not touch.
class Buffer {
public:
  Buffer(const kernels::View &view, uint8_t fill);
  void write(const reference::Tensor &tensor);
  reference::Tensor read(reference::DType type) const;
  void *pointer() { return bytes.data() + guard; }
  Emulator::Memory memory() { return {bytes.data(), bytes.size(), guard}; }
  /// Whether every byte outside the view's elements is still as it was.
  bool restIsUntouched() const;

private:
  template <typename Visit> void forEach(Visit visit) const;

  static constexpr size_t guard = 256;
  kernels::View view;
  int64_t elementBytes;
  uint8_t fill;
  std::vector<uint8_t> bytes;
};

/// A view of `shape` with gaps between rows and an offset, or a dense one.
kernels::View makeView(mlir::Type element, llvm::ArrayRef<int64_t> shape, bool padded);

} // namespace qcc::test

#endif // QCC_TEST_KERNELS_LOOPSRUNNER_H
