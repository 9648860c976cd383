//===- Role.h - What an operation can do with integers ----------*- C++ -*-===//
#ifndef QCC_COMPILER_QUANTIZE_ROLE_H
#define QCC_COMPILER_QUANTIZE_ROLE_H

#include "dialects/Qcc.h"

namespace qcc::quantize {

enum class Form {
  Float,       ///< nothing
  Product,     ///< integers to accumulators: convolutions, matrix products
  Step,        ///< a function of each element that epilogues compute exactly (q8a)
  Function,    ///< any function of each element: a table for 8-bit values (q8)
  Elementwise, ///< with constants that differ between elements: float arithmetic between integers
  Binary,      ///< sum, difference or product of two tensors (q7, q8)
  Average,     ///< means (q8)
  Move,        ///< moves or selects values: works on the stored integers
  Join,        ///< concat
};

struct Role {
  Form form = Form::Float;
  llvm::SmallVector<mlir::Value> inputs; ///< the operands that are quantised if the result is
  std::string reason;                    ///< of Float: why

  static Role floating(const llvm::Twine &reason) { return {Form::Float, {}, reason.str()}; }
};

Role roleOf(mlir::Operation *op);

} // namespace qcc::quantize

#endif // QCC_COMPILER_QUANTIZE_ROLE_H
