//===- LengthRules.h - How operations treat positions that do not count ----*- C++ -*-===//
#ifndef QCC_COMPILER_SIMPLIFY_LENGTHRULES_H
#define QCC_COMPILER_SIMPLIFY_LENGTHRULES_H

#include "compiler/support/Lengths.h"
#include "compiler/support/Rewrite.h"
#include "dialects/Constants.h"
#include <limits>

namespace qcc::simplify {

/// A function on its way to one whose results do not depend on what lies behind the positions that count.
class Masker {
public:
  explicit Masker(mlir::func::FuncOp function);

  /// Takes `op` by its rule: knows its results' extents afterwards. An error says what is not supported.
  llvm::LogicalResult take(mlir::Operation *op);
  /// Of the results of what was taken, and of what replaced them.
  std::optional<Extents> told(mlir::Value result) const;

  // For the rules.
  const Extents &extents(mlir::Value value);
  /// Of a value that a rule has made.
  void setExtents(mlir::Value value, const Extents &extents) { known[value] = Extents(extents); }
  /// What the import found out about a result, fixed without it. A size that does not grow evenly is one that
  /// is known from elsewhere, such as an operand's; where there is none, that is reported.
  llvm::FailureOr<Extents> found(mlir::Operation *op, unsigned result = 0);
  /// One more for `found` to choose from.
  void suggest(const Extent &extent) { seen.push_back(extent); }
  /// Reports that the operation has no way to leave out positions.
  llvm::LogicalResult refuse(mlir::Operation *op, const llvm::Twine &reason);
  /// The operand with `fill` in place of what does not count along `axis`.
  mlir::Value fillRest(mlir::Operation *user, mlir::Value value, int64_t axis, double fill);
  /// The same, of all bounded axes, in place.
  void fillOperand(mlir::OpOperand &operand, double fill);
  int64_t most(int64_t length) const { return mostOf[length]; }
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
  /// Whether these are the sizes that the import has seen of a result.
  bool agrees(mlir::Operation *op, unsigned result, const Extents &extents);
  llvm::SmallVector<llvm::ArrayRef<int64_t>> unevenSizes(mlir::Operation *op, unsigned result);
  std::optional<Extent> knownExtent(mlir::Operation *op, int64_t size, llvm::ArrayRef<int64_t> sizes);
  mlir::Value lengthOf(int64_t length);
  mlir::Value mask(const Extent &extent, int64_t size, int64_t axesBehind);

  mlir::func::FuncOp function;
  mlir::OpBuilder atStart; ///< where lengths and masks are made, before all else
  llvm::SmallVector<Length> lengths;
  llvm::SmallVector<int64_t> mostOf;
  llvm::SmallVector<llvm::SmallVector<int64_t>> samples; ///< at which the import has seen the model
  llvm::SmallVector<Extent> seen;                        ///< all that some tensor has
  llvm::SmallVector<std::pair<Extent, mlir::Value>> counts;
  llvm::SmallVector<mlir::Value> shapes, lengthValues;
  llvm::DenseMap<mlir::Value, Extents> known;
  llvm::DenseMap<mlir::Value, mlir::Value> replaced;
  llvm::DenseSet<mlir::Value> taken;
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

inline Extents fixed(mlir::Value value) { return Extents(tensorType(value).getRank()); }

// What loses every comparison: of an integer the extreme of its type.
inline double lowestOf(mlir::Type element) {
  return llvm::isa<mlir::FloatType>(element) ? -std::numeric_limits<double>::infinity()
                                             : double(reference::rangeOf(dtypeOf(element)).low);
}
inline double highestOf(mlir::Type element) {
  return llvm::isa<mlir::FloatType>(element) ? std::numeric_limits<double>::infinity()
                                             : double(reference::rangeOf(dtypeOf(element)).high);
}

// LengthRules.cpp
llvm::LogicalResult reduce(Masker &masker, mlir::Operation *op, Results &results);
// LengthWindows.cpp
/// Operations whose samples have nothing to do with each other, but everything else.
llvm::LogicalResult samplesOnly(Masker &masker, mlir::Operation *op, Results &results);
llvm::LogicalResult conv(Masker &masker, mlir::Operation *op, Results &results);
llvm::LogicalResult convTranspose(Masker &masker, mlir::Operation *op, Results &results);
llvm::LogicalResult maxPool(Masker &masker, mlir::Operation *op, Results &results);
llvm::LogicalResult averagePool(Masker &masker, mlir::Operation *op, Results &results);
llvm::LogicalResult resize(Masker &masker, mlir::Operation *op, Results &results);
llvm::LogicalResult depthToSpace(Masker &masker, mlir::Operation *op, Results &results);
llvm::LogicalResult gridSample(Masker &masker, mlir::Operation *op, Results &results);
llvm::LogicalResult globalPool(Masker &masker, mlir::Operation *op, Results &results);
llvm::LogicalResult rnn(Masker &masker, mlir::Operation *op, Results &results);
llvm::LogicalResult gru(Masker &masker, mlir::Operation *op, Results &results);
llvm::LogicalResult lstm(Masker &masker, mlir::Operation *op, Results &results);
// LengthOrder.cpp
llvm::LogicalResult argReduce(Masker &masker, mlir::Operation *op, Results &results);
llvm::LogicalResult topK(Masker &masker, mlir::Operation *op, Results &results);
llvm::LogicalResult cumSum(Masker &masker, mlir::Operation *op, Results &results);
llvm::LogicalResult gatherElements(Masker &masker, mlir::Operation *op, Results &results);
llvm::LogicalResult tensorScatter(Masker &masker, mlir::Operation *op, Results &results);
llvm::LogicalResult scatterElements(Masker &masker, mlir::Operation *op, Results &results);
llvm::LogicalResult scatterND(Masker &masker, mlir::Operation *op, Results &results);
// LengthMoves.cpp
/// Whether they are constants none of which counts from the end.
bool areFromTheFront(mlir::Value indices);
/// Of indices along an axis of that extent those that count from the end count from that of the run.
void countFromTheFront(Masker &masker, mlir::OpOperand &indices, const Extent &extent);
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
