// RUN: %qcc-opt %s --qcc-fuse-products | FileCheck %s

!in = !quant.uniform<u8:f32, 0.5:3>
!w = !quant.uniform<i8:f32:0, {0.25, 0.5}>
!mid = !quant.uniform<u8:f32, 0.125:7>
!out = !quant.uniform<u8:f32, 0.25:10>

// q9: rint(b / (sx * sw)): 1 / 0.125 and 1 / 0.25.
// CHECK-LABEL: @ConvReluQuantize
func.func @ConvReluQuantize(%x: tensor<1x4x4x2x!in>) -> tensor<1x4x4x2x!out> {
  // CHECK: %[[B:.*]] = "qcc.constant"() <{value = dense<[8, 4]> : tensor<2xi32>}>
  // CHECK: %[[C:.*]] = "qcc.conv"(%arg0, %{{.*}}, %[[B]]) <{{.*}}chain = [{op = "relu"}]{{.*}} -> tensor<1x4x4x2x!quant.uniform<u8:f32, 2.500000e-01:10>>
  // CHECK-NEXT: return %[[C]]
  %q = "qcc.constant"() <{value = dense<1> : tensor<2x2x1x1xi8>}> : () -> tensor<2x2x1x1x!w>
  %b = "qcc.constant"() <{value = dense<1.0> : tensor<2xf32>}> : () -> tensor<2xf32>
  %w = "qcc.dequantize"(%q) : (tensor<2x2x1x1x!w>) -> tensor<2x2x1x1xf32>
  %r = "qcc.dequantize"(%x) : (tensor<1x4x4x2x!in>) -> tensor<1x4x4x2xf32>
  %0 = "qcc.conv"(%r, %w, %b) <{operandSegmentSizes = array<i32: 1, 1, 1, 0, 0, 0>, pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, kernel_shape = array<i64: 1, 1>, layout = "nhwc"}> : (tensor<1x4x4x2xf32>, tensor<2x2x1x1xf32>, tensor<2xf32>) -> tensor<1x4x4x2xf32>
  %1 = "qcc.relu"(%0) : (tensor<1x4x4x2xf32>) -> tensor<1x4x4x2xf32>
  %2 = "qcc.quantize"(%1) : (tensor<1x4x4x2xf32>) -> tensor<1x4x4x2x!out>
  return %2 : tensor<1x4x4x2x!out>
}

// q7: the model rounds the product before it adds.
// CHECK-LABEL: @RoundBeforeResidual
func.func @RoundBeforeResidual(%x: tensor<3x2x!in>, %y: tensor<3x2x!in>) -> tensor<3x2x!out> {
  // CHECK: %[[M:.*]] = "qcc.matmul"(%arg0, %{{.*}}, %arg1) <{chain = [{op = "requantize", scale = 1.250000e-01 : f32, zero_point = 7 : i64}, {op = "residual"}, {op = "relu"}], operandSegmentSizes = array<i32: 1, 1, 0, 1, 0>}>
  // CHECK-NEXT: return %[[M]]
  %q = "qcc.constant"() <{value = dense<1> : tensor<2x2xi8>}> : () -> tensor<2x2x!quant.uniform<i8:f32, 0.25>>
  %w = "qcc.dequantize"(%q) : (tensor<2x2x!quant.uniform<i8:f32, 0.25>>) -> tensor<2x2xf32>
  %r = "qcc.dequantize"(%x) : (tensor<3x2x!in>) -> tensor<3x2xf32>
  %s = "qcc.dequantize"(%y) : (tensor<3x2x!in>) -> tensor<3x2xf32>
  %0 = "qcc.matmul"(%r, %w) <{operandSegmentSizes = array<i32: 1, 1, 0, 0, 0>}> : (tensor<3x2xf32>, tensor<2x2xf32>) -> tensor<3x2xf32>
  %1 = "qcc.quantize"(%0) : (tensor<3x2xf32>) -> tensor<3x2x!mid>
  %2 = "qcc.dequantize"(%1) : (tensor<3x2x!mid>) -> tensor<3x2xf32>
  %3 = "qcc.add"(%s, %2) : (tensor<3x2xf32>, tensor<3x2xf32>) -> tensor<3x2xf32>
  %4 = "qcc.relu"(%3) : (tensor<3x2xf32>) -> tensor<3x2xf32>
  %5 = "qcc.quantize"(%4) : (tensor<3x2xf32>) -> tensor<3x2x!out>
  return %5 : tensor<3x2x!out>
}

// q8: logits are float, and so is their bias.
// CHECK-LABEL: @FloatLogits
func.func @FloatLogits(%x: tensor<1x2x!in>) -> tensor<1x2xf32> {
  // CHECK: %[[B:.*]] = "qcc.constant"() <{value = dense<1.000000e+00> : tensor<2xf32>}>
  // CHECK: %[[G:.*]] = "qcc.gemm"(%arg0, %{{.*}}, %[[B]]) {{.*}} -> tensor<1x2xf32>
  // CHECK-NEXT: return %[[G]]
  %q = "qcc.constant"() <{value = dense<1> : tensor<2x2xi8>}> : () -> tensor<2x2x!w>
  %b = "qcc.constant"() <{value = dense<1.0> : tensor<2xf32>}> : () -> tensor<2xf32>
  %w = "qcc.dequantize"(%q) : (tensor<2x2x!w>) -> tensor<2x2xf32>
  %r = "qcc.dequantize"(%x) : (tensor<1x2x!in>) -> tensor<1x2xf32>
  %0 = "qcc.gemm"(%r, %w, %b) <{operandSegmentSizes = array<i32: 1, 1, 1, 0, 0>, transB = 1 : i64}> : (tensor<1x2xf32>, tensor<2x2xf32>, tensor<2xf32>) -> tensor<1x2xf32>
  return %0 : tensor<1x2xf32>
}

