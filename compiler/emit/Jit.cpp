//===- Jit.cpp - A compiled model in this process -------------------------===//

#include "compiler/emit/Jit.h"

#include "llvm/ExecutionEngine/Orc/LLJIT.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/TargetSelect.h"

using namespace llvm;
using namespace qcc::emit;

struct LoadedModel::State {
  std::unique_ptr<orc::LLJIT> jit;
};

LoadedModel::LoadedModel() : state(std::make_unique<State>()) {}
LoadedModel::~LoadedModel() = default;

Expected<std::unique_ptr<LoadedModel>> LoadedModel::load(ArrayRef<char> object, StringRef prefix) {
  InitializeNativeTarget();
  InitializeNativeTargetAsmPrinter();
  std::unique_ptr<LoadedModel> loaded(new LoadedModel);
  auto jit = orc::LLJITBuilder().create();
  if (!jit)
    return jit.takeError();
  loaded->state->jit = std::move(*jit);
  orc::LLJIT &engine = *loaded->state->jit;
  orc::JITDylib &library = engine.getMainJITDylib();
  // The runtime is linked into this program; libc comes from the process.
  orc::SymbolMap runtime;
  runtime[engine.mangleAndIntern("qcc_rt_run")] = {orc::ExecutorAddr::fromPtr(&qcc_rt_run),
                                                   JITSymbolFlags::Exported};
  runtime[engine.mangleAndIntern("qcc_rt_runtime")] = {orc::ExecutorAddr::fromPtr(&qcc_rt_runtime),
                                                       JITSymbolFlags::Exported};
  if (Error error = library.define(orc::absoluteSymbols(std::move(runtime))))
    return error;
  auto process =
      orc::DynamicLibrarySearchGenerator::GetForCurrentProcess(engine.getDataLayout().getGlobalPrefix());
  if (!process)
    return process.takeError();
  library.addGenerator(std::move(*process));
  if (Error error =
          engine.addObjectFile(MemoryBuffer::getMemBufferCopy(StringRef(object.data(), object.size()))))
    return error;
  auto symbol = engine.lookup((prefix + "_model").str());
  if (!symbol)
    return symbol.takeError();
  loaded->descriptor = symbol->toPtr<const qcc_model *>();
  return loaded;
}
