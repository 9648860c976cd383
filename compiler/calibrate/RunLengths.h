//===- RunLengths.h - How much of each tensor a sample has ------*- C++ -*-===//
#ifndef QCC_COMPILER_CALIBRATE_RUNLENGTHS_H
#define QCC_COMPILER_CALIBRATE_RUNLENGTHS_H

#include "compiler/calibrate/Executor.h"
#include "compiler/support/Lengths.h"

namespace qcc::calibrate {

/// Of a model with inputs of bounded shape, whose last inputs are those shapes: what executors need to tell
/// the tensors of a sample from those of the longest run.
class RunLengths {
public:
  RunLengths() = default;
  explicit RunLengths(mlir::func::FuncOp main);

  /// The lengths that a sample's inputs say.
  std::vector<int64_t> of(const std::vector<reference::Tensor> &inputs) const;
  /// Stop::counts at a mark that says this of its tensor.
  std::vector<int64_t> countsAt(mlir::DictionaryAttr mark, llvm::ArrayRef<int64_t> shape,
                                const std::vector<int64_t> &values) const;
  /// Gives results of bounded shape, which lie dense in tensors of the most, their own.
  void trim(std::vector<reference::Tensor> &results) const;

private:
  llvm::SmallVector<Length> lengths;
  llvm::SmallVector<int64_t> shapeInputs, shapeOutputs;
};

} // namespace qcc::calibrate

#endif // QCC_COMPILER_CALIBRATE_RUNLENGTHS_H
