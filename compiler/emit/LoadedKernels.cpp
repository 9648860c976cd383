//===- LoadedKernels.cpp - Kernels in this process ------------------------===//

#include "compiler/emit/LoadedKernels.h"

#include "compiler/emit/Shards.h"
#include "compiler/emit/Steps.h"
#include "llvm/ExecutionEngine/Orc/LLJIT.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/TargetSelect.h"

using namespace qcc;
using namespace qcc::emit;
namespace orc = llvm::orc;

struct LoadedKernels::State {
  std::unique_ptr<orc::LLJIT> jit;
};

LoadedKernels::LoadedKernels() : state(std::make_unique<State>()) {}
LoadedKernels::~LoadedKernels() = default;

static llvm::Expected<std::unique_ptr<orc::LLJIT>> load(llvm::ArrayRef<Object> objects) {
  llvm::InitializeNativeTarget();
  llvm::InitializeNativeTargetAsmPrinter();
  auto jit = orc::LLJITBuilder().create();
  if (!jit)
    return jit.takeError();
  // libc comes from the process.
  auto process =
      orc::DynamicLibrarySearchGenerator::GetForCurrentProcess((*jit)->getDataLayout().getGlobalPrefix());
  if (!process)
    return process.takeError();
  (*jit)->getMainJITDylib().addGenerator(std::move(*process));
  for (const Object &object : objects) {
    auto bytes = llvm::MemoryBuffer::getMemBufferCopy(llvm::StringRef(object.data(), object.size()));
    if (llvm::Error error = (*jit)->addObjectFile(std::move(bytes)))
      return error;
  }
  return jit;
}

std::unique_ptr<LoadedKernels> LoadedKernels::compile(mlir::ModuleOp module, llvm::ArrayRef<KernelOp> kernels,
                                                      const target::Variant &variant, int level,
                                                      unsigned threads) {
  auto fail = [&](llvm::Error error) {
    module.emitError(llvm::toString(std::move(error)));
    return nullptr;
  };
  auto code = emitCalls(module, kernels, variant);
  if (failed(code))
    return nullptr;
  std::vector<Shard> shards;
  splitCode(**code, variant, shards);
  auto objects = compileShards(shards, level, threads);
  if (!objects)
    return fail(objects.takeError());
  auto jit = load(*objects);
  if (!jit)
    return fail(jit.takeError());
  std::unique_ptr<LoadedKernels> result(new LoadedKernels);
  for (size_t i = 0; i < kernels.size(); ++i) {
    auto symbol = (*jit)->lookup(callName(i) + "." + variant.name);
    if (!symbol)
      return fail(symbol.takeError());
    result->loaded.push_back(symbol->toPtr<Function>());
  }
  result->state->jit = std::move(*jit);
  return result;
}
