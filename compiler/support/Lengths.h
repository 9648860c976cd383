//===- Lengths.h - Sizes that the caller chooses at each run ----*- C++ -*-===//
//
// With --shape=ids:1x1..128 the types of all tensors have the size of the longest
// run, and so has their memory; how much of it counts depends on the length of the
// run (docs/decisions/0017). Attributes of @main say so:
//   qcc.lengths        for each length: an input, its axis, the least, the most, and the step
//   qcc.input_extents  for each input, qcc.output_extents for each output: its
//                      axes that depend on a length (Extents, as an attribute)
//   qcc.shape_inputs   once masks are there: the last arguments are the shapes, as
//                      i64, of these inputs
//   qcc.shape_outputs  the last results are the shapes of these outputs
//   qcc.samples        the lengths at which import saw the model, beside the most
// Between import and the masks, operations carry `qcc.extents`: the Extents of
// each result, where sizes grow evenly; `qcc.sizes`: lists of a result, an axis and
// its size at each sample, where they do not; `qcc.starts`, on a slice whose
// beginning depends on a length, the Extents of where it begins; `qcc.growth`, on a
// constant whose numbers depend on a length, which one and by how much each number
// grows with it. Between the masks and the end of stage quantize, `qcc.extents` is
// where KnownExtents would not find them, and on marks.
//
//===----------------------------------------------------------------------===//
#ifndef QCC_COMPILER_SUPPORT_LENGTHS_H
#define QCC_COMPILER_SUPPORT_LENGTHS_H

#include "dialects/Qcc.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace qcc {

inline constexpr llvm::StringLiteral lengthsAttr = "qcc.lengths", inputExtentsAttr = "qcc.input_extents",
                                     outputExtentsAttr = "qcc.output_extents",
                                     shapeInputsAttr = "qcc.shape_inputs",
                                     shapeOutputsAttr = "qcc.shape_outputs", samplesAttr = "qcc.samples",
                                     extentsAttr = "qcc.extents", sizesAttr = "qcc.sizes",
                                     startsAttr = "qcc.starts", growthAttr = "qcc.growth";

/// How many positions of an axis count, the first ones: floor((sum of scale * length + offset) / divisor), in
/// lowest terms. Of a fixed axis all do.
struct Extent {
  using Term = std::pair<int64_t, int64_t>; ///< a length and its scale, which is positive
  llvm::SmallVector<Term, 1> terms;         ///< by length
  int64_t offset = 0, divisor = 1;

  Extent() = default;
  explicit Extent(int64_t length, int64_t scale = 1, int64_t offset = 0)
      : terms{{length, scale}}, offset(offset) {}

  bool isFixed() const { return terms.empty(); }
  /// `values` has one for each length.
  int64_t at(llvm::ArrayRef<int64_t> values) const;
  // Of fixed extents these are fixed.
  Extent plus(int64_t more) const;
  Extent over(int64_t number) const; ///< divided, rounded down
  /// Nothing where that has no such form.
  std::optional<Extent> times(int64_t number) const;
  std::optional<Extent> plus(const Extent &more) const;

  friend bool operator==(const Extent &a, const Extent &b) {
    return a.terms == b.terms && a.offset == b.offset && a.divisor == b.divisor;
  }
  friend bool operator!=(const Extent &a, const Extent &b) { return !(a == b); }
};

/// One for each axis.
using Extents = llvm::SmallVector<Extent, 4>;

/// A length, and where a run says it: there the size is `step` times as much.
struct Length {
  int64_t input, axis, least, most, step = 1;
};

bool anyBounded(const Extents &extents);
/// (axis, length, scale, offset) of each axis that is not fixed; with the same axis and offset 0 of further
/// terms, (axis, -1, 0, divisor) of a divisor.
mlir::Attribute toAttr(mlir::MLIRContext *context, const Extents &extents);
Extents extentsFromAttr(mlir::Attribute attr, int64_t rank);

/// Empty where all shapes are fixed.
llvm::SmallVector<Length> lengthsOf(mlir::func::FuncOp main);
void setLengths(mlir::func::FuncOp main, llvm::ArrayRef<Length> lengths);
/// `name` is inputExtentsAttr or outputExtentsAttr; fixed ones where the attribute is missing.
llvm::SmallVector<Extents> extentsOf(mlir::func::FuncOp main, llvm::StringRef name, mlir::TypeRange types);
void setExtents(mlir::Operation *op, llvm::StringRef name, llvm::ArrayRef<Extents> extents);

/// The list of qcc.shape_inputs or qcc.shape_outputs.
llvm::ArrayRef<int64_t> shapesAmong(mlir::func::FuncOp main, llvm::StringRef name);

} // namespace qcc

#endif // QCC_COMPILER_SUPPORT_LENGTHS_H
