//===- ToProto.h - Parts of a plain model as ONNX's messages ----*- C++ -*-===//
//
// The way back from Model.h, for what ONNX's library is asked about and for files.
//
//===----------------------------------------------------------------------===//
#ifndef QCC_COMPILER_IMPORT_TOPROTO_H
#define QCC_COMPILER_IMPORT_TOPROTO_H

#include "compiler/import/Model.h"

#include "onnx/onnx_pb.h"

namespace qcc::import {

/// An empty message for a type that is not known.
onnx::TypeProto toProto(const ValueInfo &type);
onnx::TensorProto toProto(const TensorData &tensor);
/// Without the graph of an attribute that holds one.
onnx::AttributeProto toProto(const Attribute &attribute);
onnx::NodeProto toProto(const Node &node);

} // namespace qcc::import

#endif // QCC_COMPILER_IMPORT_TOPROTO_H
