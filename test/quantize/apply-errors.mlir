// RUN: not %qcc-opt %s --split-input-file --qcc-apply-quantization 2>&1 | FileCheck %s

func.func @f(%x: tensor<1x2xf32>) -> tensor<1x2xf32> {
  // CHECK: error: 'qcc.observe' op was not calibrated: it has no range
  %0 = "qcc.observe"(%x) <{id = 0 : i64}> : (tensor<1x2xf32>) -> tensor<1x2xf32>
  return %0 : tensor<1x2xf32>
}

// -----

func.func @f(%x: tensor<1x2xf32>) -> tensor<1x2xf32> {
  // CHECK: error: weight 1 is {{.*}} and cannot be quantised
  %w = "qcc.constant"() <{value = dense<[[1.0, 0x7FC00000], [1.0, 1.0]]> : tensor<2x2xf32>}> : () -> tensor<2x2xf32>
  %0 = "qcc.observe"(%x) <{id = 0 : i64, range = array<f32: 0.0, 1.0>}> : (tensor<1x2xf32>) -> tensor<1x2xf32>
  %1 = "qcc.matmul"(%0, %w) <{operandSegmentSizes = array<i32: 1, 1, 0, 0, 0>}> : (tensor<1x2xf32>, tensor<2x2xf32>) -> tensor<1x2xf32>
  %2 = "qcc.observe"(%1) <{id = 1 : i64, axis = 1 : i64}> : (tensor<1x2xf32>) -> tensor<1x2xf32>
  return %2 : tensor<1x2xf32>
}
