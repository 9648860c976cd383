//===- Writer.h - The walk over the operations ------------------*- C++ -*-===//
//
// Private to this folder.
//
//===----------------------------------------------------------------------===//
#ifndef QCC_COMPILER_QDQ_WRITER_H
#define QCC_COMPILER_QDQ_WRITER_H

#include "compiler/import/Model.h"
#include "compiler/import/Table.h"
#include "dialects/Qcc.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/StringSet.h"

namespace qcc::qdq {

class Writer {
public:
  explicit Writer(mlir::func::FuncOp function) : function(function) {}

  /// Fills `graph`; an error is reported where opset 21 lacks something.
  llvm::LogicalResult run();

  import::Graph graph;

private:
  // Qdq.cpp: names and order
  void declarePorts();
  void writeReturn(mlir::func::ReturnOp op);
  /// The tensor's name; a constant becomes an initializer at its first use.
  std::string nameOf(mlir::Value value);
  /// Names the result that `op` computes, unless it has a name as an output.
  std::string define(mlir::Value result, const llvm::Twine &name);
  std::string unique(llvm::StringSet<> &taken, const llvm::Twine &name);
  import::Node &addNode(const std::string &name, llvm::StringRef kind, std::vector<std::string> inputs,
                        std::string output);

  // Node.cpp: operators by their row
  llvm::LogicalResult writeOp(mlir::Operation *op);
  llvm::LogicalResult writeByRow(mlir::Operation *op, const import::OpRow &row);
  void writeSilu(SiluOp op);
  void writeGelu(mlir::Operation *op);
  llvm::LogicalResult writeDynamicMatMul(DynamicMatMulOp op);
  void writeActivations(mlir::ArrayAttr functions, import::Node &node);
  std::string writeParameter(mlir::Operation *op, const import::InputRow &row);
  void writeAttributes(mlir::Operation *op, const import::OpRow &row, import::Node &node);

  // Tensors.cpp: numbers, scales and zero points
  std::string addInitializer(const reference::Tensor &tensor, const llvm::Twine &name);
  /// A QuantizeLinear or DequantizeLinear with the scales of `quantized`.
  llvm::LogicalResult writeScaling(mlir::Operation *op, llvm::StringRef kind, mlir::Value quantized);
  llvm::LogicalResult addScaling(mlir::Operation *op, llvm::StringRef kind, mlir::Type element,
                                 std::string input, std::string output, llvm::StringRef base);
  /// The name of an operand of `op` as real numbers: a quantised one, as the weights
  /// of recurrent layers are, gets a DequantizeLinear.
  llvm::FailureOr<std::string> realNameOf(mlir::Operation *op, mlir::Value operand);

  mlir::func::FuncOp function;
  llvm::DenseMap<mlir::Value, std::string> names;
  llvm::StringSet<> tensorNames, nodeNames;
};

/// The name of the ONNX node or tensor that an operation or value comes from.
std::string plainName(mlir::Location loc);
/// TensorProto.DataType of a tensor's elements: of quantised ones, their storage.
int32_t onnxElementType(mlir::Value value);
/// Of a scast its operand: the same bytes, and so the same tensor.
mlir::Value sameBytes(mlir::Value value);

} // namespace qcc::qdq

#endif // QCC_COMPILER_QDQ_WRITER_H
