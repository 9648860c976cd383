//===- Pixels.h - Normalised images are tables ------------------*- C++ -*-===//
#ifndef QCC_COMPILER_FUSE_PIXELS_H
#define QCC_COMPILER_FUSE_PIXELS_H

#include "compiler/support/Rewrite.h"

namespace qcc::fuse {

/// (x - mean) / std of 8-bit pixels becomes a lookup in a table of floats for each
/// channel (q12), which a quantize behind it makes one of bytes:
///   div(sub(cast(%x : ui8), mean), std)  ==>  lookup(%x, table)
llvm::LogicalResult fusePixels(mlir::func::FuncOp function);

} // namespace qcc::fuse

#endif // QCC_COMPILER_FUSE_PIXELS_H
