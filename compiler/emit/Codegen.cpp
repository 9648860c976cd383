//===- Codegen.cpp - From LLVM IR to an object ----------------------------===//

#include "compiler/emit/Codegen.h"

#include "llvm/Analysis/CGSCCPassManager.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Support/raw_ostream.h"
#include "llvm/Target/TargetMachine.h"
#include "llvm/TargetParser/Triple.h"

using namespace llvm;
using namespace qcc;

namespace {
Expected<std::unique_ptr<TargetMachine>> createMachine(StringRef tripleName, int level, StringRef cpu,
                                                       StringRef features) {
  static const bool initialised = [] {
    InitializeAllTargetInfos();
    InitializeAllTargets();
    InitializeAllTargetMCs();
    InitializeAllAsmPrinters();
    InitializeAllAsmParsers();
    return true;
  }();
  (void)initialised;
  Triple triple{tripleName};
  std::string error;
  const llvm::Target *target = TargetRegistry::lookupTarget(triple, error);
  if (!target)
    return createStringError("this LLVM has no code generator for " + tripleName + ": " + error);
  TargetOptions options;
  options.FunctionSections = options.DataSections = false;
  auto optLevel = level == 0   ? CodeGenOptLevel::None
                  : level == 1 ? CodeGenOptLevel::Less
                               : CodeGenOptLevel::Aggressive;
  std::unique_ptr<TargetMachine> machine(
      target->createTargetMachine(triple, cpu, features, options, Reloc::PIC_, std::nullopt, optLevel));
  if (!machine)
    return createStringError("cannot create a code generator for " + tripleName);
  return machine;
}

void optimise(Module &module, TargetMachine &machine, int level) {
  LoopAnalysisManager loops;
  FunctionAnalysisManager functions;
  CGSCCAnalysisManager components;
  ModuleAnalysisManager modules;
  PassBuilder builder(&machine);
  builder.registerModuleAnalyses(modules);
  builder.registerCGSCCAnalyses(components);
  builder.registerFunctionAnalyses(functions);
  builder.registerLoopAnalyses(loops);
  builder.crossRegisterProxies(loops, functions, components, modules);
  OptimizationLevel levels[] = {OptimizationLevel::O0, OptimizationLevel::O1, OptimizationLevel::O2,
                                OptimizationLevel::O3};
  ModulePassManager passes = level == 0 ? builder.buildO0DefaultPipeline(OptimizationLevel::O0)
                                        : builder.buildPerModuleDefaultPipeline(levels[level]);
  passes.run(module, modules);
}
} // namespace

void emit::setVariant(Module &module, const target::Variant &variant) {
  for (Function &function : module) {
    if (function.isDeclaration())
      continue;
    function.addFnAttr("tune-cpu", variant.cpu);
    function.addFnAttr("target-features", variant.features);
    // 256 would be LLVM's preference; qcc's vectors are the variant's own.
    function.addFnAttr("prefer-vector-width", std::to_string(variant.vectorBytes * 8));
    function.addFnAttr("min-legal-vector-width", std::to_string(variant.vectorBytes * 8));
    function.addFnAttr(Attribute::NoUnwind);
  }
}

Expected<SmallVector<char, 0>> emit::compileModule(Module &module, StringRef triple, int level,
                                                   CodeGenFileType kind, StringRef cpu, StringRef features) {
  Expected<std::unique_ptr<TargetMachine>> machine = createMachine(triple, level, cpu, features);
  if (!machine)
    return machine.takeError();
  module.setTargetTriple(Triple(triple));
  module.setDataLayout((*machine)->createDataLayout());
  module.setPICLevel(PICLevel::BigPIC);
  optimise(module, **machine, level);
  SmallVector<char, 0> bytes;
  raw_svector_ostream stream(bytes);
  legacy::PassManager passes;
  if ((*machine)->addPassesToEmitFile(passes, stream, nullptr, kind))
    return createStringError("the code generator for " + triple + " cannot write this kind of file");
  passes.run(module);
  return bytes;
}

Expected<SmallVector<char, 0>> emit::compileToObject(Module &module, const target::Variant &variant,
                                                     int level) {
  setVariant(module, variant);
  return compileModule(module, variant.triple, level, CodeGenFileType::ObjectFile);
}
