//===- Shards.cpp - Code in pieces that compile side by side --------------===//

#include "compiler/emit/Shards.h"

#include "compiler/emit/Codegen.h"
#include "compiler/emit/LowerToLlvm.h"
#include "compiler/support/Parallel.h"
#include "mlir/Bytecode/BytecodeWriter.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Parser/Parser.h"
#include "llvm/ADT/EquivalenceClasses.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/SetVector.h"
#include <numeric>

using namespace mlir;
using namespace qcc;
using namespace qcc::emit;

/// Operations of a shard, about: as much as hides what a shard costs by itself.
static constexpr size_t shardOperations = 8000;

namespace {
size_t countOperations(Operation *op) {
  size_t count = 0;
  op->walk([&](Operation *) { ++count; });
  return count;
}

class Splitter {
public:
  Splitter(ModuleOp module, const target::Variant &variant, std::vector<Shard> &shards)
      : module(module), variant(variant), shards(shards), symbols(module) {}

  void run() {
    for (Group &group : groups()) {
      if (!current.empty() && weight + group.weight > shardOperations)
        flush();
      llvm::append_range(current, group.members);
      weight += group.weight;
    }
    flush();
  }

private:
  struct Group {
    SmallVector<Operation *> members;
    size_t weight = 0;
  };

  /// The symbols that `op` uses, without itself.
  SmallVector<Operation *> usedBy(Operation *op) {
    llvm::SetVector<Operation *> used;
    auto uses = SymbolTable::getSymbolUses(op);
    for (const SymbolTable::SymbolUse &use : *uses)
      if (Operation *symbol = symbols.lookup(use.getSymbolRef().getLeafReference()); symbol && symbol != op)
        used.insert(symbol);
    return used.takeVector();
  }

  static bool isExternal(Operation *op) {
    auto global = dyn_cast<LLVM::GlobalOp>(op);
    return global && global.isDeclaration();
  }

  /// Operations that must stay together, in the module's order.
  std::vector<Group> groups() {
    llvm::EquivalenceClasses<Operation *> together;
    for (Operation &op : *module.getBody()) {
      together.insert(&op);
      for (Operation *used : usedBy(&op))
        if (!isShared(used) && !isExternal(used))
          together.unionSets(&op, used);
    }
    llvm::MapVector<Operation *, Group> byLeader;
    for (Operation &op : *module.getBody()) {
      if (isExternal(&op))
        continue;
      Group &group = byLeader[together.getLeaderValue(&op)];
      group.members.push_back(&op);
      group.weight += countOperations(&op);
    }
    std::vector<Group> result;
    for (auto &[leader, group] : byLeader)
      result.push_back(std::move(group));
    return result;
  }

  /// A declaration of what another shard, or the object's data, defines.
  static void declare(Operation *symbol, OpBuilder &builder) {
    auto function = dyn_cast<func::FuncOp>(symbol);
    if (!function) {
      builder.clone(*symbol);
      return;
    }
    auto copy = cast<func::FuncOp>(builder.cloneWithoutRegions(*symbol));
    copy.setPrivate();
  }

  void flush() {
    if (current.empty())
      return;
    OwningOpRef<ModuleOp> shard = ModuleOp::create(module.getLoc());
    OpBuilder builder = OpBuilder::atBlockEnd(shard->getBody());
    llvm::SmallPtrSet<Operation *, 16> inside(current.begin(), current.end());
    llvm::SetVector<Operation *> outside;
    for (Operation *op : current) {
      builder.clone(*op);
      for (Operation *used : usedBy(op))
        if (!inside.contains(used))
          outside.insert(used);
    }
    for (Operation *symbol : outside)
      declare(symbol, builder);
    shards.push_back(wholeShard(*shard, variant));
    shards.back().weight = weight;
    current.clear();
    weight = 0;
  }

