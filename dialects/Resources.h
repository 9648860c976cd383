//===- Resources.h - Large constants that nothing uses any more -*- C++ -*-===//
//
// MLIR keeps the bytes of every resource (toResource in Constants.h) as long as
// its context.
//
//===----------------------------------------------------------------------===//
#ifndef QCC_DIALECTS_RESOURCES_H
#define QCC_DIALECTS_RESOURCES_H

#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/StringSet.h"

namespace qcc {

/// Frees the bytes of all resources that `module`, the only one of its context,
/// does not refer to.
void dropUnusedResources(mlir::ModuleOp module);

/// Frees, at its end, the bytes of all resources that were made in its lifetime.
class ResourceScope {
public:
  explicit ResourceScope(mlir::MLIRContext *context);
  ~ResourceScope();
  ResourceScope(const ResourceScope &) = delete;
  ResourceScope &operator=(const ResourceScope &) = delete;

private:
  mlir::MLIRContext *context;
  llvm::StringSet<> before;
};

} // namespace qcc

#endif // QCC_DIALECTS_RESOURCES_H
