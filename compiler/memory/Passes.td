#ifndef QCC_MEMORY_PASSES_TD
#define QCC_MEMORY_PASSES_TD
include "mlir/Pass/PassBase.td"

def SeparateOutputs : Pass<"qcc-separate-outputs", "mlir::ModuleOp"> {
  let summary = "An output may be the memory of an input of its type and shape";
  let description = [{
    Where such an input is still read when the output is written, other than element by element, the
    output is written to a buffer and copied at the end.

    ```mlir
    invoke @f(%in, %out), invoke @g(%in, %other)
      ==>  invoke @f(%in, %buffer), invoke @g(%in, %other), invoke @identity(%buffer, %out)
    ```
  }];
  let dependentDialects = ["::qcc::QccDialect"];
}

def PlanMemory : Pass<"qcc-plan-memory", "mlir::func::FuncOp"> {
  let summary = "Gives every buffer an offset in the one workspace";
  let description = [{
    Two buffers may share bytes when no step between the first and the last use
    of one lies between those of the other, or when that step may write over
    what it reads for the last time: a residual, the operand of an elementwise step.
    Largest first, each at the lowest offset that is free for its whole life.

    ```mlir
    %0 = qcc.buffer 4096 : !llvm.ptr   ==>   %0 = qcc.buffer 4096 {offset = 0 : i64} : !llvm.ptr
    ```
  }];
}

def VerifyMemory : Pass<"qcc-verify-memory", "mlir::func::FuncOp"> {
  let summary = "Gate: no two buffers that live at once share a byte";
}
#endif
