//===- Importer.h - The walk over a graph's nodes ---------------*- C++ -*-===//
//
// Private to stage import. Nodes become operations in three ways: by a function
// of the table of special imports, by their row in the table made from QccOps.td,
// or by the body that ONNX defines for the operator.
//
//===----------------------------------------------------------------------===//
#ifndef QCC_COMPILER_IMPORT_IMPORTER_H
#define QCC_COMPILER_IMPORT_IMPORTER_H

#include "compiler/import/Load.h"
#include "compiler/import/Table.h"
#include "dialects/Qcc.h"

#include <optional>
#include <unordered_map>
#include <unordered_set>

namespace qcc::import {

using Values = llvm::SmallVector<mlir::Value>;
using Attributes = llvm::SmallVector<mlir::NamedAttribute>;

class Importer {
public:
  Importer(mlir::OpBuilder &builder, const Graph &graph);

  /// Defines initializers and imports the nodes; false when errors were reported.
  bool importGraph(const Graph &graph);
  void define(const std::string &name, mlir::Value value);
  /// Null for "" and for what an error left undefined.
  mlir::Value lookup(const std::string &name);

  // For special imports; each returns failure after reporting an error at the node.
  mlir::InFlightDiagnostic error(const Node &node);
  mlir::Location locationOf(const Node &node);
  /// The node's input, or null where it is left out.
  mlir::Value input(const Node &node, size_t index);
  mlir::Value constant(const TensorData &data, mlir::Location loc);
  mlir::Value constant(const reference::Tensor &tensor, mlir::Location loc);
  std::optional<reference::Tensor> constantOf(mlir::Value value);
  /// Makes an operation of known result types.
  mlir::Value build(const Node &node, llvm::StringRef op, mlir::ValueRange operands, mlir::Type type,
                    const Attributes &attributes = {});
  /// Makes an operation whose types are inferred; folds it if it is constant.
  llvm::FailureOr<Values> buildInferred(const Node &node, llvm::StringRef op, mlir::ValueRange operands,
                                        const Attributes &attributes, unsigned results);
  /// The attributes of a node by its row; operand inputs that are constants by
  /// nature become attributes, too.
  llvm::FailureOr<Attributes> convertAttributes(const Node &node, const OpRow &row);
  llvm::LogicalResult importByRow(const Node &node, const OpRow &row, llvm::ArrayRef<mlir::Value> inputs,
                                  Values &results);
  /// Imports a graph within the present one, its inputs bound to values; gives its outputs, null where they
  /// are computed by no node.
  llvm::FailureOr<Values> importSubgraph(const Graph &graph, llvm::ArrayRef<mlir::Value> inputs);
  /// Counts one more copy of a loop's body; an error at the node where all of them are too many.
  llvm::LogicalResult countUnrolled(const Node &node, const Graph &body);
  /// Defines the node's outputs; those beyond `results` must be unused.
  llvm::LogicalResult defineOutputs(const Node &node, llvm::ArrayRef<mlir::Value> results);

  mlir::OpBuilder &builder;
  /// Whether tables and what is computed from them stay operations: only whole numbers and single ones are
  /// folded, as shapes are.
  bool foldsNumbersOnly = false;

private:
  using Scope = std::unordered_map<std::string, mlir::Value>;

  llvm::LogicalResult importNode(const Node &node);
  llvm::LogicalResult importByBody(const Node &node);
  bool usesMoreThan(const Node &node, int count) const;
  llvm::FailureOr<mlir::Attribute> convertAttribute(const Node &node, const Attribute &attribute, Kind kind);
  llvm::FailureOr<mlir::Attribute> convertInput(const Node &node, const InputRow &row, mlir::Value value);
  llvm::FailureOr<Values> fold(mlir::Operation *op, bool &folded);

  std::vector<Scope> scopes;
  std::unordered_map<std::string, const TensorData *> lazyInitializers;
  std::unordered_set<std::string> used; ///< names that some node or output reads
  mlir::LocationAttr bodyLocation;      ///< of the node whose body is being imported
  int bodyDepth = 0;
  int64_t foldedBytes = 0, unrolledNodes = 0;
};

/// Nodes and initializers, those of graphs within included.
int64_t sizeOf(const Graph &graph);

/// A node that needs more than its row says.
using SpecialImport = llvm::LogicalResult (*)(Importer &, const Node &);
/// Null where there is none.
SpecialImport findSpecial(const std::string &domain, const std::string &op);

/// Special.cpp and the files Special*.cpp: (domain:name, function) pairs.
using SpecialTable = std::unordered_map<std::string, SpecialImport>;
void addControlImports(SpecialTable &table);
void addQuantImports(SpecialTable &table);
void addIndexImports(SpecialTable &table);
void addMathImports(SpecialTable &table);
void addEinsumImport(SpecialTable &table);

/// Where diagnostics about a node point: its name, then its operator.
mlir::Location nodeLocation(mlir::MLIRContext *context, llvm::StringRef name, llvm::StringRef op);

/// Null for element types that are not supported.
mlir::Type elementTypeOf(mlir::MLIRContext *context, int32_t onnxType);
/// TensorProto.DataType of an element type, 0 if there is none.
int32_t onnxTypeOf(mlir::Type elementType);
std::string onnxTypeName(int32_t onnxType);

inline mlir::RankedTensorType tensorType(mlir::Value value) {
  return llvm::cast<mlir::RankedTensorType>(value.getType());
}

} // namespace qcc::import

#endif // QCC_COMPILER_IMPORT_IMPORTER_H
