// RUN: %qcc-opt %s --split-input-file --qcc-adopt-dynamic | FileCheck %s
// RUN: %qcc-opt %s --split-input-file --qcc-adopt-dynamic=convolutions=false | FileCheck %s --check-prefix=PRODUCTS

// A whole image is measured once, for both convolutions; the bias is theirs. Unsigned weights are signed less their
// zero point.
// CHECK-LABEL: @convolutionsOfOneImage
// PRODUCTS-LABEL: @convolutionsOfOneImage
// PRODUCTS-COUNT-2: "qcc.conv_integer"
func.func @convolutionsOfOneImage(%x: tensor<1x1x4x4xf32>) -> (tensor<1x2x2x2xf32>, tensor<1x2x2x2xf32>) {
  // CHECK: %[[Q:.*]], %[[S:.*]], %{{.*}} = "qcc.dynamic_quantize"(%arg0) <{axis = 1 : i64, zero_point = -1 : i64}> : (tensor<1x1x4x4xf32>) -> (tensor<1x1x4x4xui8>, tensor<1x2xf32>, tensor<1xi32>)
  // CHECK-NOT: "qcc.dynamic_quantize
  // CHECK: %[[W:.*]] = "qcc.constant"() <{value = dense<5> : tensor<2x1x3x3xi8>}> : () -> tensor<2x1x3x3x!quant.uniform<i8:f32:0, {5.000000e-01,5.000000e-01}>>
  // CHECK: "qcc.conv"(%[[Q]], %[[W]], %{{.*}}, %[[S]])
  // CHECK: dense<-28> : tensor<2x1x3x3xi8>
  // CHECK: "qcc.conv"(%[[Q]], %{{.*}}, %[[S]])
  // CHECK-NOT: "qcc.add"
  %w = "qcc.constant"() <{value = dense<5> : tensor<2x1x3x3xi8>}> : () -> tensor<2x1x3x3xi8>
  %v = "qcc.constant"() <{value = dense<100> : tensor<2x1x3x3xui8>}> : () -> tensor<2x1x3x3xui8>
  %vz = "qcc.constant"() <{value = dense<128> : tensor<ui8>}> : () -> tensor<ui8>
  %c = "qcc.constant"() <{value = dense<0.5> : tensor<f32>}> : () -> tensor<f32>
  %b = "qcc.constant"() <{value = dense<3.0> : tensor<1x2x1x1xf32>}> : () -> tensor<1x2x1x1xf32>
  %q, %s, %z = "qcc.dynamic_quantize_linear"(%x) : (tensor<1x1x4x4xf32>) -> (tensor<1x1x4x4xui8>, tensor<f32>, tensor<ui8>)
  %f = "qcc.mul"(%s, %c) : (tensor<f32>, tensor<f32>) -> tensor<f32>
  %0 = "qcc.conv_integer"(%q, %w, %z) <{kernel_shape = array<i64: 3, 3>, pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, operandSegmentSizes = array<i32: 1, 1, 1, 0>}> : (tensor<1x1x4x4xui8>, tensor<2x1x3x3xi8>, tensor<ui8>) -> tensor<1x2x2x2xi32>
  %1 = "qcc.cast"(%0) <{to = 1 : i64}> : (tensor<1x2x2x2xi32>) -> tensor<1x2x2x2xf32>
  %2 = "qcc.mul"(%1, %f) : (tensor<1x2x2x2xf32>, tensor<f32>) -> tensor<1x2x2x2xf32>
  %3 = "qcc.add"(%2, %b) : (tensor<1x2x2x2xf32>, tensor<1x2x1x1xf32>) -> tensor<1x2x2x2xf32>
  %4 = "qcc.conv_integer"(%q, %v, %z, %vz) <{kernel_shape = array<i64: 3, 3>, pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, operandSegmentSizes = array<i32: 1, 1, 1, 1>}> : (tensor<1x1x4x4xui8>, tensor<2x1x3x3xui8>, tensor<ui8>, tensor<ui8>) -> tensor<1x2x2x2xi32>
  %5 = "qcc.cast"(%4) <{to = 1 : i64}> : (tensor<1x2x2x2xi32>) -> tensor<1x2x2x2xf32>
  %6 = "qcc.mul"(%5, %f) : (tensor<1x2x2x2xf32>, tensor<f32>) -> tensor<1x2x2x2xf32>
  return %3, %6 : tensor<1x2x2x2xf32>, tensor<1x2x2x2xf32>
}