  ModuleOp module;
  const target::Variant &variant;
  std::vector<Shard> &shards;
  SymbolTable symbols;
  SmallVector<Operation *> current;
  size_t weight = 0;
};

llvm::Expected<Object> compileShard(const Shard &shard, const DialectRegistry &registry, int level) {
  MLIRContext context(registry, MLIRContext::Threading::DISABLED);
  std::string messages;
  ScopedDiagnosticHandler handler(&context, [&](Diagnostic &diagnostic) { messages += diagnostic.str(); });
  ParserConfig config(&context, /*verifyAfterParse=*/false);
  OwningOpRef<ModuleOp> module = parseSourceString<ModuleOp>(shard.code, config);
  llvm::LLVMContext llvmContext;
  std::unique_ptr<llvm::Module> code;
  if (module && succeeded(lowerToLlvm(*module)))
    code = translateToLlvm(*module, llvmContext);
  if (!code)
    return llvm::createStringError("the code for " + shard.variant->name + " does not lower: " + messages);
  module = {};
  const target::Variant &variant = *shard.variant;
  if (variant.isGpu && !variant.isEmulated()) {
    finishDeviceCode(*code);
    return compileModule(*code, variant.triple, level, llvm::CodeGenFileType::AssemblyFile, variant.cpu,
                         variant.features);
  }
  finishCode(*code, variant);
  return compileModule(*code, variant.triple, level, llvm::CodeGenFileType::ObjectFile);
}
} // namespace

bool emit::isShared(Operation *op) {
  auto passthrough = op->getAttrOfType<ArrayAttr>("passthrough");
  return passthrough && llvm::is_contained(passthrough, StringAttr::get(op->getContext(), "noinline"));
}

Shard emit::wholeShard(ModuleOp code, const target::Variant &variant) {
  Shard shard{&variant, "", countOperations(code)};
  llvm::raw_string_ostream stream(shard.code);
  (void)writeBytecodeToFile(code, stream);
  return shard;
}

void emit::splitCode(ModuleOp code, const target::Variant &variant, std::vector<Shard> &shards) {
  Splitter(code, variant, shards).run();
}

void emit::finishCode(llvm::Module &module, const target::Variant &variant) {
  setVariant(module, variant);
  for (llvm::GlobalObject &object : module.global_objects()) {
    auto *function = dyn_cast<llvm::Function>(&object);
    // Data that is only declared is the blob, which all variants share.
    if (function ? function->isIntrinsic() : object.isDeclaration()) {
      if (!function)
        object.setVisibility(llvm::GlobalValue::HiddenVisibility);
      continue;
    }
    object.setName(object.getName() + "." + variant.name);
    if (!object.hasLocalLinkage())
      object.setVisibility(llvm::GlobalValue::HiddenVisibility);
  }
}

void emit::finishDeviceCode(llvm::Module &module) {
  for (llvm::Function &function : module)
    if (!function.isDeclaration() && !function.hasLocalLinkage())
      function.setCallingConv(llvm::CallingConv::PTX_Kernel);
}

llvm::Expected<std::vector<Object>> emit::compileShards(ArrayRef<Shard> shards, int level, unsigned threads) {
  DialectRegistry registry;
  registerCodeDialects(registry);
  // The longest first, so that no thread is left alone with it.
  std::vector<size_t> order(shards.size());
  std::iota(order.begin(), order.end(), 0);
  llvm::stable_sort(order, [&](size_t a, size_t b) { return shards[a].weight > shards[b].weight; });
  std::vector<Object> objects(shards.size());
  std::vector<std::string> errors(shards.size());
  parallelFor(shards.size(), threads, [&](size_t i) {
    llvm::Expected<Object> object = compileShard(shards[order[i]], registry, level);
    if (object)
      objects[order[i]] = std::move(*object);
    else
      errors[order[i]] = llvm::toString(object.takeError());
  });
  for (const std::string &error : errors)
    if (!error.empty())
      return llvm::createStringError(error);
  return objects;
}
