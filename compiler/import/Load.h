//===- Load.h - An ONNX file to a checked model -----------------*- C++ -*-===//
//
// Everything that includes protobuf's or ONNX's headers, or throws, is behind
// these functions.
//
//===----------------------------------------------------------------------===//
#ifndef QCC_COMPILER_IMPORT_LOAD_H
#define QCC_COMPILER_IMPORT_LOAD_H

#include "compiler/import/Model.h"

#include <functional>

namespace qcc::import {

/// Whether the compiler has an operator (domain, name).
using IsSupported = std::function<bool(const std::string &, const std::string &)>;

/// Reads, checks, inlines and converts the model. On failure returns false and
/// at least one diagnostic.
bool loadModel(const std::string &path, const IsSupported &isSupported, Model &model,
               Diagnostics &diagnostics);

/// The body that an operator has in terms of others: ONNX's, or of com.microsoft's operators ours.
struct FunctionBody {
  std::vector<std::string> inputs, outputs; ///< as the body names them
  std::vector<Node> nodes;
  std::vector<Attribute> defaults; ///< of attributes that the node may leave out
};
bool hasFunctionBody(const Node &node);
/// `types` describes the node's inputs; type 0 stands for an absent one.
bool functionBody(const Node &node, const std::vector<ValueInfo> &types, FunctionBody &result,
                  std::string &error);

} // namespace qcc::import

#endif // QCC_COMPILER_IMPORT_LOAD_H
