//===- Serialize.h - Plain graphs to the bytes of an ONNX file --*- C++ -*-===//
//
// The one file behind this sees ONNX's headers: with exceptions, without MLIR.
//
//===----------------------------------------------------------------------===//
#ifndef QCC_COMPILER_QDQ_SERIALIZE_H
#define QCC_COMPILER_QDQ_SERIALIZE_H

#include "compiler/import/Model.h"

#include <utility>

namespace qcc::qdq {

struct FileInfo {
  int64_t opset = 0;
  std::string producerVersion, graphName;
  std::vector<std::pair<std::string, std::string>> metadata;
};

/// Checks the model with ONNX's checker and adds the shapes of intermediate
/// tensors. False, with the reason, where the checker objects.
bool serialize(const import::Graph &graph, const FileInfo &info, std::string &bytes, std::string &error);

} // namespace qcc::qdq

#endif // QCC_COMPILER_QDQ_SERIALIZE_H
