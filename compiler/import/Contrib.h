//===- Contrib.h - Operators of the domain com.microsoft --------*- C++ -*-===//
#ifndef QCC_COMPILER_IMPORT_CONTRIB_H
#define QCC_COMPILER_IMPORT_CONTRIB_H

#include "compiler/import/Load.h"

namespace qcc::import {

/// Whether contribBody knows the operator.
bool hasContribBody(const Node &node);
/// What ONNX Runtime's optimiser makes of several nodes, as ONNX's operators again. Shapes in `types` are
/// known. Throws std::runtime_error with a reason where the node asks for more than is supported.
FunctionBody contribBody(const Node &node, const std::vector<ValueInfo> &types);

} // namespace qcc::import

#endif // QCC_COMPILER_IMPORT_CONTRIB_H
