//===- Code.cpp - A program as one LLVM module ----------------------------===//

#include "compiler/emit/Code.h"

#include "compiler/emit/Codegen.h"
#include "compiler/emit/Descriptor.h"
#include "compiler/emit/LowerToLlvm.h"
#include "compiler/emit/Steps.h"
#include "llvm/Linker/Linker.h"

using namespace mlir;
using namespace qcc;
using namespace qcc::emit;

namespace {
/// Symbols of different variants must differ until they are internal.
void addSuffix(llvm::Module &module, llvm::StringRef suffix) {
  for (llvm::Function &function : module)
    if (!function.isDeclaration())
      function.setName(function.getName() + "." + suffix);
  for (llvm::GlobalVariable &global : module.globals())
    if (!global.isDeclaration())
      global.setName(global.getName() + "." + suffix);
}

void makeInternal(llvm::Module &module) {
  for (llvm::GlobalObject &object : module.global_objects())
    if (!object.isDeclaration())
      object.setLinkage(llvm::GlobalValue::InternalLinkage);
}

FailureOr<std::unique_ptr<llvm::Module>> buildVariant(const Program &program, const target::Variant &variant,
                                                      llvm::LLVMContext &context) {
  auto steps = emitSteps(program, variant);
  if (failed(steps) || failed(lowerToLlvm(**steps)))
    return failure();
  std::unique_ptr<llvm::Module> module = translateToLlvm(**steps, context);
  if (!module)
    return failure();
  setVariant(*module, variant);
  addSuffix(*module, variant.name);
  return module;
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
  makeInternal(*whole);
  DescriptorOptions descriptor;
  descriptor.prefix = options.prefix;
  descriptor.manifest = options.manifest;
  descriptor.withRuntime = options.withRuntime;
  descriptor.variants.assign(options.variants.rbegin(), options.variants.rend());
  addDescriptor(*whole, program, descriptor);
  return whole;
}
