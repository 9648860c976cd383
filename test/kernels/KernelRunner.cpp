//===- KernelRunner.cpp - Compiles kernels and calls them -------------------===//
#include "test/kernels/KernelRunner.h"

#include "compiler/emit/Codegen.h"
#include "compiler/emit/LowerToLlvm.h"
#include "compiler/emit/Shards.h"
#include "compiler/kernels/Kernel.h"
#include "mlir/IR/Verifier.h"
#include "llvm/ExecutionEngine/Orc/LLJIT.h"
#include "llvm/Support/ErrorHandling.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/TargetParser/Host.h"
#include <map>
#include <sys/mman.h>
#include <unistd.h>

using namespace qcc;
using namespace qcc::test;

const target::Variant *qcc::test::variantNamed(llvm::StringRef name) {
  for (llvm::StringRef triple :
       {"x86_64-unknown-linux-gnu", "aarch64-unknown-linux-gnu", "nvptx64-nvidia-cuda"})
    if (const target::Variant *variant = target::findVariant(triple, name))
      return variant;
  return nullptr;
}

bool qcc::test::canRun(const target::Variant &variant) {
  if (Emulator::isNeededFor(variant))
    return Emulator::isThere();
  auto host = llvm::sys::getHostCPUFeatures();
  llvm::SmallVector<llvm::StringRef> features;
  llvm::StringRef(variant.features).split(features, ',', -1, /*KeepEmpty=*/false);
  return llvm::all_of(features, [&](llvm::StringRef feature) { return host.lookup(feature.drop_front()); });
}

KernelRunner::KernelRunner(const target::Variant &variant)
    : variant(variant),
      mlirContext(std::make_unique<mlir::MLIRContext>(mlir::MLIRContext::Threading::DISABLED)) {
  mlir::DialectRegistry registry;
  emit::registerCodeDialects(registry);
  mlirContext->appendDialectRegistry(registry);
  mlirContext->loadAllAvailableDialects();
}

KernelRunner::~KernelRunner() = default;

size_t KernelRunner::add(mlir::DictionaryAttr spec) {
  specs.push_back(spec);
  return specs.size() - 1;
}

std::string KernelRunner::lower(bool toAssembly) {
  auto loc = mlir::UnknownLoc::get(mlirContext.get());
  mlir::OwningOpRef<mlir::ModuleOp> module = mlir::ModuleOp::create(loc);
  for (size_t i = 0; i < specs.size(); ++i)
    if (failed(kernels::emitKernel(*module, loc, "kernel" + std::to_string(i), specs[i], variant)))
      llvm::report_fatal_error("a kernel was refused");
  if (failed(mlir::verify(*module)) || failed(emit::lowerToLlvm(*module)))
    llvm::report_fatal_error("a kernel does not lower");
  llvm::LLVMContext llvmContext;
  std::unique_ptr<llvm::Module> translated = emit::translateToLlvm(*module, llvmContext);
  if (!translated)
    llvm::report_fatal_error("a kernel does not translate");
  bool isDevice = variant.isGpu && !variant.isEmulated();
  if (isDevice)
    emit::finishDeviceCode(*translated);
  else
    emit::setVariant(*translated, variant);
  auto kind = toAssembly ? llvm::CodeGenFileType::AssemblyFile : llvm::CodeGenFileType::ObjectFile;
  auto bytes =
      llvm::cantFail(emit::compileModule(*translated, variant.triple, variant.isEmulated() ? 1 : 3, kind,
                                         isDevice ? variant.cpu : "", isDevice ? variant.features : ""));
  return std::string(bytes.begin(), bytes.end());
}

std::string KernelRunner::assembly() { return lower(/*toAssembly=*/true); }

void KernelRunner::compile() {
  std::string object = lower(/*toAssembly=*/false);
  if (Emulator::isNeededFor(variant)) {
    std::vector<std::string> names;
    for (size_t i = 0; i < specs.size(); ++i)
      names.push_back("kernel" + std::to_string(i));
    emulator = std::make_unique<Emulator>(variant, object, names);
    return;
  }
  llvm::InitializeNativeTarget();
  llvm::InitializeNativeTargetAsmPrinter();
  jit = llvm::cantFail(llvm::orc::LLJITBuilder().create());
  llvm::cantFail(jit->addObjectFile(llvm::MemoryBuffer::getMemBufferCopy(object)));
  for (size_t i = 0; i < specs.size(); ++i)
    functions.push_back(llvm::cantFail(jit->lookup("kernel" + std::to_string(i))).toPtr<void *>());
}

/// The sizes of all guarded buffers there are.
static std::map<void *, size_t> &guardedBuffers() {
  static std::map<void *, size_t> sizes;
  return sizes;
}

void KernelRunner::call(size_t kernel, llvm::ArrayRef<void *> p, int64_t begin, int64_t end) {
  if (emulator) {
    std::vector<Emulator::Memory> memory;
    for (void *pointer : p)
      memory.push_back({pointer, guardedBuffers().at(pointer)});
    if (!emulator->call(kernel, memory, begin, end))
      llvm::report_fatal_error("the emulated machine stopped");
    return;
  }
  void *f = functions[kernel];
  switch (p.size()) {
  case 4:
    return reinterpret_cast<void (*)(void *, void *, void *, void *, int64_t, int64_t)>(f)(p[0], p[1], p[2],
                                                                                           p[3], begin, end);
  case 5:
    return reinterpret_cast<void (*)(void *, void *, void *, void *, void *, int64_t, int64_t)>(f)(
        p[0], p[1], p[2], p[3], p[4], begin, end);
  case 6:
    return reinterpret_cast<void (*)(void *, void *, void *, void *, void *, void *, int64_t, int64_t)>(f)(
        p[0], p[1], p[2], p[3], p[4], p[5], begin, end);
  default:
    llvm::report_fatal_error("no call with so many pointers");
  }
}

GuardedBuffer::GuardedBuffer(size_t bytes) : bytes(bytes) {
  size_t page = sysconf(_SC_PAGESIZE);
  mapped = (bytes + page - 1) / page * page + page;
  void *memory = mmap(nullptr, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED || mprotect(static_cast<uint8_t *>(memory) + mapped - page, page, PROT_NONE) != 0)
    llvm::report_fatal_error("no memory");
  mapping = static_cast<uint8_t *>(memory);
  begin = mapping + mapped - page - bytes;
  guardedBuffers()[begin] = bytes;
}

GuardedBuffer::~GuardedBuffer() {
  guardedBuffers().erase(begin);
  munmap(mapping, mapped);
}
