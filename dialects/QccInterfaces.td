//===- QccInterfaces.td - What passes ask an operation --------*- tablegen -*-===//
#ifndef QCC_INTERFACES_TD
#define QCC_INTERFACES_TD

include "mlir/IR/OpBase.td"

def Qcc_OpInterface : OpInterface<"QccOpInterface"> {
  let cppNamespace = "::qcc";
  let description = [{
    The questions that stages ask every operation of the dialect, so that no
    stage needs a list of operations.
  }];
  let methods = [
    InterfaceMethod<[{
      Brings ONNX's several spellings of one thing into the one that all later
      stages read (`auto_pad` becomes `pads`, missing lists get their default).
      Called once on import, before `inferTypes`; emits its own error.
    }], "::llvm::LogicalResult", "normalize", (ins), "", "return ::mlir::success();">,
    InterfaceMethod<[{
      Computes the result types from operand types and attributes. Emits an
      error with actual values for anything ONNX does not allow. Where the element
      type is a decision (a quantised or requantised result), it is the one that
      the result was declared with.
    }], "::llvm::LogicalResult", "inferTypes",
    (ins "::llvm::SmallVectorImpl<::mlir::Type> &":$results)>,
    InterfaceMethod<[{
      Computes the operation on numbers through the reference. `operands` holds
      null for an absent optional operand. A tensor of a quantised type comes
      and goes as its storage. Emits its own error.
    }], "::llvm::LogicalResult", "evaluate",
    (ins "::llvm::ArrayRef<const ::qcc::reference::Tensor *>":$operands,
         "::llvm::SmallVectorImpl<::qcc::reference::Tensor> &":$results)>,
    InterfaceMethod<[{
      Rewrites the attributes in place for operands whose axes were permuted from
      (N, C, spatial...) to (N, spatial..., C); operands of rank 2 and less stay as
      they are. The results come out permuted by the same rule, each for its own
      rank. Fails where the operation cannot be expressed that way.
    }], "::llvm::LogicalResult", "toChannelsLast", (ins), "", "return ::mlir::failure();">,
    StaticInterfaceMethod<[{
      The table's column of that name: how stage `quantize` treats the operation.
    }], "::qcc::QuantRule", "quantRule", (ins), [{ return ConcreteOp::getQuantRule(); }]>,
  ];
  let verify = [{ return ::qcc::detail::verifyInferredTypes($_op); }];
}

#endif // QCC_INTERFACES_TD
