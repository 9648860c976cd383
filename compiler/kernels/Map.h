//===- Map.h - One value computed for each element of a result --*- C++ -*-===//
//
// The loops of elementwise operators and of copies. Where the result's
// contiguous axis is not the inputs' one (a transposition), blocks are computed
// along the inputs' axis and turned in registers.
//
//===----------------------------------------------------------------------===//
#ifndef QCC_COMPILER_KERNELS_MAP_H
#define QCC_COMPILER_KERNELS_MAP_H

#include "compiler/kernels/LoopNest.h"
#include "compiler/kernels/Spec.h"

namespace qcc::kernels {

class Map {
public:
  /// The last view is the result's; all have the rank of `shape`.
  Map(llvm::ArrayRef<int64_t> shape, llvm::ArrayRef<View> views);
  int64_t units() const;

  using Compute = llvm::function_ref<Expr(const Point &)>;
  /// With a `limit`, a transposition leaves out blocks whose positions along the last axis of the result,
  /// which has no gaps, are beyond it.
  void emit(const Code &code, mlir::ValueRange pointers, mlir::Value begin, mlir::Value end, Compute compute,
            mlir::Value limit = {}) const;

private:
  void findBlocks();
  void emitBlock(const Code &code, llvm::ArrayRef<mlir::Value> addresses, Compute compute) const;
  void storeTurned(const Code &code, llvm::ArrayRef<Expr> columns, mlir::Value address) const;

  LoopNest whole;
  // For transpositions: `lanes` elements along `readAxis` by `columns` along the last axis.
  unsigned readAxis = 0;
  int64_t lanes = 0, columns = 0;
  llvm::SmallVector<LoopNest, 0> parts; ///< the grid of blocks, then what they leave over
};

/// Computes the last view from the others, which are broadcast to its shape.
void emitMap(const Code &code, const Spec &spec, const Arguments &arguments, Map::Compute compute);
Map mapOf(const Spec &spec);

} // namespace qcc::kernels

#endif // QCC_COMPILER_KERNELS_MAP_H
