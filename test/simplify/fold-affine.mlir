// RUN: %qcc-opt %s --qcc-decompose-normalization --qcc-fold-affine | FileCheck %s

// w * c and b * c + d, for each output channel.
// CHECK-LABEL: @MulAndAddIntoConv
func.func @MulAndAddIntoConv(%x: tensor<1x1x4x4xf32>) -> tensor<1x2x4x4xf32> {
  // CHECK-DAG: dense<{{\[\[\[\[}}4.000000e+00{{\]\]\]}}, {{\[\[\[}}9.000000e+00{{\]\]\]\]}}> : tensor<2x1x1x1xf32>
  // CHECK-DAG: dense<[3.000000e+00, 7.000000e+00]> : tensor<2xf32>
  // CHECK: %[[C:.*]] = "qcc.conv"
  // CHECK-NEXT: return %[[C]]
  %w = "qcc.constant"() <{value = dense<[[[[2.0]]], [[[3.0]]]]> : tensor<2x1x1x1xf32>}> : () -> tensor<2x1x1x1xf32>
  %b = "qcc.constant"() <{value = dense<[1.0, 2.0]> : tensor<2xf32>}> : () -> tensor<2xf32>
  %c = "qcc.constant"() <{value = dense<[[[2.0]], [[3.0]]]> : tensor<2x1x1xf32>}> : () -> tensor<2x1x1xf32>
  %d = "qcc.constant"() <{value = dense<1.0> : tensor<1xf32>}> : () -> tensor<1xf32>
  %0 = "qcc.conv"(%x, %w, %b) <{operandSegmentSizes = array<i32: 1, 1, 1, 0, 0, 0>, pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, kernel_shape = array<i64: 1, 1>}> : (tensor<1x1x4x4xf32>, tensor<2x1x1x1xf32>, tensor<2xf32>) -> tensor<1x2x4x4xf32>
  %1 = "qcc.mul"(%c, %0) : (tensor<2x1x1xf32>, tensor<1x2x4x4xf32>) -> tensor<1x2x4x4xf32>
  %2 = "qcc.add"(%1, %d) : (tensor<1x2x4x4xf32>, tensor<1xf32>) -> tensor<1x2x4x4xf32>
  return %2 : tensor<1x2x4x4xf32>
}

// (x - mean) / sqrt(var + eps) * scale + bias with var + eps = 4.
// CHECK-LABEL: @BatchNormIntoConvTranspose
func.func @BatchNormIntoConvTranspose(%x: tensor<1x1x2x2xf32>) -> tensor<1x2x4x4xf32> {
  // CHECK-DAG: dense<{{.*}}> : tensor<1x2x2x2xf32>
  // CHECK-DAG: dense<[-5.000000e+00, 3.000000e+00]> : tensor<2xf32>
  // CHECK: %[[C:.*]] = "qcc.conv_transpose"
  // CHECK-NEXT: return %[[C]]
  %w = "qcc.constant"() <{value = dense<1.0> : tensor<1x2x2x2xf32>}> : () -> tensor<1x2x2x2xf32>
  %scale = "qcc.constant"() <{value = dense<[4.0, 2.0]> : tensor<2xf32>}> : () -> tensor<2xf32>
  %bias = "qcc.constant"() <{value = dense<[1.0, 2.0]> : tensor<2xf32>}> : () -> tensor<2xf32>
  %mean = "qcc.constant"() <{value = dense<[3.0, -1.0]> : tensor<2xf32>}> : () -> tensor<2xf32>
  %var = "qcc.constant"() <{value = dense<4.0> : tensor<2xf32>}> : () -> tensor<2xf32>
  %0 = "qcc.conv_transpose"(%x, %w) <{operandSegmentSizes = array<i32: 1, 1, 0, 0, 0>, pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 2, 2>, dilations = array<i64: 1, 1>, kernel_shape = array<i64: 2, 2>, output_padding = array<i64: 0, 0>}> : (tensor<1x1x2x2xf32>, tensor<1x2x2x2xf32>) -> tensor<1x2x4x4xf32>
  %1 = "qcc.batch_normalization"(%0, %scale, %bias, %mean, %var) <{epsilon = 0.0 : f32}> : (tensor<1x2x4x4xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) -> tensor<1x2x4x4xf32>
  return %1 : tensor<1x2x4x4xf32>
}

