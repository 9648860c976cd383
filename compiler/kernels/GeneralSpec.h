//===- GeneralSpec.h - Asking for a general kernel --------------*- C++ -*-===//
#ifndef QCC_COMPILER_KERNELS_GENERALSPEC_H
#define QCC_COMPILER_KERNELS_GENERALSPEC_H

#include "compiler/kernels/Kernel.h"

namespace qcc::kernels {

/// The whole specification of kind `kind`, the name of an operation, on plain tensors that lie like `views`,
/// with the operation's `attributes` (see Spec.h).
mlir::DictionaryAttr generalSpec(mlir::Builder &builder, llvm::StringRef kind, llvm::ArrayRef<View> views,
                                 llvm::ArrayRef<mlir::NamedAttribute> attributes = {});

} // namespace qcc::kernels

#endif // QCC_COMPILER_KERNELS_GENERALSPEC_H