// Unsigned weights with a zero point are signed ones without.
// CHECK-LABEL: @UnsignedWeights
func.func @UnsignedWeights(%x: tensor<1x2x!in>) -> tensor<1x2xf32> {
  // CHECK: dense<[{{\[}}-128, 127], [0, 1]]> : tensor<2x2xi8>
  %q = "qcc.constant"() <{value = dense<[[0, 255], [128, 129]]> : tensor<2x2xui8>}> : () -> tensor<2x2x!quant.uniform<u8:f32, 0.5:128>>
  %w = "qcc.dequantize"(%q) : (tensor<2x2x!quant.uniform<u8:f32, 0.5:128>>) -> tensor<2x2xf32>
  %r = "qcc.dequantize"(%x) : (tensor<1x2x!in>) -> tensor<1x2xf32>
  %0 = "qcc.matmul"(%r, %w) <{operandSegmentSizes = array<i32: 1, 1, 0, 0, 0>}> : (tensor<1x2xf32>, tensor<2x2xf32>) -> tensor<1x2xf32>
  return %0 : tensor<1x2xf32>
}

// CHECK-LABEL: @SayWhyNot
func.func @SayWhyNot(%x: tensor<1x2x!in>, %w: tensor<2x2xf32>) -> tensor<1x2xf32> {
  // CHECK: "qcc.matmul"{{.*}} {qcc.float_reason = "its weights are not quantised"}
  %r = "qcc.dequantize"(%x) : (tensor<1x2x!in>) -> tensor<1x2xf32>
  %0 = "qcc.matmul"(%r, %w) <{operandSegmentSizes = array<i32: 1, 1, 0, 0, 0>}> : (tensor<1x2xf32>, tensor<2x2xf32>) -> tensor<1x2xf32>
  return %0 : tensor<1x2xf32>
}

// q8b: floats meet stored weights, and bring their own bias.
// CHECK-LABEL: @DecodesWeights
func.func @DecodesWeights(%x: tensor<1x4x4x2xf32>) -> tensor<1x4x4x2xf32> {
  // CHECK: "qcc.conv"(%arg0, %{{[0-9]+}}, %{{[0-9]+}}) {{.*}} : (tensor<1x4x4x2xf32>, tensor<2x2x1x1x!quant.uniform<i8:f32:0, {2.500000e-01,5.000000e-01}>>, tensor<2xf32>) -> tensor<1x4x4x2xf32>
  %q = "qcc.constant"() <{value = dense<1> : tensor<2x2x1x1xi8>}> : () -> tensor<2x2x1x1x!w>
  %b = "qcc.constant"() <{value = dense<1.0> : tensor<2xf32>}> : () -> tensor<2xf32>
  %w = "qcc.dequantize"(%q) : (tensor<2x2x1x1x!w>) -> tensor<2x2x1x1xf32>
  %0 = "qcc.conv"(%x, %w, %b) <{operandSegmentSizes = array<i32: 1, 1, 1, 0, 0, 0>, pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, kernel_shape = array<i64: 1, 1>, layout = "nhwc"}> : (tensor<1x4x4x2xf32>, tensor<2x2x1x1xf32>, tensor<2xf32>) -> tensor<1x4x4x2xf32>
  return %0 : tensor<1x4x4x2xf32>
}

// Nine bits: a convolution has floats in their place, a product decodes them when it runs.
// CHECK-LABEL: @StoresWideWeightsAsFloats
func.func @StoresWideWeightsAsFloats(%x: tensor<1x1x1x2xf32>, %y: tensor<1x2xf32>) -> (tensor<1x1x1x1xf32>, tensor<1x2xf32>) {
  // CHECK-DAG: %[[F:.*]] = "qcc.constant"() <{value = dense<{{.*}}1.000000e+00{{.*}}1.275000e+02
  // CHECK-DAG: "qcc.conv"(%arg0, %[[F]]) {{.*}}qcc.float_reason = "its weights are stored as floats: less their zero point, 8 bits do not hold them"
  // CHECK-DAG: %[[D:.*]] = "qcc.dequantize"
  // CHECK-DAG: "qcc.matmul"(%arg1, %[[D]]) {{.*}}qcc.float_reason = "its weights become floats each time it runs: less their zero point, 8 bits do not hold them"
  %q = "qcc.constant"() <{value = dense<[[[[2]], [[255]]]]> : tensor<1x2x1x1xui8>}> : () -> tensor<1x2x1x1x!quant.uniform<u8:f32, 0.5:0>>
  %w = "qcc.dequantize"(%q) : (tensor<1x2x1x1x!quant.uniform<u8:f32, 0.5:0>>) -> tensor<1x2x1x1xf32>
  %0 = "qcc.conv"(%x, %w) <{operandSegmentSizes = array<i32: 1, 1, 0, 0, 0, 0>, pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, kernel_shape = array<i64: 1, 1>, layout = "nhwc"}> : (tensor<1x1x1x2xf32>, tensor<1x2x1x1xf32>) -> tensor<1x1x1x1xf32>
  %p = "qcc.constant"() <{value = dense<255> : tensor<2x2xui8>}> : () -> tensor<2x2x!quant.uniform<u8:f32, 0.5:0>>
  %v = "qcc.dequantize"(%p) : (tensor<2x2x!quant.uniform<u8:f32, 0.5:0>>) -> tensor<2x2xf32>
  %1 = "qcc.matmul"(%y, %v) <{operandSegmentSizes = array<i32: 1, 1, 0, 0, 0>}> : (tensor<1x2xf32>, tensor<2x2xf32>) -> tensor<1x2xf32>
  return %0, %1 : tensor<1x1x1x1xf32>, tensor<1x2xf32>
}
