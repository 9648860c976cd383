//===- OuterTypes.h - What --io asks of inputs and outputs ------*- C++ -*-===//
#ifndef QCC_COMPILER_QUANTIZE_OUTERTYPES_H
#define QCC_COMPILER_QUANTIZE_OUTERTYPES_H

#include "dialects/Qcc.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

#include <string>
#include <vector>

namespace qcc::quantize {

/// `NAME:u8` or `NAME:i8`, with `,nhwc` behind for channels last.
struct OuterType {
  std::string name;
  bool isSigned = false;
  bool channelsLast = false;

  /// As it was written.
  std::string text() const;
  /// Nothing, and why, where `text` is no such word.
  static std::optional<OuterType> parse(llvm::StringRef text, std::string &error);
};

struct OuterTypes {
  std::vector<OuterType> tensors;
  /// Of the channels of each input among them: real = (value - mean) / std. One
  /// number or one for each channel; both empty: inputs carry quantised values.
  std::vector<float> mean, std;

  bool normalise() const { return !mean.empty() || !std.empty(); }
};

/// An input or output of `main` by its ONNX name.
struct Port {
  bool isInput = false;
  unsigned index = 0;
};
std::optional<Port> findPort(mlir::func::FuncOp main, llvm::StringRef name);

/// Whether names, ranks and numbers of channels fit `main`; else says what does not.
bool fitOuterTypes(mlir::func::FuncOp main, const OuterTypes &outer, std::string &error);

} // namespace qcc::quantize

#endif // QCC_COMPILER_QUANTIZE_OUTERTYPES_H
