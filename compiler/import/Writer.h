//===- Writer.h - Operations that stand for a node --------------*- C++ -*-===//
//
// Private to stage import: how a special import writes down a node that has no
// operation of its own. After an error, which is reported at the node, every
// value is null and nothing more is made.
//
//===----------------------------------------------------------------------===//
#ifndef QCC_COMPILER_IMPORT_WRITER_H
#define QCC_COMPILER_IMPORT_WRITER_H

#include "compiler/import/Importer.h"

namespace qcc::import {

class Writer {
public:
  using Value = mlir::Value;
  using Shape = llvm::SmallVector<int64_t>;
  using List = llvm::ArrayRef<int64_t>;
  /// Constants are made whole: no model may ask for more of one.
  static constexpr int64_t maxMadeElements = int64_t(1) << 24;

  Writer(Importer &importer, const Node &node) : importer(importer), node(node) {}

  //--- What the node has ------------------------------------------------------//

  int64_t integer(const char *attribute, int64_t missing) const;
  float real(const char *attribute, float missing) const;
  /// Null, with an error, where it is left out.
  Value input(size_t index, const char *name);
  bool hasInput(size_t index) const { return index < node.inputs.size() && !node.inputs[index].empty(); }
  /// The numbers of an input that must be known now.
  std::optional<reference::Tensor> known(size_t index, const char *name);
  /// `axis` counted from the front, or -1 with an error.
  int64_t axis(int64_t axis, int64_t rank);
  mlir::InFlightDiagnostic error() { return importer.error(node); }

  static Shape shapeOf(Value value) { return Shape(tensorType(value).getShape()); }
  static int64_t rankOf(Value value) { return tensorType(value).getRank(); }
  static mlir::Type elementOf(Value value) { return tensorType(value).getElementType(); }

  //--- What is made -----------------------------------------------------------//

  Value op(llvm::StringRef name, llvm::ArrayRef<Value> operands, Attributes attributes = {});
  mlir::NamedAttribute set(llvm::StringRef name, int64_t value) const;
  mlir::NamedAttribute set(llvm::StringRef name, List values) const;
  mlir::NamedAttribute setReal(llvm::StringRef name, float value) const;

  Value constant(const reference::Tensor &tensor);
  Value integers(List values, List shape);
  /// 0, 1, 2, ... as int64 along one axis of `rank`; the others have size 1.
  Value count(int64_t size, int64_t axis, int64_t rank);
  /// One number of the element type of `like`, or as many as `shape` has.
  Value number(double value, Value like, List shape = {});
  Value cast(Value value, mlir::Type element);
  Value reshape(Value value, List shape);
  Value transpose(Value value, List perm);
  Value reduce(llvm::StringRef name, Value value, List axes, bool keepDims);
  /// A MatMul.
  Value product(Value a, Value b);
  Value slice(Value value, int64_t axis, int64_t begin, int64_t end);

  mlir::LogicalResult define(Value result);

private:
  Importer &importer;
  const Node &node;
};

} // namespace qcc::import

#endif // QCC_COMPILER_IMPORT_WRITER_H
