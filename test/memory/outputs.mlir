// RUN: %qcc-opt %s --split-input-file --qcc-lower --qcc-separate-outputs | FileCheck %s

// What one step writes and a later one reads as an input may be one place: the output waits in a buffer.
// CHECK-LABEL: @ReadAgain
module @ReadAgain {
  // CHECK: %[[Y:.*]] = qcc.buffer 124 {tensor = "y"}
  // CHECK: qcc.invoke @add_0(%arg0, %arg1, %[[Y]])
  // CHECK: qcc.invoke @mul_0(%arg0, %arg1, %arg3)
  // CHECK: qcc.invoke @state(%[[Y]], %arg2)
  func.func @main(%a: tensor<3x5xf32>, %b: tensor<3x5xf32>) -> (tensor<3x5xf32>, tensor<3x5xf32>) attributes {qcc.output_names = ["y", "z"]} {
    %0 = "qcc.add"(%a, %b) : (tensor<3x5xf32>, tensor<3x5xf32>) -> tensor<3x5xf32>
    %1 = "qcc.mul"(%a, %b) : (tensor<3x5xf32>, tensor<3x5xf32>) -> tensor<3x5xf32>
    return %0, %1 : tensor<3x5xf32>, tensor<3x5xf32>
  }
}

// -----

// Element by element, or of another shape, nothing is to be done.
// CHECK-LABEL: @InPlace
module @InPlace {
  // CHECK-COUNT-1: qcc.buffer
  // CHECK-NOT: qcc.buffer
  // CHECK-NOT: @state
  func.func @main(%a: tensor<3x5xf32>, %b: tensor<5x3xf32>) -> (tensor<3x5xf32>) {
    %0 = "qcc.transpose"(%b) <{perm = array<i64: 1, 0>}> : (tensor<5x3xf32>) -> tensor<3x5xf32>
    %1 = "qcc.add"(%a, %0) : (tensor<3x5xf32>, tensor<3x5xf32>) -> tensor<3x5xf32>
    return %1 : tensor<3x5xf32>
  }
}
