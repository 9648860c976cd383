//===- Import.h - Stage import: an ONNX file to the qcc dialect -*- C++ -*-===//
#ifndef QCC_COMPILER_IMPORT_IMPORT_H
#define QCC_COMPILER_IMPORT_IMPORT_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"

#include <string>
#include <vector>

namespace qcc::import {

struct ImportOptions {
  std::vector<std::string> shapes; ///< `NAME:1x3x224x224`
  std::vector<std::string> sets;   ///< `NAME=VALUE`
};

/// Whose fault it is that there is no module.
enum class ImportFault { None, Input, Usage };

/// Reads `path` into a module with one function @main of `qcc` operations on
/// tensors of static shape. Errors go to the context's diagnostics: about a node
/// at its location (nodeLocation), about the file at an unknown one.
mlir::OwningOpRef<mlir::ModuleOp> importModel(mlir::MLIRContext &context, const std::string &path,
                                              const ImportOptions &options, ImportFault &fault);

} // namespace qcc::import

#endif // QCC_COMPILER_IMPORT_IMPORT_H
