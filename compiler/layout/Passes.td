//===- Passes.td - Passes of stage layout -----------------------*- tablegen -*-===//
#ifndef QCC_COMPILER_LAYOUT_PASSES_TD
#define QCC_COMPILER_LAYOUT_PASSES_TD

include "mlir/Pass/PassBase.td"

def AlignRanks : Pass<"qcc-align-ranks", "mlir::func::FuncOp"> {
  let summary = "Give broadcast operands the rank of the result, scalars rank 0";
  let description = [{
    numpy aligns shapes at their end; after a permutation of axes that would be
    another axis.

    ```mlir
    %0 = qcc.add %x, %b : tensor<1x8x4x4xf32>, tensor<8x1x1xf32>
      ==>
    %c = qcc.reshape %b : tensor<1x8x1x1xf32>
    %0 = qcc.add %x, %c
    ```
  }];
}

def ChooseLayout : Pass<"qcc-choose-layout", "mlir::func::FuncOp"> {
  let summary = "Decide which operations compute on channels-last tensors";
  let description = [{
    All convolutions and pools, and everything connected with them that can.

    ```mlir
    qcc.relu(qcc.conv(...))  ==>  both with the attribute qcc.channels_last
    ```
  }];
}

def ApplyLayout : Pass<"qcc-apply-layout", "mlir::func::FuncOp"> {
  let summary = "Permute the tensors of the chosen operations; transpose at the border of their regions";
  let description = [{
    ```mlir
    %0 = qcc.conv %x {qcc.channels_last}    : N x C x H x W
      ==>
    %t = qcc.transpose %x {perm = [0, 2, 3, 1]}
    %0 = qcc.conv %t {layout = "nhwc"}      : N x H x W x C
    %1 = qcc.transpose %0 {perm = [0, 3, 1, 2]}
    ```
  }];
}

def SinkTransposes : Pass<"qcc-sink-transposes", "mlir::func::FuncOp"> {
  let summary = "Move transposes behind reshapes and cancel them; those of single elements become reshapes";
  let description = [{
    ```mlir
    reshape(transpose(x: N x H x W x C)) to N x C x HW  ==>  transpose(reshape(x) to N x HW x C)
    transpose of N x 1 x 1 x C                          ==>  reshape
    ```
  }];
}

def VerifyLayout : Pass<"qcc-verify-layout", "mlir::func::FuncOp"> {
  let summary = "Gate: convolutions and pools are channels-last; says why transposes remain";
  let description = [{
    ```mlir
    %0 = qcc.conv %x {layout = "nchw"}  ==>  error: 'qcc.conv' op layout must be "nhwc" after stage layout
    ```
  }];
  let options = [Option<"explain", "explain", "bool", "true", "say of each transpose why it remains">];
}

#endif // QCC_COMPILER_LAYOUT_PASSES_TD
