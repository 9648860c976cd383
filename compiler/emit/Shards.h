//===- Shards.h - Code in pieces that compile side by side ------*- C++ -*-===//
//
// A shard is a part of the functions of one variant. How code is split depends on
// the code alone, and each shard is compiled in contexts of its own, so that the
// objects are the same whatever compiles beside them.
//
//===----------------------------------------------------------------------===//
#ifndef QCC_COMPILER_EMIT_SHARDS_H
#define QCC_COMPILER_EMIT_SHARDS_H

#include "compiler/target/Target.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/IR/Module.h"
#include "llvm/Support/Error.h"
#include <string>
#include <vector>

namespace qcc::emit {

using Object = llvm::SmallVector<char, 0>;

struct Shard {
  const target::Variant *variant;
  std::string code; ///< MLIR bytecode
  size_t weight;    ///< operations
};

/// Whether a function is never inlined, so that it may lie in another object than
/// its callers.
bool isShared(mlir::Operation *function);

/// A module as one shard.
Shard wholeShard(mlir::ModuleOp code, const target::Variant &variant);

/// Splits a module of kernels and appends the shards. Functions that call each
/// other stay together, but for shared ones.
void splitCode(mlir::ModuleOp code, const target::Variant &variant, std::vector<Shard> &shards);

/// What a module in the LLVM dialect's IR gets before it is optimised: the
/// variant, a suffix for its symbols, and visibility. Only shared and public
/// functions are seen by other shards, and nothing by other models.
void finishCode(llvm::Module &module, const target::Variant &variant);

/// The same for a GPU's module: functions that are seen are its kernels.
void finishDeviceCode(llvm::Module &module);

/// One object for each shard; of a GPU, its assembly.
llvm::Expected<std::vector<Object>> compileShards(llvm::ArrayRef<Shard> shards, int level, unsigned threads);

} // namespace qcc::emit

#endif // QCC_COMPILER_EMIT_SHARDS_H
