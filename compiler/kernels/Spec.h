//===- Spec.h - Reading the specification of a general kernel ---*- C++ -*-===//
//
// Beside the keys of Kernel.h, the specification of an operation that has no
// kernel of its own making has
//   types    : array     the tensor type of each view, quantised types included
//   attrs    : dictionary    the operation's attributes, normalised
//   operands : array of i64  1 or 0 for each operand of the operation, where
//                            optional ones may be absent (they have no view)
//
//===----------------------------------------------------------------------===//
#ifndef QCC_COMPILER_KERNELS_SPEC_H
#define QCC_COMPILER_KERNELS_SPEC_H

#include "compiler/kernels/Expr.h"
#include "compiler/kernels/Kernel.h"
#include "mlir/Dialect/Quant/IR/QuantTypes.h"
#include <optional>

namespace qcc::kernels {

struct Spec {
  llvm::StringRef kind;
  llvm::SmallVector<View> views;
  llvm::SmallVector<mlir::Type> types; ///< element types: plain or quantised
  llvm::SmallVector<int64_t> present;  ///< `operands`; empty if not given
  mlir::DictionaryAttr attrs;

  explicit Spec(mlir::DictionaryAttr attr);

  const View &result() const { return views.back(); }
  /// The position in `views` of an optional operand, if it is there. Without the
  /// key `operands` absent ones are the last ones.
  std::optional<size_t> operand(size_t position, size_t results = 1) const;

  int64_t integer(llvm::StringRef name, int64_t missing) const;
  double real(llvm::StringRef name, double missing) const;
  llvm::StringRef string(llvm::StringRef name, llvm::StringRef missing) const;
  bool has(llvm::StringRef name) const { return attrs && attrs.get(name); }
  llvm::SmallVector<int64_t> list(llvm::StringRef name) const;
  llvm::SmallVector<double> reals(llvm::StringRef name) const;

  bool isQuantized(size_t i) const { return llvm::isa<mlir::quant::QuantizedType>(types[i]); }
  bool anyQuantized() const;
};

/// A scale and zero point, for the whole tensor.
struct Quantization {
  float scale = 1;
  int64_t zeroPoint = 0;
  int64_t minimum = 0, maximum = 255; ///< of the storage type
};
/// Nothing where the type is not quantised per tensor.
std::optional<Quantization> perTensor(mlir::Type type);
/// The limits of an integer storage type.
void storageLimits(mlir::Type storage, int64_t &minimum, int64_t &maximum);

/// The arguments of a kernel function.
struct Arguments {
  mlir::ValueRange pointers;
  mlir::Value begin, end;
};
Arguments argumentsOf(mlir::func::FuncOp function, const Spec &spec);

} // namespace qcc::kernels

#endif // QCC_COMPILER_KERNELS_SPEC_H
