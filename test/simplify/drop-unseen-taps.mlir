// RUN: %qcc-opt %s --qcc-drop-unseen-taps | FileCheck %s

// CHECK-LABEL: @keepsTheCentreOfADilatedFilter
func.func @keepsTheCentreOfADilatedFilter(%x: tensor<1x1x8x8xf32>) -> tensor<1x1x8x8xf32> {
  // CHECK: %[[W:.*]] = "qcc.constant"() <{value = dense<5.000000e+00> : tensor<1x1x1x1xf32>}>
  // CHECK: "qcc.conv"(%arg0, %[[W]]) {{.*}}kernel_shape = array<i64: 1, 1>{{.*}}pads = array<i64: 0, 0, 0, 0>
  %w = "qcc.constant"() <{value = dense<[[[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, 9.0]]]]> : tensor<1x1x3x3xf32>}> : () -> tensor<1x1x3x3xf32>
  %0 = "qcc.conv"(%x, %w) <{operandSegmentSizes = array<i32: 1, 1, 0, 0, 0, 0>, dilations = array<i64: 12, 12>, kernel_shape = array<i64: 3, 3>, pads = array<i64: 12, 12, 12, 12>}> : (tensor<1x1x8x8xf32>, tensor<1x1x3x3xf32>) -> tensor<1x1x8x8xf32>
  return %0 : tensor<1x1x8x8xf32>
}

// CHECK-LABEL: @dropsOneSideAndKeepsItsFilterQuantised
func.func @dropsOneSideAndKeepsItsFilterQuantised(%x: tensor<1x1x2xf32>) -> tensor<1x1x2xf32> {
  // CHECK: %[[W:.*]] = "qcc.constant"() <{value = dense<{{\[\[\[}}4, 3]]]> : tensor<1x1x2xi8>}>
  // CHECK: %[[D:.*]] = "qcc.dequantize"(%[[W]])
  // CHECK: "qcc.conv"(%arg0, %[[D]]) {{.*}}kernel_shape = array<i64: 2>{{.*}}pads = array<i64: 1, 0>
  %w = "qcc.constant"() <{value = dense<[[[7, 4, 3]]]> : tensor<1x1x3xi8>}> : () -> tensor<1x1x3x!quant.uniform<i8:f32, 0.5>>
  %d = "qcc.dequantize"(%w) : (tensor<1x1x3x!quant.uniform<i8:f32, 0.5>>) -> tensor<1x1x3xf32>
  %0 = "qcc.conv"(%x, %d) <{operandSegmentSizes = array<i32: 1, 1, 0, 0, 0, 0>, kernel_shape = array<i64: 3>, pads = array<i64: 2, 0>}> : (tensor<1x1x2xf32>, tensor<1x1x3xf32>) -> tensor<1x1x2xf32>
  return %0 : tensor<1x1x2xf32>
}

// CHECK-LABEL: @keepsWhatOnePositionSees
func.func @keepsWhatOnePositionSees(%x: tensor<1x1x3xf32>) -> tensor<1x1x3xf32> {
  // CHECK: "qcc.conv"{{.*}}pads = array<i64: 2, 2>
  %w = "qcc.constant"() <{value = dense<1.0> : tensor<1x1x3xf32>}> : () -> tensor<1x1x3xf32>
  %0 = "qcc.conv"(%x, %w) <{operandSegmentSizes = array<i32: 1, 1, 0, 0, 0, 0>, dilations = array<i64: 2>, kernel_shape = array<i64: 3>, pads = array<i64: 2, 2>}> : (tensor<1x1x3xf32>, tensor<1x1x3xf32>) -> tensor<1x1x3xf32>
  return %0 : tensor<1x1x3xf32>
}
