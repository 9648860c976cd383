// RUN: %qcc-opt %s --qcc-fuse-lookups --qcc-fuse-float-chains --qcc-report-float --split-input-file --verify-diagnostics | FileCheck %s

!a = !quant.uniform<u8:f32, 0.5:3>

// CHECK-LABEL: @StepsAndResidual
func.func @StepsAndResidual(%x: tensor<2x3xf32>, %w: tensor<3x2xf32>, %y: tensor<2x2xf32>) -> tensor<2x2xf32> {
  // CHECK: %[[M:.*]] = "qcc.matmul"(%arg0, %arg1, %arg2) <{chain = [{op = "mul", value = 2.000000e+00 : f32}, {op = "residual"}, {op = "sigmoid"}], operandSegmentSizes = array<i32: 1, 1, 0, 1, 0>}>
  // CHECK-NEXT: return %[[M]]
  %two = "qcc.constant"() <{value = dense<2.0> : tensor<f32>}> : () -> tensor<f32>
  %0 = "qcc.matmul"(%x, %w) <{operandSegmentSizes = array<i32: 1, 1, 0, 0, 0>}> : (tensor<2x3xf32>, tensor<3x2xf32>) -> tensor<2x2xf32>
  %1 = "qcc.mul"(%0, %two) : (tensor<2x2xf32>, tensor<f32>) -> tensor<2x2xf32>
  %2 = "qcc.add"(%y, %1) : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
  %3 = "qcc.sigmoid"(%2) : (tensor<2x2xf32>) -> tensor<2x2xf32>
  return %3 : tensor<2x2xf32>
}

// A value that is used twice has to be stored.
// CHECK-LABEL: @KeepSharedValues
func.func @KeepSharedValues(%x: tensor<2x2xf32>) -> (tensor<2x2xf32>, tensor<2x2xf32>) {
  // CHECK: %[[M:.*]] = "qcc.matmul"
  // CHECK-NEXT: "qcc.relu"(%[[M]])
  %0 = "qcc.matmul"(%x, %x) <{operandSegmentSizes = array<i32: 1, 1, 0, 0, 0>}> : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
  %1 = "qcc.relu"(%0) : (tensor<2x2xf32>) -> tensor<2x2xf32>
  return %0, %1 : tensor<2x2xf32>, tensor<2x2xf32>
}

// The table reads what the product is rounded to.
// CHECK-LABEL: @TableOfAProduct
func.func @TableOfAProduct(%x: tensor<2x2x!a>, %t: tensor<256xui8>) -> tensor<2x2x!quant.uniform<u8:f32, 0.25>> {
  // CHECK: %[[W:.*]] = "qcc.constant"
  // CHECK: %[[M:.*]] = "qcc.matmul"(%arg0, %[[W]], %arg1) <{chain = [{op = "requantize", scale = 5.000000e-01 : f32, zero_point = 3 : i64}], operandSegmentSizes = array<i32: 1, 1, 0, 0, 1>}> {{.*}} -> tensor<2x2x!quant.uniform<u8:f32, 2.500000e-01>>
  // CHECK-NEXT: return %[[M]]
  %w = "qcc.constant"() <{value = dense<1> : tensor<2x2xi8>}> : () -> tensor<2x2x!quant.uniform<i8:f32, 0.5>>
  %0 = "qcc.matmul"(%x, %w) <{operandSegmentSizes = array<i32: 1, 1, 0, 0, 0>}> : (tensor<2x2x!a>, tensor<2x2x!quant.uniform<i8:f32, 0.5>>) -> tensor<2x2x!a>
  %1 = "qcc.lookup"(%0, %t) : (tensor<2x2x!a>, tensor<256xui8>) -> tensor<2x2x!quant.uniform<u8:f32, 0.25>>
  return %1 : tensor<2x2x!quant.uniform<u8:f32, 0.25>>
}

// -----

!a = !quant.uniform<u8:f32, 0.5:3>

// CHECK-LABEL: @SayWhatStaysFloat
func.func @SayWhatStaysFloat(%x: tensor<2x2x!a>) -> tensor<2x2xf32> {
  // CHECK: "qcc.softmax"{{.*}}qcc.float_reason
  %0 = "qcc.dequantize"(%x) : (tensor<2x2x!a>) -> tensor<2x2xf32>
  // expected-remark @below {{left in float: 'qcc.softmax' has no integer form}}
  %1 = "qcc.softmax"(%0) : (tensor<2x2xf32>) -> tensor<2x2xf32>
  return %1 : tensor<2x2xf32>
}

// -----

// An integer product stays one where it adds a float, and so does a layer that measures its rows itself.
// CHECK-LABEL: @IntegersWithFloatNeighbours
// CHECK: "qcc.matmul"
// CHECK-NOT: qcc.float_reason
// CHECK: "qcc.rnn"
// CHECK-NOT: qcc.float_reason
// CHECK: return
func.func @IntegersWithFloatNeighbours(%x: tensor<2x2x!quant.uniform<u8:f32, 0.1>>, %y: tensor<4x1x2x!quant.uniform<u8:f32, 0.1>>) -> (tensor<2x2xf32>, tensor<4x1x1x2xf32>) {
  %w = "qcc.constant"() <{value = dense<1> : tensor<2x2xi8>}> : () -> tensor<2x2x!quant.uniform<i8:f32:1, {0.5, 0.5}>>
  %b = "qcc.constant"() <{value = dense<0.0> : tensor<2xf32>}> : () -> tensor<2xf32>
  %v = "qcc.constant"() <{value = dense<1> : tensor<1x2x2xi8>}> : () -> tensor<1x2x2x!quant.uniform<i8:f32:1, {0.5, 0.5}>>
  %r = "qcc.dequantize"(%x) : (tensor<2x2x!quant.uniform<u8:f32, 0.1>>) -> tensor<2x2xf32>
  %s = "qcc.dequantize"(%y) : (tensor<4x1x2x!quant.uniform<u8:f32, 0.1>>) -> tensor<4x1x2xf32>
  %0 = "qcc.matmul"(%x, %w, %b, %r) <{chain = [{op = "residual"}], operandSegmentSizes = array<i32: 1, 1, 1, 1, 0>}> : (tensor<2x2x!quant.uniform<u8:f32, 0.1>>, tensor<2x2x!quant.uniform<i8:f32:1, {0.5, 0.5}>>, tensor<2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
  %1, %h = "qcc.rnn"(%s, %v, %v) <{functions = [{op = "tanh"}], operandSegmentSizes = array<i32: 1, 1, 1, 0, 0, 0>}> : (tensor<4x1x2xf32>, tensor<1x2x2x!quant.uniform<i8:f32:1, {0.5, 0.5}>>, tensor<1x2x2x!quant.uniform<i8:f32:1, {0.5, 0.5}>>) -> (tensor<4x1x1x2xf32>, tensor<1x1x2xf32>)
  return %0, %1 : tensor<2x2xf32>, tensor<4x1x1x2xf32>
}
