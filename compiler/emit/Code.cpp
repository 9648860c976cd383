//===- Code.cpp - A program as one object -------------------------------------===//

#include "compiler/emit/Code.h"

#include "compiler/emit/Codegen.h"
#include "compiler/emit/Descriptor.h"
#include "compiler/emit/Link.h"
#include "compiler/emit/LowerToLlvm.h"
#include "compiler/emit/Steps.h"
#include "llvm/Linker/Linker.h"

using namespace mlir;
using namespace qcc;
using namespace qcc::emit;

namespace {
FailureOr<std::unique_ptr<llvm::Module>> buildVariant(const Program &program, const target::Variant &variant,
                                                      llvm::LLVMContext &context) {
  auto steps = emitSteps(program, variant);
  if (failed(steps) || failed(lowerToLlvm(**steps)))
    return failure();
  std::unique_ptr<llvm::Module> module = translateToLlvm(**steps, context);
  if (!module)
    return failure();
  finishCode(*module, variant);
  return module;
}

DescriptorOptions descriptorOf(const CodeOptions &options) {
  DescriptorOptions descriptor;
  descriptor.prefix = options.prefix;
  descriptor.manifest = options.manifest;
  descriptor.withRuntime = options.withRuntime;
  descriptor.variants.assign(options.variants.rbegin(), options.variants.rend());
  descriptor.device = options.device;
  return descriptor;
}

llvm::Expected<Object> compileDescriptor(const Program &program, const CodeOptions &options,
                                         llvm::StringRef triple) {
  llvm::LLVMContext context;
  llvm::Module module(options.prefix, context);
  addDescriptor(module, program, descriptorOf(options));
  return compileModule(module, triple, /*level=*/1, llvm::CodeGenFileType::ObjectFile);
}
} // namespace

FailureOr<std::unique_ptr<llvm::Module>> emit::buildModule(const Program &program, const CodeOptions &options,
                                                           llvm::LLVMContext &context) {
  auto whole = std::make_unique<llvm::Module>(options.prefix, context);
  for (const target::Variant *variant : options.variants) {
    auto one = buildVariant(program, *variant, context);
    if (failed(one))
      return failure();
    if (llvm::Linker::linkModules(*whole, std::move(*one)))
      return ModuleOp(program.module).emitError("cannot link the code of variant '") << variant->name << "'";
  }
  addDescriptor(*whole, program, descriptorOf(options));
  return whole;
}

FailureOr<Object> emit::compileProgram(const Program &program, const CodeOptions &options, int level,
                                       unsigned threads) {
  ModuleOp module = program.module;
  std::vector<Shard> shards;
  for (const target::Variant *variant : options.variants) {
    auto code = emitSteps(program, *variant);
    if (failed(code))
      return failure();
    splitCode(**code, *variant, shards);
  }
  auto objects = compileShards(shards, level, threads);
  if (!objects)
    return module.emitError(llvm::toString(objects.takeError()));
  auto descriptor = compileDescriptor(
      program, options, options.triple.empty() ? options.variants.front()->triple : options.triple);
  if (!descriptor)
    return module.emitError(llvm::toString(descriptor.takeError()));
  objects->push_back(std::move(*descriptor));
  auto merged = mergeObjects(std::move(*objects));
  if (!merged)
    return module.emitError(llvm::toString(merged.takeError()));
  return std::move(*merged);
}
