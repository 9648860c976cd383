//===- Lookup.h - Tables of 256 bytes ----------------------------*- C++ -*-===//
#ifndef QCC_COMPILER_KERNELS_LOOKUP_H
#define QCC_COMPILER_KERNELS_LOOKUP_H

#include "compiler/kernels/Expr.h"

namespace qcc::kernels {

/// A table of 256 bytes, indexed by the bits of a byte: many at a time where the
/// target can, else one by one.
class LookupTable {
public:
  LookupTable(const Code &code, mlir::Value pointer);
  /// Whether `apply` takes vectors.
  bool isVector() const { return !table.empty(); }
  Expr apply(Expr bytes) const;

private:
  mlir::Value pointer;
  llvm::SmallVector<mlir::Value> table; ///< as the target loads it
};

} // namespace qcc::kernels

#endif // QCC_COMPILER_KERNELS_LOOKUP_H
