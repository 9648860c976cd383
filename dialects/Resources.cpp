//===- Resources.cpp - Large constants that nothing uses any more ---------===//

#include "dialects/Resources.h"
#include "mlir/IR/AsmState.h"
#include "mlir/IR/BuiltinDialect.h"
#include "mlir/IR/DialectResourceBlobManager.h"

using namespace mlir;
using namespace qcc;

static DialectResourceBlobManager &managerOf(MLIRContext *context) {
  return DenseResourceElementsHandle::getManagerInterface(context).getBlobManager();
}

/// Those that still have bytes.
static std::vector<std::string> keysOf(MLIRContext *context) {
  std::vector<std::string> keys;
  managerOf(context).getBlobMap([&](const llvm::StringMap<DialectResourceBlobManager::BlobEntry> &entries) {
    for (const auto &entry : entries)
      if (entry.getValue().getBlob())
        keys.push_back(entry.getKey().str());
  });
  return keys;
}

static void dropAllBut(const llvm::StringSet<> &kept, MLIRContext *context) {
  for (const std::string &key : keysOf(context))
    if (!kept.contains(key))
      managerOf(context).lookup(key)->setBlob(AsmResourceBlob());
}

void qcc::dropUnusedResources(ModuleOp module) {
  llvm::StringSet<> used;
  module->walk([&](Operation *op) {
    op->getAttrDictionary().walk(
        [&](DenseResourceElementsAttr attr) { used.insert(attr.getRawHandle().getKey()); });
  });
  dropAllBut(used, module.getContext());
}

ResourceScope::ResourceScope(MLIRContext *context) : context(context) {
  for (const std::string &key : keysOf(context))
    before.insert(key);
}

ResourceScope::~ResourceScope() { dropAllBut(before, context); }