// Another user sees the unscaled product.
// CHECK-LABEL: @KeepWhereTheProductIsUsedTwice
func.func @KeepWhereTheProductIsUsedTwice(%x: tensor<2x3xf32>) -> (tensor<2x2xf32>, tensor<2x2xf32>) {
  // CHECK: %[[M:.*]] = "qcc.matmul"
  // CHECK: "qcc.mul"(%[[M]]
  %w = "qcc.constant"() <{value = dense<1.0> : tensor<3x2xf32>}> : () -> tensor<3x2xf32>
  %c = "qcc.constant"() <{value = dense<2.0> : tensor<f32>}> : () -> tensor<f32>
  %0 = "qcc.matmul"(%x, %w) <{operandSegmentSizes = array<i32: 1, 1, 0, 0, 0>}> : (tensor<2x3xf32>, tensor<3x2xf32>) -> tensor<2x2xf32>
  %1 = "qcc.mul"(%0, %c) : (tensor<2x2xf32>, tensor<f32>) -> tensor<2x2xf32>
  return %0, %1 : tensor<2x2xf32>, tensor<2x2xf32>
}

// CHECK-LABEL: @AddIsTheBiasOfAMatMul
func.func @AddIsTheBiasOfAMatMul(%x: tensor<2x3xf32>) -> tensor<2x2xf32> {
  // CHECK: %[[B:.*]] = "qcc.constant"() <{value = dense<[1.000000e+00, 2.000000e+00]> : tensor<2xf32>}>
  // CHECK: %[[M:.*]] = "qcc.matmul"(%arg0, %{{.*}}, %[[B]])
  // CHECK-NEXT: return %[[M]]
  %w = "qcc.constant"() <{value = dense<1.0> : tensor<3x2xf32>}> : () -> tensor<3x2xf32>
  %b = "qcc.constant"() <{value = dense<[1.0, 2.0]> : tensor<2xf32>}> : () -> tensor<2xf32>
  %0 = "qcc.matmul"(%x, %w) <{operandSegmentSizes = array<i32: 1, 1, 0, 0, 0>}> : (tensor<2x3xf32>, tensor<3x2xf32>) -> tensor<2x2xf32>
  %1 = "qcc.add"(%b, %0) : (tensor<2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
  return %1 : tensor<2x2xf32>
}

// Weights that the model stores quantised are not touched.
// CHECK-LABEL: @KeepQuantisedWeights
func.func @KeepQuantisedWeights(%x: tensor<2x3xf32>) -> tensor<2x2xf32> {
  // CHECK: "qcc.matmul"
  // CHECK: "qcc.mul"
  %q = "qcc.constant"() <{value = dense<1> : tensor<3x2xi8>}> : () -> tensor<3x2x!quant.uniform<i8:f32, 0.5>>
  %w = "qcc.dequantize"(%q) : (tensor<3x2x!quant.uniform<i8:f32, 0.5>>) -> tensor<3x2xf32>
  %c = "qcc.constant"() <{value = dense<2.0> : tensor<f32>}> : () -> tensor<f32>
  %0 = "qcc.matmul"(%x, %w) <{operandSegmentSizes = array<i32: 1, 1, 0, 0, 0>}> : (tensor<2x3xf32>, tensor<3x2xf32>) -> tensor<2x2xf32>
  %1 = "qcc.mul"(%0, %c) : (tensor<2x2xf32>, tensor<f32>) -> tensor<2x2xf32>
  return %1 : tensor<2x2xf32>
}

// x * 4 / 2 / 2 - 0 is x.
// CHECK-LABEL: @ConstantsMergeAndVanish
func.func @ConstantsMergeAndVanish(%x: tensor<4xf32>) -> tensor<4xf32> {
  // CHECK-NEXT: return %arg0
  %a = "qcc.constant"() <{value = dense<4.0> : tensor<f32>}> : () -> tensor<f32>
  %b = "qcc.constant"() <{value = dense<2.0> : tensor<f32>}> : () -> tensor<f32>
  %z = "qcc.constant"() <{value = dense<0.0> : tensor<f32>}> : () -> tensor<f32>
  %0 = "qcc.mul"(%a, %x) : (tensor<f32>, tensor<4xf32>) -> tensor<4xf32>
  %1 = "qcc.div"(%0, %b) : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  %2 = "qcc.div"(%1, %b) : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  %3 = "qcc.sub"(%2, %z) : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  return %3 : tensor<4xf32>
}

// CHECK-LABEL: @SqueezeAndExcite
func.func @SqueezeAndExcite(%x: tensor<1x2x4x4xf32>, %s: tensor<1x2x1x1xf32>) -> tensor<1x2x4x4xf32> {
  // CHECK: %[[S:.*]] = "qcc.add"(%arg1, %{{.*}}) : (tensor<1x2x1x1xf32>, tensor<f32>)
  // CHECK-NEXT: "qcc.mul"(%arg0, %[[S]])
  %0 = "qcc.mul"(%x, %s) : (tensor<1x2x4x4xf32>, tensor<1x2x1x1xf32>) -> tensor<1x2x4x4xf32>
  %1 = "qcc.add"(%x, %0) : (tensor<1x2x4x4xf32>, tensor<1x2x4x4xf32>) -> tensor<1x2x4x4xf32>
  return %1 : tensor<1x2x4x4xf32>
}
