// RUN: %qcc-opt %s --split-input-file --qcc-widen-half | FileCheck %s

// Inputs and outputs keep their type; what is between has float32, constants included.
// CHECK-LABEL: @between
// CHECK-SAME: (%[[X:.*]]: tensor<2x3xf16>) -> tensor<2x2xf16>
func.func @between(%x: tensor<2x3xf16>) -> tensor<2x2xf16> {
  // CHECK: %[[WIDE:.*]] = "qcc.cast"(%[[X]]) {{.*}}to = 1 : i64}> : (tensor<2x3xf16>) -> tensor<2x3xf32>
  // CHECK: %[[W:.*]] = "qcc.constant"() <{value = dense<1.500000e+00> : tensor<3x2xf32>}>
  // CHECK: %[[M:.*]] = "qcc.matmul"(%[[WIDE]], %[[W]]){{.*}} -> tensor<2x2xf32>
  // CHECK: %[[R:.*]] = "qcc.relu"(%[[M]]) : (tensor<2x2xf32>) -> tensor<2x2xf32>
  // CHECK: %[[HALF:.*]] = "qcc.cast"(%[[R]]) {{.*}}to = 10 : i64}> : (tensor<2x2xf32>) -> tensor<2x2xf16>
  // CHECK: return %[[HALF]]
  %w = "qcc.constant"() <{value = dense<1.5> : tensor<3x2xf16>}> : () -> tensor<3x2xf16>
  %0 = "qcc.matmul"(%x, %w) <{operandSegmentSizes = array<i32: 1, 1, 0, 0, 0>}> : (tensor<2x3xf16>, tensor<3x2xf16>) -> tensor<2x2xf16>
  %1 = "qcc.relu"(%0) : (tensor<2x2xf16>) -> tensor<2x2xf16>
  return %1 : tensor<2x2xf16>
}

// -----

// A cast to float16 rounds no more; other types stay.
// CHECK-LABEL: @casts
func.func @casts(%x: tensor<4xf32>) -> (tensor<4xf16>, tensor<4xi32>) {
  // CHECK: %[[A:.*]] = "qcc.cast"(%arg0) {{.*}}to = 1 : i64}> : (tensor<4xf32>) -> tensor<4xf32>
  // CHECK: %[[B:.*]] = "qcc.cast"(%[[A]]) {{.*}}to = 6 : i64}> : (tensor<4xf32>) -> tensor<4xi32>
  // CHECK: %[[C:.*]] = "qcc.cast"(%[[A]]) {{.*}}to = 10 : i64}> : (tensor<4xf32>) -> tensor<4xf16>
  // CHECK: return %[[C]], %[[B]]
  %0 = "qcc.cast"(%x) <{to = 10 : i64}> : (tensor<4xf32>) -> tensor<4xf16>
  %1 = "qcc.cast"(%0) <{to = 6 : i64}> : (tensor<4xf16>) -> tensor<4xi32>
  return %0, %1 : tensor<4xf16>, tensor<4xi32>
}

// -----

// A change of representation keeps its types.
// CHECK-LABEL: @representations
func.func @representations(%x: tensor<4xf16>, %s: tensor<f16>) -> tensor<4xi8> {
  // CHECK: "qcc.quantize_linear"(%{{.*}}, %{{.*}}) {{.*}}: (tensor<4xf16>, tensor<f16>) -> tensor<4xui8>
  %0 = "qcc.quantize_linear"(%x, %s) <{axis = 1 : i64, block_size = 0 : i64, output_dtype = 0 : i64, precision = 0 : i64, saturate = 1 : i64}> : (tensor<4xf16>, tensor<f16>) -> tensor<4xui8>
  %1 = "qcc.cast"(%0) <{to = 3 : i64}> : (tensor<4xui8>) -> tensor<4xi8>
  return %1 : tensor<4xi8>
}
