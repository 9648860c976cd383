//===- Proto.h - The steps of loading, on ONNX's own messages ---*- C++ -*-===//
//
// Private to the files of this folder that are compiled with exceptions.
//
//===----------------------------------------------------------------------===//
#ifndef QCC_COMPILER_IMPORT_PROTO_H
#define QCC_COMPILER_IMPORT_PROTO_H

#include "compiler/import/File.h"
#include "compiler/import/Model.h"

#include "onnx/onnx_pb.h"

#include <functional>

namespace qcc::import {

/// What loading a model ends with: thrown by the steps, caught in loadModel.
struct LoadError {
  Diagnostics diagnostics;
  explicit LoadError(std::string message) : diagnostics{{"", "", std::move(message)}} {}
  LoadError(const onnx::NodeProto &node, std::string message)
      : diagnostics{{node.name(), node.op_type(), std::move(message)}} {}
  explicit LoadError(Diagnostics diagnostics) : diagnostics(std::move(diagnostics)) {}
};

/// Values of more than 1 KiB, taken out of the messages so that nothing ONNX's
/// library does to these copies them. A tensor's place is then taken by an
/// external location "#<number>".
using TensorStore = std::vector<TensorData>;

/// Scan.cpp: the memory that parsing the bytes of a ModelProto would take, about.
/// -1 where they are no such message, or nested deeper than `depth`.
int64_t parsedSize(const std::string &bytes, int depth);

/// Check.cpp: tests versions, names, types and shapes of the declared values and
/// the form of the graphs; sorts nodes; names unnamed ones "#<index>".
void checkVersions(const onnx::ModelProto &model);
void checkStructure(onnx::ModelProto &model);
/// Runs ONNX's checker on each node.
void checkNodes(const onnx::ModelProto &model);
/// Removes nodes that no output needs.
void dropDeadNodes(onnx::GraphProto &graph);
int64_t defaultOpset(const onnx::ModelProto &model);
/// "" for both spellings of ONNX's own domain.
std::string domainOf(const onnx::NodeProto &node);

/// Tensors.cpp: checks all tensors and moves large ones and external ones out.
void moveTensorsOut(onnx::ModelProto &model, Folder &folder, TensorStore &store);
/// A tensor of the messages as raw bytes.
TensorData readTensor(const onnx::TensorProto &tensor, const TensorStore &store);

/// Functions.cpp: replaces calls of the model's own functions by their bodies.
void inlineFunctions(onnx::ModelProto &model);

/// Convert.cpp: brings the model to `Model::opset`.
void convertOpset(onnx::ModelProto &model);

/// ToModel.cpp
Graph toGraph(const onnx::GraphProto &graph, const TensorStore &store);
Node toNode(const onnx::NodeProto &node, const TensorStore &store);

/// Calls `visit` for each graph: the given one, then those of its nodes' attributes.
void forEachGraph(onnx::GraphProto &graph, const std::function<void(onnx::GraphProto &)> &visit);

} // namespace qcc::import

#endif // QCC_COMPILER_IMPORT_PROTO_H
