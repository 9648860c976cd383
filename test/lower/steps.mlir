// RUN: %qcc-opt %s --split-input-file --qcc-lower | FileCheck %s

// Quantising and turning to channels last are one step, which writes inside the border that the convolution reads.
// CHECK-LABEL: @QuantizeTransposed
module @QuantizeTransposed {
  // CHECK-NOT: kind = "transpose"
  // CHECK: qcc.invoke @quantize_0(%arg0, [[X:%[0-9]+]])
  // CHECK-NOT: no_barrier
  // CHECK: qcc.invoke @fill_border_0([[X]])
  // CHECK-NOT: no_barrier
  // CHECK: qcc.invoke @gemm_0([[X]],
  func.func @main(%x: tensor<1x3x4x4xf32>) -> tensor<1x4x4x16x!quant.uniform<u8:f32, 0.5>> {
    %w = "qcc.constant"() <{value = dense<1> : tensor<16x3x3x3xi8>}> : () -> tensor<16x3x3x3x!quant.uniform<i8:f32, 0.25>>
    %0 = "qcc.quantize"(%x) : (tensor<1x3x4x4xf32>) -> tensor<1x3x4x4x!quant.uniform<u8:f32, 0.5:7>>
    %1 = "qcc.transpose"(%0) <{perm = array<i64: 0, 2, 3, 1>}> : (tensor<1x3x4x4x!quant.uniform<u8:f32, 0.5:7>>) -> tensor<1x4x4x3x!quant.uniform<u8:f32, 0.5:7>>
    %2 = "qcc.conv"(%1, %w) <{layout = "nhwc", kernel_shape = array<i64: 3, 3>, pads = array<i64: 1, 1, 1, 1>, strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, group = 1 : i64, operandSegmentSizes = array<i32: 1, 1, 0, 0, 0, 0>}> : (tensor<1x4x4x3x!quant.uniform<u8:f32, 0.5:7>>, tensor<16x3x3x3x!quant.uniform<i8:f32, 0.25>>) -> tensor<1x4x4x16x!quant.uniform<u8:f32, 0.5>>
    return %2 : tensor<1x4x4x16x!quant.uniform<u8:f32, 0.5>>
  }
}

// -----

// A concatenation writes nothing itself where its operands lie inside it: its border waits for a barrier of its own.
// CHECK-LABEL: @BorderOfConcat
module @BorderOfConcat {
  // CHECK: qcc.invoke @sigmoid_0
  // CHECK: qcc.invoke @exp_0
  // CHECK-NEXT: qcc.invoke @fill_border_0([[X:%[0-9]+]])
  // CHECK-NOT: no_barrier
  // CHECK-SAME: written = 1
  // CHECK-NEXT: qcc.invoke @gemm_0([[X]],
  func.func @main(%x: tensor<1x4x4x2xf32>) -> tensor<1x4x4x4xf32> {
    %w = "qcc.constant"() <{value = dense<1.0> : tensor<4x4x3x3xf32>}> : () -> tensor<4x4x3x3xf32>
    %0 = "qcc.sigmoid"(%x) : (tensor<1x4x4x2xf32>) -> tensor<1x4x4x2xf32>
    %1 = "qcc.exp"(%x) : (tensor<1x4x4x2xf32>) -> tensor<1x4x4x2xf32>
    %2 = "qcc.concat"(%0, %1) <{axis = 3 : i64}> : (tensor<1x4x4x2xf32>, tensor<1x4x4x2xf32>) -> tensor<1x4x4x4xf32>
    %3 = "qcc.conv"(%2, %w) <{layout = "nhwc", kernel_shape = array<i64: 3, 3>, pads = array<i64: 1, 1, 1, 1>, strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, group = 1 : i64, operandSegmentSizes = array<i32: 1, 1, 0, 0, 0, 0>}> : (tensor<1x4x4x4xf32>, tensor<4x4x3x3xf32>) -> tensor<1x4x4x4xf32>
    return %3 : tensor<1x4x4x4xf32>
  }
}
