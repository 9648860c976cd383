//===- LengthRules.h - How operations treat positions that do not count ----*- C++ -*-===//
#ifndef QCC_COMPILER_SIMPLIFY_LENGTHRULES_H
#define QCC_COMPILER_SIMPLIFY_LENGTHRULES_H

#include "compiler/support/Lengths.h"
#include "compiler/support/Rewrite.h"

namespace qcc::simplify {

/// A function on its way to one whose results do not depend on what lies behind the positions that count.
class Masker {
public:
  explicit Masker(mlir::func::FuncOp function);

  /// Takes `op` by its rule: knows its results' extents afterwards. An error says what is not supported.
  llvm::LogicalResult take(mlir::Operation *op);

  // For the rules.
  const Extents &extents(mlir::Value value);
  /// What the import found out about a result; fixed without it.
  Extents found(mlir::Operation *op, unsigned result = 0);
  /// Reports that the operation has no way to leave out positions.
  llvm::LogicalResult refuse(mlir::Operation *op, const llvm::Twine &reason);
  /// The operand with `fill` in place of what does not count along `axis`.
  mlir::Value fillRest(mlir::Operation *user, mlir::Value value, int64_t axis, double fill);
  /// The same, of all bounded axes, in place.
  void fillOperand(mlir::OpOperand &operand, double fill);
  int64_t most(int64_t length) const { return lengths[length].most; }
  /// `by`, which may be computed from it, takes the place of a result.
  void replace(mlir::Value result, mlir::Value by);
  /// How many positions count, of rank 0 and type i64.
  mlir::Value count(const Extent &extent);
  /// That number as another type, beside `user`.
  mlir::Value countAs(mlir::Operation *user, const Extent &extent, mlir::Type element);
  /// Zeros lie behind what counts along `axis`, or it is a constant of finite numbers.
  bool endsInZeros(mlir::Value value, int64_t axis);
  void setEndsInZeros(mlir::Value value, int64_t axis) { zerosBehind.insert({value, axis}); }

private:
  mlir::Value lengthOf(int64_t length);
  mlir::Value mask(const Extent &extent, int64_t size, int64_t axesBehind);

  mlir::func::FuncOp function;
  mlir::OpBuilder atStart; ///< where lengths and masks are made, before all else
  llvm::SmallVector<Length> lengths;
  llvm::SmallVector<mlir::Value> shapes, lengthValues;
  llvm::DenseMap<mlir::Value, Extents> known;
  llvm::DenseMap<mlir::Value, mlir::Value> replaced;
  llvm::DenseSet<std::pair<mlir::Value, int64_t>> zerosBehind;
  llvm::SmallVector<std::pair<std::pair<Extent, std::pair<int64_t, int64_t>>, mlir::Value>> masks;
  friend struct MaskLengths;
};

/// What an operation does with the axes of its operands: it gives the extents of its results, after it has
/// had filled what must not count.
using LengthRule = llvm::LogicalResult (*)(Masker &, mlir::Operation *, llvm::SmallVectorImpl<Extents> &);

namespace lengthRules {
using Results = llvm::SmallVectorImpl<Extents>;

inline int64_t sizeOf(mlir::Value value, int64_t axis) { return tensorType(value).getDimSize(axis); }

// LengthMoves.cpp
llvm::LogicalResult transpose(Masker &masker, mlir::Operation *op, Results &results);
llvm::LogicalResult reshape(Masker &masker, mlir::Operation *op, Results &results);
llvm::LogicalResult concat(Masker &masker, mlir::Operation *op, Results &results);
llvm::LogicalResult split(Masker &masker, mlir::Operation *op, Results &results);
llvm::LogicalResult slice(Masker &masker, mlir::Operation *op, Results &results);
llvm::LogicalResult pad(Masker &masker, mlir::Operation *op, Results &results);
llvm::LogicalResult gather(Masker &masker, mlir::Operation *op, Results &results);
llvm::LogicalResult gatherND(Masker &masker, mlir::Operation *op, Results &results);
} // namespace lengthRules

/// Null for operations that have none: they are refused where an operand is bounded.
LengthRule findLengthRule(mlir::Operation *op);

} // namespace qcc::simplify

#endif // QCC_COMPILER_SIMPLIFY_LENGTHRULES_H
