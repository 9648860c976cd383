//===- KeepFloat.h - Nodes that the user wants in float ---------*- C++ -*-===//
#ifndef QCC_COMPILER_QUANTIZE_KEEPFLOAT_H
#define QCC_COMPILER_QUANTIZE_KEEPFLOAT_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/Support/GlobPattern.h"

#include <memory>

namespace qcc::quantize {

/// The names and globs of --keep-float.
class KeepFloat {
public:
  /// Errors, about a pattern that is none, go to `function`.
  static llvm::FailureOr<KeepFloat> parse(mlir::func::FuncOp function, llvm::ArrayRef<std::string> texts);
  bool matches(mlir::Operation *op);
  /// Why an operation that matches stays as it is.
  static constexpr llvm::StringLiteral reason = "--keep-float names it";
  /// An error for each pattern that has matched nothing.
  llvm::LogicalResult checkUsed(mlir::func::FuncOp function) const;

private:
  struct Pattern {
    std::unique_ptr<std::string> text; ///< stays where it is: the pattern points into it
    llvm::GlobPattern glob;
    bool used = false;
  };
  std::vector<Pattern> patterns;
};

} // namespace qcc::quantize

#endif // QCC_COMPILER_QUANTIZE_KEEPFLOAT_H
