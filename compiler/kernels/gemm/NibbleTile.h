//===- NibbleTile.h - Sums of products with weights of 4 bits ---*- C++ -*-===//
#ifndef QCC_COMPILER_KERNELS_NIBBLETILE_H
#define QCC_COMPILER_KERNELS_NIBBLETILE_H

#include "compiler/kernels/gemm/Nibbles.h"
#include "compiler/target/VectorOps.h"

namespace qcc::kernels {

/// Sums of some rows by some vectors of columns of each panel of a block (Nibbles.h), which are in natural
/// order. Products are summed exactly in each group; then f32.
class NibbleTile {
public:
  /// `vectors`: of each panel.
  NibbleTile(target::VectorOps &ops, const NibbleForm &form, int64_t vectors)
      : ops(ops), code(ops.code), form(form), vectors(vectors) {}

  /// Where a call reads.
  struct Source {
    llvm::SmallVector<mlir::Value> rows; ///< of activations, the first element of each
    mlir::Value block;                   ///< packed weights
    mlir::Value column;                  ///< the first column within each panel
    mlir::Value groups;                  ///< i64: whole ones; bytes are read to the end of the last
    int64_t rest = 0;                    ///< with isFloat: depths behind the whole groups
    mlir::Value prefetch, prefetchStep;  ///< null, or what each step prefetches and by how much that moves
  };
  /// form.panels * vectors f32 sums for each row.
  target::Values sums(const Source &source);

private:
  using Value = mlir::Value;
  using Values = target::Values;
  target::VectorOps &ops;
  target::CodeBuilder &code;
  NibbleForm form;
  int64_t vectors;

  int64_t columnVectors() const { return form.panels * vectors; }
  /// Of a vector of columns, relative to its panel's first column, where a column has so many bytes.
  int64_t offset(int64_t vector, int64_t columnBytes) const {
    return (vector / vectors * 32 + vector % vectors * ops.count()) * columnBytes;
  }
  struct Group {
    Value weights, scales, zeros; ///< of the first column
    llvm::SmallVector<Value> rows;
  };
  Values byteSums(const Group &group, Value &prefetch, Value prefetchStep);
  Values floatSums(const Group &group, int64_t depth);
  void floatStep(Values &sums, const Group &group, Value step, int64_t depth);
  Values scales(const Group &group);
  Values zeroPoints(const Group &group);
  Values addGroup(const Values &sums, const Values &ofGroup, const Group &group);
};

} // namespace qcc::kernels

#endif // QCC_COMPILER_KERNELS_NIBBLETILE_H
