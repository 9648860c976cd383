//===- Storage.h - Where each tensor lies -----------------------*- C++ -*-===//
//
// Decides, before any code exists, where every tensor of a function lies: in a
// buffer of the caller, in the blob, in a buffer of its own with a border of
// padding for the convolutions that read it, or inside another tensor's buffer
// (the part of a concatenation, the same bytes under another shape).
//
//===----------------------------------------------------------------------===//
#ifndef QCC_COMPILER_LOWER_STORAGE_H
#define QCC_COMPILER_LOWER_STORAGE_H

#include "compiler/kernels/Kernel.h"
#include "compiler/lower/Blob.h"
#include "compiler/support/Lengths.h"
#include "dialects/Qcc.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace qcc::lower {

/// Rows and columns of padding around the image in an NHWC buffer.
struct Border {
  int64_t top = 0, left = 0, bottom = 0, right = 0;
  explicit operator bool() const { return top || left || bottom || right; }
  bool covers(const Border &other) const {
    return top >= other.top && left >= other.left && bottom >= other.bottom && right >= other.right;
  }
  void widenTo(const Border &other);
};

struct Place {
  mlir::Value pointer; ///< an argument of the new function, or a buffer or weights op
  kernels::View view;
  bool isOwn = false; ///< qcc's own memory: may be read a little past its end
  Border border;      ///< filled with `fill` before the tensor is written

  bool isDense() const;
  /// The same bytes under another shape; needs a dense view.
  Place reshaped(llvm::ArrayRef<int64_t> shape) const;
};

/// The type that elements have in memory: quantised types give their storage.
mlir::Type storageType(mlir::Type type);
/// Bytes of one element in memory: sub-byte types and bool take one.
int64_t storageBytes(mlir::Type element);
/// The border that a convolution needs around its input, zero for other users.
Border neededBorder(mlir::OpOperand &use);

class Storage {
public:
  /// `arguments` are the new function's: inputs, then outputs. Buffers and
  /// weights are created at `builder`'s insertion point, the function's start.
  Storage(mlir::func::FuncOp source, mlir::ValueRange arguments, mlir::OpBuilder builder, Blob &blob);

  Place place(mlir::Value value);
  /// A buffer for no tensor of the source: a padded copy, scratch memory.
  Place scratch(mlir::Type element, llvm::ArrayRef<int64_t> shape, Border border, llvm::StringRef name);
  /// A pointer into the blob.
  mlir::Value weights(int64_t offset);
  /// A dense place in the blob.
  Place constant(mlir::ElementsAttr value, mlir::Type tensorType);

private:
  Place decide(mlir::Value value);
  std::optional<Place> insideConcat(mlir::Value value);
  std::optional<Place> boundedInsideConcat(mlir::BlockArgument argument);
  std::optional<Place> withinCache(mlir::Value value);
  std::optional<Place> behindAlias(mlir::Value value);
  std::optional<Place> behindTranspose(mlir::Value value);
  std::optional<Place> observedInPlace(mlir::Value value);
  std::optional<Place> withinOperand(mlir::OpResult value);
  std::optional<int64_t> returnedAs(mlir::Value value);

  llvm::SmallVector<Extents> inputExtents, outputExtents;
  mlir::func::FuncOp source;
  mlir::ValueRange arguments;
  mlir::OpBuilder builder;
  Blob &blob;
  llvm::DenseMap<mlir::Value, Place> places;
  llvm::DenseMap<int64_t, mlir::Value> weightPointers;
};

/// True for operations whose result is the operand's bytes under another type.
bool isAlias(mlir::Operation *op);
/// True for operations that only choose or order elements, for users that read them wherever they lie:
/// the results have a place within the operand, and nothing is to be done.
bool isReadInPlace(mlir::Operation *op);

} // namespace qcc::lower

#endif // QCC_COMPILER_LOWER_STORAGE_H
