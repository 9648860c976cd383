//===- KnownExtents.h - How much of each tensor counts in a run -*- C++ -*-===//
#ifndef QCC_COMPILER_SUPPORT_KNOWNEXTENTS_H
#define QCC_COMPILER_SUPPORT_KNOWNEXTENTS_H

#include "compiler/support/Lengths.h"

namespace qcc {

/// The extents of all tensors, from stage simplify's masks up to the end of stage quantize. They follow from
/// those of the inputs by a few rules; where rules would not find them stage simplify has left a note, the
/// attribute `qcc.extents`, with the operation.
class KnownExtents {
public:
  explicit KnownExtents(mlir::func::FuncOp main);
  /// Leaves those notes: `truth` knows results of some operations.
  static void note(mlir::func::FuncOp main, llvm::function_ref<std::optional<Extents>(mlir::Value)> truth);

  /// Nothing where that is not known.
  std::optional<Extents> of(mlir::Value value) const;

private:
  KnownExtents() = default;
  void takeArguments(mlir::func::FuncOp main);
  void take(mlir::Operation &op);
  std::optional<Extents> infer(mlir::OpResult result) const;

  llvm::DenseMap<mlir::Value, Extents> bounded; ///< those with a bounded axis
  llvm::DenseSet<mlir::Value> unknown;
};

/// Writes at a qcc.observe how much of its operand counts, for whoever runs the model.
void setObservedExtents(ObserveOp mark, const KnownExtents &extents);
/// A mark of a tensor of which that is not known has this attribute instead.
inline constexpr llvm::StringLiteral unknownExtentsAttr = "qcc.unknown_extents";

} // namespace qcc

#endif // QCC_COMPILER_SUPPORT_KNOWNEXTENTS_H
