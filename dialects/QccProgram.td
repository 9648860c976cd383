//===- QccProgram.td - A model as buffers and kernel invocations -*- tablegen -*-===//
//
// What stage `lower` leaves: no tensors, only pointers. `func.func @main` takes
// one pointer for each input and each output of the model, in that order, and
// its body is a straight list of invocations: the steps of the run.
//
//===----------------------------------------------------------------------===//
#ifndef QCC_PROGRAM_TD
#define QCC_PROGRAM_TD

include "mlir/IR/OpBase.td"
include "mlir/IR/SymbolInterfaces.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

class Qcc_ProgramOp<string mnemonic, list<Trait> traits = []> : Op<Qcc_Dialect, mnemonic, traits>;

def Qcc_KernelOp : Qcc_ProgramOp<"kernel", [Symbol]> {
  let summary = "What one kernel computes; stage emit writes its code for each variant";
  let description = [{ compiler/kernels/Kernel.h says what `spec` holds. }];
  let arguments = (ins SymbolNameAttr:$sym_name, DictionaryAttr:$spec);
  let assemblyFormat = "$sym_name attr-dict";
}

def Qcc_BlobOp : Qcc_ProgramOp<"blob", [Symbol]> {
  let summary = "All constants of the program as bytes, packed as the kernels read them";
  let arguments = (ins SymbolNameAttr:$sym_name, ElementsAttr:$data);
  let assemblyFormat = "$sym_name attr-dict";
}

def Qcc_WeightsOp : Qcc_ProgramOp<"weights", [Pure]> {
  let summary = "A pointer into the blob";
  let arguments = (ins FlatSymbolRefAttr:$blob, I64Attr:$offset);
  let results = (outs AnyType:$pointer);
  let assemblyFormat = "$blob `[` $offset `]` attr-dict `:` type($pointer)";
}

def Qcc_BufferOp : Qcc_ProgramOp<"buffer"> {
  let summary = "Memory for one intermediate tensor, slack included; stage memory gives it an offset in the workspace";
  let arguments = (ins I64Attr:$bytes, OptionalAttr<I64Attr>:$offset, OptionalAttr<StrAttr>:$tensor);
  let results = (outs AnyType:$pointer);
  let assemblyFormat = "$bytes attr-dict `:` type($pointer)";
}

def Qcc_InvokeOp : Qcc_ProgramOp<"invoke", [AttrSizedOperandSegments]> {
  let summary = "One step: runs a kernel on pointers";
  let description = [{
    The last `written` pointers are written, the others only read. `layer` is
    the ONNX node, for profiles and reports; `macs` its multiply-accumulates.
    `no_barrier` marks a step whose result no thread needs before the next
    step's end.

    `guards` are truth values of one byte, which earlier steps have written: what the
    step writes is used only where each is as `taken` says. It may be left out
    elsewhere, and need not be.
  }];
  let arguments = (ins FlatSymbolRefAttr:$kernel, Variadic<AnyType>:$pointers, Variadic<AnyType>:$guards,
                       I64Attr:$written, StrAttr:$layer, I64Attr:$macs, UnitAttr:$no_barrier,
                       OptionalAttr<DenseBoolArrayAttr>:$taken);
  let assemblyFormat = [{
    $kernel `(` $pointers `)` (`when` `(` $guards^ `:` type($guards) `)`)? attr-dict `:` type($pointers)
  }];
}

#endif // QCC_PROGRAM_TD
