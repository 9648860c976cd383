//===- Model.h - A loaded ONNX model, in plain C++ --------------*- C++ -*-===//
//
// What lies between the file (Load.h: protobuf, exceptions) and the dialect
// (Import.h: MLIR, neither). Everything in a `Model` has been checked: names are
// defined once, nodes are sorted, tensors have the bytes their shape asks for,
// the opset is `Model::opset`.
//
//===----------------------------------------------------------------------===//
#ifndef QCC_COMPILER_IMPORT_MODEL_H
#define QCC_COMPILER_IMPORT_MODEL_H

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace qcc::import {

/// A tensor's values in ONNX's raw layout: little endian, row-major, 4-bit values
/// in pairs, low half first. The bytes belong to `owner`.
struct TensorData {
  std::string name;
  int32_t type = 0; ///< TensorProto.DataType
  std::vector<int64_t> dims;
  const char *data = nullptr;
  size_t bytes = 0;
  std::shared_ptr<const void> owner;

  int64_t size() const {
    int64_t n = 1;
    for (int64_t d : dims)
      n *= d;
    return n;
  }
};

/// A dimension: a size, or -1 and perhaps a name that several inputs share.
struct Dim {
  int64_t size = -1;
  std::string name;
  int64_t least = -1; ///< where the caller of the model chooses a size: from here to `size`
  int64_t step = 1;   ///< then of multiples of this
};

struct ValueInfo {
  std::string name;
  int32_t type = 0; ///< TensorProto.DataType
  bool hasShape = false;
  std::vector<Dim> dims;
};

struct Graph;

struct Attribute {
  /// AttributeProto.AttributeType, as far as it is supported.
  enum Kind {
    Unsupported = 0,
    Float = 1,
    Int = 2,
    String = 3,
    Tensor = 4,
    Subgraph = 5,
    Floats = 6,
    Ints = 7,
    Strings = 8
  };
  std::string name;
  Kind kind = Unsupported;
  std::string reference; ///< in a function's body: the caller's attribute
  float f = 0;
  int64_t i = 0;
  std::string s;
  std::vector<float> floats;
  std::vector<int64_t> ints;
  std::vector<std::string> strings;
  TensorData tensor;
  std::shared_ptr<Graph> graph;
};

struct Node {
  std::string name; ///< "#12" for the unnamed thirteenth node of its graph
  std::string op;
  std::string domain;                       ///< "" for ONNX's own
  std::vector<std::string> inputs, outputs; ///< "" where an optional one is left out
  std::vector<Attribute> attributes;

  const Attribute *find(const std::string &attribute) const {
    for (const Attribute &a : attributes)
      if (a.name == attribute)
        return &a;
    return nullptr;
  }
};

struct Graph {
  std::vector<ValueInfo> inputs, outputs;
  std::vector<TensorData> initializers;
  std::vector<Node> nodes;
};

struct Model {
  static constexpr int opset = 28;
  Graph graph;
};

/// A message about the file as a whole, or about one node.
struct Diagnostic {
  std::string node, op; ///< both empty: about the file
  std::string message;
};
using Diagnostics = std::vector<Diagnostic>;

} // namespace qcc::import

#endif // QCC_COMPILER_IMPORT_MODEL_H
