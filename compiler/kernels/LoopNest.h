//===- LoopNest.h - Walks over tensors ---------------------------*- C++ -*-===//
//
// A nest visits every point of an iteration space and has an address in each of
// several tensors for it. Neighbouring axes that are one run of memory in all
// tensors become one axis, so that a dense elementwise operator is one flat
// loop. The innermost axis runs in vectors where every tensor is contiguous (or
// constant) along it.
//
// The nest also defines the kernel's units: see `units`.
//
//===----------------------------------------------------------------------===//
#ifndef QCC_COMPILER_KERNELS_LOOPNEST_H
#define QCC_COMPILER_KERNELS_LOOPNEST_H

#include "compiler/kernels/Expr.h"
#include "compiler/kernels/Kernel.h"

namespace qcc::kernels {

/// What the body of a nest sees.
struct Point {
  Code code; ///< with the number of lanes of this visit
  llvm::SmallVector<mlir::Value> addresses;
  llvm::ArrayRef<View> views;
  llvm::ArrayRef<bool> constantAlongLanes; ///< one flag for each view
  llvm::ArrayRef<mlir::Value> indices;     ///< of the axes kept apart, see LoopNest

  Expr load(size_t i) const;
  void store(size_t i, Expr value) const;
};

class LoopNest {
public:
  /// All views have the rank of `shape`; a stride of 0 repeats an element. The
  /// first `keep` axes stay as they are and their indices are told to the body.
  /// `scalar` asks for one lane everywhere; `work` says how many elements the body
  /// handles at each point, so that small spaces of large points are split, too.
  LoopNest(llvm::ArrayRef<int64_t> shape, llvm::ArrayRef<View> views, unsigned keep = 0, bool scalar = false,
           int64_t work = 1);

  /// Pieces of the space: some of the outer axes, or chunks of the only one.
  int64_t units() const { return unitCount; }

  using Body = llvm::function_ref<void(const Point &)>;
  /// Visits the units [begin, end). On a GPU: the points begin, begin + end, ... of all, that is those of
  /// thread `begin` of `end`.
  void emit(const Code &code, mlir::ValueRange pointers, mlir::Value begin, mlir::Value end, Body body) const;

  llvm::ArrayRef<int64_t> mergedShape() const { return shape; }
  llvm::ArrayRef<View> mergedViews() const { return views; }
  int64_t innerSize() const { return shape.empty() ? 1 : shape.back(); }
  bool isVector() const { return vectorInner; }
  /// Lanes that a variant uses along the innermost axis.
  int64_t lanesFor(const target::Variant &variant) const;

private:
  struct Walk; // what one call of `emit` carries along

  void merge(llvm::ArrayRef<int64_t> fullShape);
  void chooseUnits(int64_t work);
  void emitThread(const Code &code, llvm::ArrayRef<mlir::Value> start, mlir::Value thread,
                  mlir::Value threads, Body body) const;
  void emitAxis(Walk &walk, unsigned axis, llvm::SmallVector<mlir::Value> addresses) const;
  void emitInner(Walk &walk, llvm::ArrayRef<mlir::Value> addresses) const;
  void emitVectors(Walk &walk, llvm::ArrayRef<mlir::Value> addresses, mlir::Value lower, mlir::Value upper,
                   mlir::Value reachesEnd) const;
  void visit(Walk &walk, llvm::ArrayRef<mlir::Value> addresses, mlir::Value position, int64_t lanes) const;

  unsigned keep;
  llvm::SmallVector<View> views; ///< with merged axes
  llvm::SmallVector<int64_t> shape;
  llvm::SmallVector<bool> constantInner;
  bool vectorInner = false;
  unsigned prefix = 0;   ///< outer axes that units run over
  int64_t chunks = 1;    ///< pieces of the innermost axis
  int64_t chunkSize = 0; ///< elements of each piece
  int64_t unitCount = 1;
};

/// `addresses` of the views, `index` steps further along an axis.
llvm::SmallVector<mlir::Value> advance(const Code &code, llvm::ArrayRef<View> views,
                                       llvm::ArrayRef<mlir::Value> addresses, size_t axis, mlir::Value index);
/// `view` as seen from a larger shape, by numpy's rules.
View broadcastTo(const View &view, llvm::ArrayRef<int64_t> shape);

/// Where the share of a part with `part` units begins when the whole, with `units`,
/// stands at `unit`. Neighbouring ranges get neighbouring shares.
mlir::Value shareOf(const Code &code, mlir::Value unit, int64_t part, int64_t units);
/// Several nests one after the other in one kernel: each does its share of the
/// units [begin, end) of `units`.
void emitShare(const Code &code, const LoopNest &nest, int64_t units, mlir::ValueRange pointers,
               mlir::Value begin, mlir::Value end, LoopNest::Body body);

} // namespace qcc::kernels

#endif // QCC_COMPILER_KERNELS_LOOPNEST_H
