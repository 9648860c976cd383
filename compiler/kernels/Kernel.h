//===- Kernel.h - From a kernel's specification to its code -----*- C++ -*-===//
//
// Stage `lower` decides what a kernel computes and writes it down as a
// dictionary (a specification); stage `emit` turns each specification into a
// function, once for each ISA variant. Specifications are data: two layers with
// equal ones share the function, and the IR shows every decision.
//
// A kernel function has the signature
//   func.func private @name(%p0: !llvm.ptr, ..., %begin: i64, %end: i64)
// with one pointer for each entry of `views` (operands first, then results) and
// computes the outer units [begin, end) of [0, units). Disjoint ranges may run
// on several threads at once.
//
// Where the specification says `together`, the threads wait for each other inside:
// three more arguments are the frame's barrier (null for one thread alone), the
// team it takes, and this thread's number; every thread calls, if only for no unit.
//
//===----------------------------------------------------------------------===//
#ifndef QCC_COMPILER_KERNELS_KERNEL_H
#define QCC_COMPILER_KERNELS_KERNEL_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinAttributes.h"

namespace qcc::target {
struct Variant;
}

namespace qcc::kernels {

/// Where the elements of one tensor lie: element (i0, i1, ...) is at
/// `pointer + (offset + sum(i * strides)) * bytes of element`. A border of
/// padding around an NHWC buffer is nothing but strides and an offset.
/// Every buffer that qcc plans (not the user's own) may be read 64 bytes past
/// its last element.
struct View {
  mlir::Type element; ///< storage type: ui8, i8, i32, f32, ...
  llvm::SmallVector<int64_t> shape;
  llvm::SmallVector<int64_t> strides; ///< in elements
  int64_t offset = 0;                 ///< in elements

  static View rowMajor(mlir::Type element, llvm::ArrayRef<int64_t> shape);
  mlir::DictionaryAttr toAttr() const; ///< {element, shape, strides, offset}
  static View fromAttr(mlir::DictionaryAttr attr);
  /// Its axes in another order: axis i of the result is axis perm[i].
  View permuted(llvm::ArrayRef<int64_t> perm) const;
};

/// Emits the function `name` for `spec` (and helper functions it shares with
/// others, keyed by name) into `module`. The keys every specification has:
///   kind : string      which emitter (the folder's file of that name)
///   units : i64        outer units to split among threads
///   views : array      one View for each pointer argument
/// Fails, with an error at `loc`, where the kind is unknown or the combination
/// not supported. For variants that are GPUs see gpu/Gpu.h.
llvm::FailureOr<mlir::func::FuncOp> emitKernel(mlir::ModuleOp module, mlir::Location loc,
                                               llvm::StringRef name, mlir::DictionaryAttr spec,
                                               const target::Variant &variant);

bool isKernelKind(llvm::StringRef kind);

/// Whether the threads of a kernel wait for each other inside.
bool worksTogether(mlir::DictionaryAttr spec);

/// The value of `units` that fits a specification (which need not have the key yet).
int64_t kernelUnits(mlir::DictionaryAttr spec);

/// Whether the place that a kernel writes, its last pointer, may be that of pointer `operand`: of the same
/// form, each element read before it is written, and by the computation of this element alone.
bool mayOverwrite(mlir::DictionaryAttr spec, unsigned operand);

/// One emitter; registered in Kernels.def by one line QCC_KERNEL(kind, emitter, units).
/// `builder` stands in the function's entry block; the return follows by itself.
/// An emitter reports its own errors, at the function's location.
using Emitter = llvm::LogicalResult (*)(mlir::OpBuilder &builder, mlir::func::FuncOp function,
                                        mlir::DictionaryAttr spec, const target::Variant &variant);
using UnitCounter = int64_t (*)(mlir::DictionaryAttr spec);

} // namespace qcc::kernels

#endif // QCC_COMPILER_KERNELS_KERNEL_H
