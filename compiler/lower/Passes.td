#ifndef QCC_LOWER_PASSES_TD
#define QCC_LOWER_PASSES_TD
include "mlir/Pass/PassBase.td"

def Lower : Pass<"qcc-lower", "mlir::ModuleOp"> {
  let summary = "From tensors to buffers and a list of kernel invocations";
  let description = [{
    Decides where every tensor lies (Storage.h), packs constants into one blob,
    and appends one invocation for each step. Layers with equal specifications
    share a kernel.

    ```mlir
    %1 = qcc.relu %0 : tensor<4xf32>
    ==>
    qcc.kernel "relu_0" {spec = {kind = "relu", units = 1, views = [...]}}
    qcc.invoke @relu_0(%a, %b) {written = 1, ...}
    ```
  }];
  let options = [Option<"triple", "triple", "std::string", "\"x86_64-unknown-linux-gnu\"",
                        "the target, which decides how weights are packed">];
}
#endif
