// RUN: %qcc-opt %s --qcc-move-quantization | FileCheck %s

// Weights are turned as they are stored; their scales follow, for channels and for blocks.
// CHECK-LABEL: @turnsStoredWeights
func.func @turnsStoredWeights() -> (tensor<3x2xf32>, tensor<4x2xf32>) {
  // CHECK: %[[W:.*]] = "qcc.constant"() <{value = dense<{{\[}}[1, 4], [2, 5], [3, 6]]> : tensor<3x2xi8>}> : () -> tensor<3x2x!quant.uniform<i8:f32:1, {5.000000e-01,2.500000e-01}>>
  // CHECK: "qcc.dequantize"(%[[W]])
  // CHECK: %[[V:.*]] = "qcc.constant"() <{value = dense<{{\[}}[1, 5], [2, 6], [3, 7], [4, -8]]> : tensor<4x2xi4>}> : () -> tensor<4x2x!quant.uniform<i4:f32:{1:1, 0:2}, {{[{][{]}}1.000000e+00, 3.000000e+00}, {2.000000e+00, 4.000000e+00}}>>
  // CHECK: "qcc.dequantize"(%[[V]])
  // CHECK-NOT: "qcc.transpose"
  %w = "qcc.constant"() <{value = dense<[[1, 2, 3], [4, 5, 6]]> : tensor<2x3xi8>}> : () -> tensor<2x3x!quant.uniform<i8:f32:0, {0.5, 0.25}>>
  %0 = "qcc.dequantize"(%w) : (tensor<2x3x!quant.uniform<i8:f32:0, {0.5, 0.25}>>) -> tensor<2x3xf32>
  %1 = "qcc.transpose"(%0) <{perm = array<i64: 1, 0>}> : (tensor<2x3xf32>) -> tensor<3x2xf32>
  %v = "qcc.constant"() <{value = dense<[[1, 2, 3, 4], [5, 6, 7, -8]]> : tensor<2x4xi4>}> : () -> tensor<2x4x!quant.uniform<i4:f32:{0:1, 1:2}, {{1.0, 2.0}, {3.0, 4.0}}>>
  %2 = "qcc.dequantize"(%v) : (tensor<2x4x!quant.uniform<i4:f32:{0:1, 1:2}, {{1.0, 2.0}, {3.0, 4.0}}>>) -> tensor<2x4xf32>
  %3 = "qcc.transpose"(%2) <{perm = array<i64: 1, 0>}> : (tensor<2x4xf32>) -> tensor<4x2xf32>
  return %1, %3 : tensor<3x2xf32>, tensor<4x2xf32>
}
