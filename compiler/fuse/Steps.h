//===- Steps.h - The pointwise steps after an operation ---------*- C++ -*-===//
#ifndef QCC_COMPILER_FUSE_STEPS_H
#define QCC_COMPILER_FUSE_STEPS_H

#include "compiler/support/Rewrite.h"

namespace qcc::fuse {

/// An operation on each element of one tensor, with constants besides.
struct PointwiseUse {
  mlir::Value input;
  mlir::Attribute entry; ///< of a `chain`; null if there is no such step
  bool exact = false;    ///< may stay in an integer region's epilogue (q8a)
};
/// Nothing where `op` is none. Additions and multiplications count with one
/// number that does not change the shape.
std::optional<PointwiseUse> pointwiseUse(mlir::Operation *op);

/// What follows a value, each operation the only user of the one before.
struct Steps {
  llvm::SmallVector<mlir::Attribute> chain;
  mlir::Value residual;                            ///< the other operand of an addition
  mlir::Value end;                                 ///< the last result
  llvm::SmallVector<mlir::Operation *> operations; ///< that the steps replace, in order

  mlir::ArrayAttr chainAttr(mlir::MLIRContext *context) const {
    return chain.empty() ? mlir::ArrayAttr() : mlir::ArrayAttr::get(context, chain);
  }
};

mlir::Attribute residualEntry(mlir::MLIRContext *context);
mlir::Attribute requantizeEntry(mlir::quant::UniformQuantizedType type);

} // namespace qcc::fuse

#endif // QCC_COMPILER_FUSE_STEPS_H