// -----

// Weights that need more than 8 bits less their zero point stay with the general kernel, and so do several images,
// which the model measures together.
// CHECK-LABEL: @whatHasNoFastKernel
func.func @whatHasNoFastKernel(%x: tensor<2x1x3x3xf32>, %y: tensor<1x1x3x3xf32>) -> (tensor<2x1x1x1xf32>, tensor<1x1x1x1xf32>) {
  // CHECK-COUNT-2: "qcc.conv_integer"
  %w = "qcc.constant"() <{value = dense<5> : tensor<1x1x3x3xi8>}> : () -> tensor<1x1x3x3xi8>
  %v = "qcc.constant"() <{value = dense<255> : tensor<1x1x3x3xui8>}> : () -> tensor<1x1x3x3xui8>
  %vz = "qcc.constant"() <{value = dense<100> : tensor<ui8>}> : () -> tensor<ui8>
  %q, %s, %z = "qcc.dynamic_quantize_linear"(%x) : (tensor<2x1x3x3xf32>) -> (tensor<2x1x3x3xui8>, tensor<f32>, tensor<ui8>)
  %0 = "qcc.conv_integer"(%q, %w, %z) <{kernel_shape = array<i64: 3, 3>, pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, operandSegmentSizes = array<i32: 1, 1, 1, 0>}> : (tensor<2x1x3x3xui8>, tensor<1x1x3x3xi8>, tensor<ui8>) -> tensor<2x1x1x1xi32>
  %1 = "qcc.cast"(%0) <{to = 1 : i64}> : (tensor<2x1x1x1xi32>) -> tensor<2x1x1x1xf32>
  %2 = "qcc.mul"(%1, %s) : (tensor<2x1x1x1xf32>, tensor<f32>) -> tensor<2x1x1x1xf32>
  %p, %t, %u = "qcc.dynamic_quantize_linear"(%y) : (tensor<1x1x3x3xf32>) -> (tensor<1x1x3x3xui8>, tensor<f32>, tensor<ui8>)
  %3 = "qcc.conv_integer"(%p, %v, %u, %vz) <{kernel_shape = array<i64: 3, 3>, pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, operandSegmentSizes = array<i32: 1, 1, 1, 1>}> : (tensor<1x1x3x3xui8>, tensor<1x1x3x3xui8>, tensor<ui8>, tensor<ui8>) -> tensor<1x1x1x1xi32>
  %4 = "qcc.cast"(%3) <{to = 1 : i64}> : (tensor<1x1x1x1xi32>) -> tensor<1x1x1x1xf32>
  %5 = "qcc.mul"(%4, %t) : (tensor<1x1x1x1xf32>, tensor<f32>) -> tensor<1x1x1x1xf32>
  return %2, %5 : tensor<2x1x1x1xf32>, tensor<1x1x1x1xf32>
}

// -----

