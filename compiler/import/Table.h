//===- Table.h - ONNX operators and the operations they become --*- C++ -*-===//
//
// The rows come from dialects/QccOps.td by way of qcc-tblgen.
//
//===----------------------------------------------------------------------===//
#ifndef QCC_COMPILER_IMPORT_TABLE_H
#define QCC_COMPILER_IMPORT_TABLE_H

#include <string>
#include <vector>

namespace qcc::import {

/// The types of attributes that operations take from ONNX.
enum class Kind { Int, Float, Double, String, Ints, Floats, Strings, Tensor };

struct InputRow {
  enum Form { One, Optional, Variadic, Attribute };
  std::string name;
  Form form;
  Kind kind; ///< of an Attribute
  bool required;
};

struct AttributeRow {
  std::string name;
  Kind kind;
  bool required;
};

struct OpRow {
  std::string onnxName, domain, opName;
  std::vector<InputRow> inputs;      ///< ONNX's inputs, in order
  std::vector<std::string> operands; ///< the operation's operands, in order
  std::vector<AttributeRow> attributes;
  std::vector<std::string> ignored;
  bool segments; ///< has `operandSegmentSizes`
  int results;   ///< -1: any number
};

/// The row of an operator, or null.
const OpRow *findRow(const std::string &domain, const std::string &op);
/// The row that an operation of the dialect ("qcc.conv") comes from, or null.
const OpRow *findRowOf(const std::string &operation);

} // namespace qcc::import

#endif // QCC_COMPILER_IMPORT_TABLE_H
