// RUN: %qcc-opt %s --split-input-file --qcc-apply-quantization | FileCheck %s
// RUN: %qcc-opt %s --split-input-file --qcc-apply-quantization=keep-marks | FileCheck %s --check-prefix=MARKS

// The scale is 5.1 / 255; 1.27 and 0.0254 become 127 in their channels.
// CHECK-LABEL: @QuantiseInputAndWeights
// MARKS-LABEL: @QuantiseInputAndWeights
func.func @QuantiseInputAndWeights(%x: tensor<1x2xf32>) -> tensor<1x2xf32> {
  // CHECK: %[[Q:.*]] = "qcc.quantize"{{.*}}!quant.uniform<u8:f32, 0.01999999{{[0-9]*}}>>
  // CHECK: %[[X:.*]] = "qcc.dequantize"(%[[Q]])
  // CHECK: dense<{{\[\[}}127, -127], [-64, 25]]> : tensor<2x2xi8>
  // CHECK: %[[W:.*]] = "qcc.dequantize"{{.*}}!quant.uniform<i8:f32:1, {0.00999{{[0-9]*}},1.99999{{[0-9]*}}E-4}>>
  // CHECK: "qcc.matmul"(%[[X]], %[[W]])
  // CHECK-NEXT: return
  // MARKS: %[[X:.*]] = "qcc.observe"(%arg0)
  // -0.635 becomes 64 steps of 0.01.
  // MARKS: dense<{{\[\[}}1.270000e+00, -2.540000e-02], [-6.400000e-01, 5.000000e-03]]>
  // MARKS: "qcc.matmul"(%[[X]]
  // MARKS-NEXT: "qcc.observe"
  %w = "qcc.constant"() <{value = dense<[[1.27, -0.0254], [-0.635, 0.005]]> : tensor<2x2xf32>}> : () -> tensor<2x2xf32>
  %0 = "qcc.observe"(%x) <{id = 0 : i64, range = array<f32: 0.0, 5.1>}> : (tensor<1x2xf32>) -> tensor<1x2xf32>
  %1 = "qcc.matmul"(%0, %w) <{operandSegmentSizes = array<i32: 1, 1, 0, 0, 0>}> : (tensor<1x2xf32>, tensor<2x2xf32>) -> tensor<1x2xf32>
  %2 = "qcc.observe"(%1) <{id = 1 : i64, axis = 1 : i64}> : (tensor<1x2xf32>) -> tensor<1x2xf32>
  return %2 : tensor<1x2xf32>
}

// -----

// CHECK-LABEL: @AddTheCorrectionToTheBias
func.func @AddTheCorrectionToTheBias(%x: tensor<1x2xf32>) -> (tensor<1x2xf32>, tensor<1x2xf32>) {
  // CHECK: dense<[1.250000e+00, 1.500000e+00]>
  // CHECK: dense<[2.500000e-01, -5.000000e-01]>
  %w = "qcc.constant"() <{value = dense<1.0> : tensor<2x2xf32>}> : () -> tensor<2x2xf32>
  %b = "qcc.constant"() <{value = dense<[1.0, 2.0]> : tensor<2xf32>}> : () -> tensor<2xf32>
  %0 = "qcc.observe"(%x) <{id = 0 : i64, range = array<f32: -1.0, 1.0>}> : (tensor<1x2xf32>) -> tensor<1x2xf32>
  %1 = "qcc.gemm"(%0, %w, %b) <{operandSegmentSizes = array<i32: 1, 1, 1, 0, 0>}> : (tensor<1x2xf32>, tensor<2x2xf32>, tensor<2xf32>) -> tensor<1x2xf32>
  %2 = "qcc.observe"(%1) <{id = 1 : i64, axis = 1 : i64, correction = array<f32: 0.25, -0.5>}> : (tensor<1x2xf32>) -> tensor<1x2xf32>
  %3 = "qcc.gemm"(%0, %w) <{operandSegmentSizes = array<i32: 1, 1, 0, 0, 0>}> : (tensor<1x2xf32>, tensor<2x2xf32>) -> tensor<1x2xf32>
  %4 = "qcc.observe"(%3) <{id = 2 : i64, axis = 1 : i64, correction = array<f32: 0.25, -0.5>}> : (tensor<1x2xf32>) -> tensor<1x2xf32>
  return %2, %4 : tensor<1x2xf32>, tensor<1x2xf32>
}

// -----

// CHECK-LABEL: @GiveZerosAScale
func.func @GiveZerosAScale(%x: tensor<1x2xf32>) -> tensor<1x2xf32> {
  // CHECK: "qcc.quantize"{{.*}}!quant.uniform<u8:f32, 1.000000e+00>
  // CHECK: "qcc.dequantize"{{.*}}!quant.uniform<i8:f32:1, {0.00787{{[0-9]*}},0.00787{{[0-9]*}}}>
  %w = "qcc.constant"() <{value = dense<[[0.0, 1.0], [0.0, 0.5]]> : tensor<2x2xf32>}> : () -> tensor<2x2xf32>
  %0 = "qcc.observe"(%x) <{id = 0 : i64, range = array<f32: 0.0, 0.0>}> : (tensor<1x2xf32>) -> tensor<1x2xf32>
  %1 = "qcc.matmul"(%0, %w) <{operandSegmentSizes = array<i32: 1, 1, 0, 0, 0>}> : (tensor<1x2xf32>, tensor<2x2xf32>) -> tensor<1x2xf32>
  %2 = "qcc.observe"(%1) <{id = 1 : i64, axis = 1 : i64}> : (tensor<1x2xf32>) -> tensor<1x2xf32>
  return %2 : tensor<1x2xf32>
}

// -----

// A grouped transposed convolution's channels share one scale.
// CHECK-LABEL: @OneScaleForGroupedTransposed
func.func @OneScaleForGroupedTransposed(%x: tensor<1x2x4x4xf32>) -> tensor<1x2x4x4xf32> {
  // CHECK: "qcc.dequantize"{{.*}}!quant.uniform<i8:f32, 0.00787{{[0-9]*}}>
  %w = "qcc.constant"() <{value = dense<1.0> : tensor<2x1x1x1xf32>}> : () -> tensor<2x1x1x1xf32>
  %0 = "qcc.observe"(%x) <{id = 0 : i64, range = array<f32: 0.0, 1.0>}> : (tensor<1x2x4x4xf32>) -> tensor<1x2x4x4xf32>
  %1 = "qcc.conv_transpose"(%0, %w) <{group = 2 : i64, operandSegmentSizes = array<i32: 1, 1, 0, 0, 0>}> : (tensor<1x2x4x4xf32>, tensor<2x1x1x1xf32>) -> tensor<1x2x4x4xf32>
  %2 = "qcc.observe"(%1) <{id = 1 : i64, axis = 1 : i64}> : (tensor<1x2x4x4xf32>) -> tensor<1x2x4x4xf32>
  return %2 : tensor<1x2x4x4xf32>
}
