//===- Lookup.h - Tables of 256 bytes ----------------------------*- C++ -*-===//
#ifndef QCC_COMPILER_KERNELS_LOOKUP_H
#define QCC_COMPILER_KERNELS_LOOKUP_H

#include "compiler/kernels/Expr.h"

namespace qcc::kernels {

/// A table of 256 bytes, indexed by the bits of a byte. With AVX-512 VBMI it
/// lives in four registers and maps 64 bytes at a time; elsewhere one by one.
class LookupTable {
public:
  LookupTable(const Code &code, mlir::Value pointer);
  /// Whether `apply` takes vectors (of any number of lanes up to 64).
  bool isVector() const { return !quarters.empty(); }
  Expr apply(Expr bytes) const;

private:
  Expr applyToVector(Expr bytes) const;

  mlir::Value pointer;
  llvm::SmallVector<mlir::Value, 4> quarters; ///< of 64 bytes each
};

} // namespace qcc::kernels

#endif // QCC_COMPILER_KERNELS_LOOKUP_H
