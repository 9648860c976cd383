// RUN: %qcc-opt %s --qcc-fold-constants --qcc-remove-identities --qcc-unify-reshapes --qcc-unify-pools --qcc-fold-pads | FileCheck %s

// CHECK-LABEL: @FoldConstants
func.func @FoldConstants() -> tensor<2xf32> {
  // CHECK-NEXT: "qcc.constant"() <{value = dense<[4.000000e+00, 5.000000e+00]> : tensor<2xf32>}>
  // CHECK-NEXT: return
  %a = "qcc.constant"() <{value = dense<[1.0, 2.0]> : tensor<2xf32>}> : () -> tensor<2xf32>
  %b = "qcc.constant"() <{value = dense<3.0> : tensor<f32>}> : () -> tensor<f32>
  %0 = "qcc.add"(%a, %b) : (tensor<2xf32>, tensor<f32>) -> tensor<2xf32>
  return %0 : tensor<2xf32>
}

// Weights stay stored as integers: the quantize folds, the dequantize does not.
// CHECK-LABEL: @KeepDequantizeOfWeights
func.func @KeepDequantizeOfWeights() -> tensor<2xf32> {
  // CHECK-NEXT: %[[Q:.*]] = "qcc.constant"() <{value = dense<[2, 4]> : tensor<2xi8>}> : () -> tensor<2x!quant.uniform<i8:f32, 5.000000e-01>>
  // CHECK-NEXT: "qcc.dequantize"(%[[Q]])
  %a = "qcc.constant"() <{value = dense<[1.0, 2.0]> : tensor<2xf32>}> : () -> tensor<2xf32>
  %q = "qcc.quantize"(%a) : (tensor<2xf32>) -> tensor<2x!quant.uniform<i8:f32, 0.5>>
  %0 = "qcc.dequantize"(%q) : (tensor<2x!quant.uniform<i8:f32, 0.5>>) -> tensor<2xf32>
  return %0 : tensor<2xf32>
}

// CHECK-LABEL: @CancelTransposes
func.func @CancelTransposes(%x: tensor<2x3x4xf32>) -> tensor<2x3x4xf32> {
  // CHECK-NEXT: return %arg0
  %0 = "qcc.transpose"(%x) <{perm = array<i64: 1, 2, 0>}> : (tensor<2x3x4xf32>) -> tensor<3x4x2xf32>
  %1 = "qcc.transpose"(%0) <{perm = array<i64: 2, 0, 1>}> : (tensor<3x4x2xf32>) -> tensor<2x3x4xf32>
  return %1 : tensor<2x3x4xf32>
}

// CHECK-LABEL: @TransposeOfOnesIsAReshape
func.func @TransposeOfOnesIsAReshape(%x: tensor<1x3x1x1xf32>) -> tensor<1x3xf32> {
  // CHECK-NEXT: %[[R:.*]] = "qcc.reshape"(%arg0) {{.*}} -> tensor<1x3xf32>
  // CHECK-NEXT: return %[[R]]
  %0 = "qcc.transpose"(%x) <{perm = array<i64: 0, 2, 3, 1>}> : (tensor<1x3x1x1xf32>) -> tensor<1x1x1x3xf32>
  %1 = "qcc.flatten"(%0) <{axis = 1 : i64}> : (tensor<1x1x1x3xf32>) -> tensor<1x3xf32>
  return %1 : tensor<1x3xf32>
}

// CHECK-LABEL: @KeepReversingSlice
func.func @KeepReversingSlice(%x: tensor<3xf32>) -> tensor<3xf32> {
  // CHECK-NEXT: "qcc.slice"
  %0 = "qcc.slice"(%x) <{starts = array<i64: 2>, ends = array<i64: -4>, axes = array<i64: 0>, steps = array<i64: -1>}> : (tensor<3xf32>) -> tensor<3xf32>
  return %0 : tensor<3xf32>
}

// CHECK-LABEL: @MeanOfAnImageIsAPool
func.func @MeanOfAnImageIsAPool(%x: tensor<1x3x4x4xf32>) -> tensor<1x3xf32> {
  // CHECK-NEXT: %[[P:.*]] = "qcc.global_average_pool"(%arg0)
  // CHECK-NEXT: "qcc.reshape"(%[[P]])
  %0 = "qcc.reduce_mean"(%x) <{axes = array<i64: 2, 3>, keepdims = 0 : i64}> : (tensor<1x3x4x4xf32>) -> tensor<1x3xf32>
  return %0 : tensor<1x3xf32>
}

// CHECK-LABEL: @PadIntoConv
func.func @PadIntoConv(%x: tensor<1x1x4x4xf32>, %w: tensor<1x1x3x3xf32>) -> tensor<1x1x5x4xf32> {
  // CHECK-NEXT: "qcc.conv"(%arg0, %arg1) {{.*}}pads = array<i64: 1, 1, 2, 1>
  %0 = "qcc.pad"(%x) <{pads = array<i64: 0, 0, 1, 0, 0, 0, 1, 0>}> : (tensor<1x1x4x4xf32>) -> tensor<1x1x6x4xf32>
  %1 = "qcc.conv"(%0, %w) <{operandSegmentSizes = array<i32: 1, 1, 0, 0, 0, 0>, pads = array<i64: 0, 1, 1, 1>, strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, kernel_shape = array<i64: 3, 3>}> : (tensor<1x1x6x4xf32>, tensor<1x1x3x3xf32>) -> tensor<1x1x5x4xf32>
  return %1 : tensor<1x1x5x4xf32>
}

// A pad with another value than zero is no padding of a convolution.
// CHECK-LABEL: @KeepPadWithOnes
func.func @KeepPadWithOnes(%x: tensor<1x1x2x2xf32>, %w: tensor<1x1x3x3xf32>) -> tensor<1x1x2x2xf32> {
  // CHECK: "qcc.pad"
  %0 = "qcc.pad"(%x) <{pads = array<i64: 0, 0, 1, 1, 0, 0, 1, 1>, value = 1.0 : f64}> : (tensor<1x1x2x2xf32>) -> tensor<1x1x4x4xf32>
  %1 = "qcc.conv"(%0, %w) <{operandSegmentSizes = array<i32: 1, 1, 0, 0, 0, 0>, pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, kernel_shape = array<i64: 3, 3>}> : (tensor<1x1x4x4xf32>, tensor<1x1x3x3xf32>) -> tensor<1x1x2x2xf32>
  return %1 : tensor<1x1x2x2xf32>
}
