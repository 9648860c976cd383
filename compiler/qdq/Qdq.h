//===- Qdq.h - The quantised graph as an ONNX file --------------*- C++ -*-===//
//
// Beside the flow, after stage quantize: operations go back to the ONNX operators
// that they come from, by the table that imports them; quantize and dequantize
// become QuantizeLinear and DequantizeLinear.
//
//===----------------------------------------------------------------------===//
#ifndef QCC_COMPILER_QDQ_QDQ_H
#define QCC_COMPILER_QDQ_QDQ_H

#include "dialects/Qcc.h"
#include "mlir/IR/BuiltinOps.h"

#include <string>
#include <utility>
#include <vector>

namespace qcc::qdq {

/// The ONNX opset of the file; the lowest with QuantizeLinear on 4 and 16 bits.
constexpr int opset = 21;

struct OnnxOptions {
  std::string producerVersion;
  std::string graphName;
  /// metadata_props, in order; "qcc.weight_only", a JSON list of the nodes with
  /// integer weights and float arithmetic, is added.
  std::vector<std::pair<std::string, std::string>> metadata;
};

/// The bytes of a ModelProto of `module`, as stage quantize leaves it. Weights
/// are initializers; a matrix product's bias is an Add behind it. Passes ONNX's
/// checker. An error, at the operation, where opset 21 has no form for something,
/// and where the file would be larger than protobuf's 2 GiB.
llvm::FailureOr<std::string> toOnnx(mlir::ModuleOp module, const OnnxOptions &options);

} // namespace qcc::qdq

#endif // QCC_COMPILER_QDQ_QDQ_H
