// RUN: %qcc-opt %s --qcc-decompose-products | FileCheck %s

// CHECK-LABEL: @ConvolutionOfTwoInputs
func.func @ConvolutionOfTwoInputs(%x: tensor<1x2x4x4xf32>, %w: tensor<3x2x1x1xf32>, %b: tensor<3xf32>) -> tensor<1x3x4x4xf32> {
  // CHECK: %[[C:.*]] = "qcc.conv"(%arg0, %arg1)
  // CHECK: %[[B:.*]] = "qcc.reshape"(%arg2) <{{{.*}}shape = array<i64: 1, 3, 1, 1>}>
  // CHECK: "qcc.add"(%[[C]], %[[B]])
  %0 = "qcc.conv"(%x, %w, %b) <{operandSegmentSizes = array<i32: 1, 1, 1, 0, 0, 0>}> : (tensor<1x2x4x4xf32>, tensor<3x2x1x1xf32>, tensor<3xf32>) -> tensor<1x3x4x4xf32>
  return %0 : tensor<1x3x4x4xf32>
}