// Of a product each row has the scale and the zero point of the whole tensor.
// CHECK-LABEL: @products
// PRODUCTS-LABEL: @products
func.func @products(%x: tensor<4x3xf32>) -> tensor<4x2xf32> {
  // CHECK: %[[Q:.*]], %[[S:.*]], %[[Z:.*]] = "qcc.dynamic_quantize_linear"(%arg0)
  // CHECK-DAG: %[[SR:.*]] = "qcc.expand"(%[[S]]) <{shape = array<i64: 4>}>
  // CHECK-DAG: %[[ZI:.*]] = "qcc.cast"(%[[Z]]) <{{.*}}to = 6
  // CHECK-DAG: %[[ZR:.*]] = "qcc.expand"(%[[ZI]]) <{shape = array<i64: 4>}>
  // CHECK: "qcc.dynamic_matmul"(%[[Q]], %[[SR]], %[[ZR]], {{.*}}!quant.uniform<i8:f32:1, {5.000000e-01,2.500000e-01}>
  // PRODUCTS: "qcc.dynamic_matmul"
  %w = "qcc.constant"() <{value = dense<5> : tensor<3x2xi8>}> : () -> tensor<3x2xi8>
  %c = "qcc.constant"() <{value = dense<[0.5, 0.25]> : tensor<2xf32>}> : () -> tensor<2xf32>
  %q, %s, %z = "qcc.dynamic_quantize_linear"(%x) : (tensor<4x3xf32>) -> (tensor<4x3xui8>, tensor<f32>, tensor<ui8>)
  %f = "qcc.mul"(%c, %s) : (tensor<2xf32>, tensor<f32>) -> tensor<2xf32>
  %0 = "qcc.matmul_integer"(%q, %w, %z) <{operandSegmentSizes = array<i32: 1, 1, 1, 0>}> : (tensor<4x3xui8>, tensor<3x2xi8>, tensor<ui8>) -> tensor<4x2xi32>
  %1 = "qcc.cast"(%0) <{to = 1 : i64}> : (tensor<4x2xi32>) -> tensor<4x2xf32>
  %2 = "qcc.mul"(%f, %1) : (tensor<2xf32>, tensor<4x2xf32>) -> tensor<4x2xf32>
  return %2 : tensor<4x2xf32>
}

// -----

// A factor for each row is none for each column, even where there are as many; sums that might not fit into 32 bits are
// for the general kernel.
// CHECK-LABEL: @productsOfOtherKinds
func.func @productsOfOtherKinds(%x: tensor<2x3xf32>, %y: tensor<2x70000xf32>) -> (tensor<2x2xf32>, tensor<2x2xf32>) {
  // CHECK-COUNT-2: "qcc.matmul_integer"
  // CHECK-NOT: "qcc.dynamic_matmul"
  %w = "qcc.constant"() <{value = dense<5> : tensor<3x2xi8>}> : () -> tensor<3x2xi8>
  %c = "qcc.constant"() <{value = dense<[[1.0], [2.0]]> : tensor<2x1xf32>}> : () -> tensor<2x1xf32>
  %q, %s, %z = "qcc.dynamic_quantize_linear"(%x) : (tensor<2x3xf32>) -> (tensor<2x3xui8>, tensor<f32>, tensor<ui8>)
  %f = "qcc.mul"(%s, %c) : (tensor<f32>, tensor<2x1xf32>) -> tensor<2x1xf32>
  %0 = "qcc.matmul_integer"(%q, %w, %z) <{operandSegmentSizes = array<i32: 1, 1, 1, 0>}> : (tensor<2x3xui8>, tensor<3x2xi8>, tensor<ui8>) -> tensor<2x2xi32>
  %1 = "qcc.cast"(%0) <{to = 1 : i64}> : (tensor<2x2xi32>) -> tensor<2x2xf32>
  %2 = "qcc.mul"(%1, %f) : (tensor<2x2xf32>, tensor<2x1xf32>) -> tensor<2x2xf32>
  %v = "qcc.constant"() <{value = dense<127> : tensor<70000x2xi8>}> : () -> tensor<70000x2xi8>
  %p, %t, %u = "qcc.dynamic_quantize_linear"(%y) : (tensor<2x70000xf32>) -> (tensor<2x70000xui8>, tensor<f32>, tensor<ui8>)
  %3 = "qcc.matmul_integer"(%p, %v, %u) <{operandSegmentSizes = array<i32: 1, 1, 1, 0>}> : (tensor<2x70000xui8>, tensor<70000x2xi8>, tensor<ui8>) -> tensor<2x2xi32>
  %4 = "qcc.cast"(%3) <{to = 1 : i64}> : (tensor<2x2xi32>) -> tensor<2x2xf32>
  %5 = "qcc.mul"(%4, %t) : (tensor<2x2xf32>, tensor<f32>) -> tensor<2x2xf32>
  return %2, %5 : tensor<2x2xf32>, tensor<2x2xf32>
}
