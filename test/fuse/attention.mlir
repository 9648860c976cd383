// RUN: %qcc-opt %s --split-input-file --qcc-fuse-attention | FileCheck %s

// Heads that were taken apart and put together again need no transposes, save where keys are read.
// CHECK-LABEL: @headsStayWhereTheyAre
func.func @headsStayWhereTheyAre(%q: tensor<1x5x2x4xf32>, %k: tensor<1x7x2x4xf32>, %v: tensor<1x7x2x4xf32>, %m: tensor<1x1x1x7xf32>) -> tensor<1x5x2x4xf32> {
  // CHECK-NEXT: %[[A:.*]] = "qcc.attention"(%arg0, %arg1, %arg2, %arg3) <{scale = 5.000000e-01 : f32}>
  // CHECK-NEXT: return %[[A]]
  %c = "qcc.constant"() <{value = dense<2.0> : tensor<f32>}> : () -> tensor<f32>
  %0 = "qcc.transpose"(%q) <{perm = array<i64: 0, 2, 1, 3>}> : (tensor<1x5x2x4xf32>) -> tensor<1x2x5x4xf32>
  %1 = "qcc.transpose"(%k) <{perm = array<i64: 0, 2, 3, 1>}> : (tensor<1x7x2x4xf32>) -> tensor<1x2x4x7xf32>
  %2 = "qcc.transpose"(%v) <{perm = array<i64: 0, 2, 1, 3>}> : (tensor<1x7x2x4xf32>) -> tensor<1x2x7x4xf32>
  %3 = "qcc.matmul"(%0, %1) <{operandSegmentSizes = array<i32: 1, 1, 0, 0, 0>}> : (tensor<1x2x5x4xf32>, tensor<1x2x4x7xf32>) -> tensor<1x2x5x7xf32>
  %4 = "qcc.div"(%3, %c) : (tensor<1x2x5x7xf32>, tensor<f32>) -> tensor<1x2x5x7xf32>
  %5 = "qcc.add"(%4, %m) : (tensor<1x2x5x7xf32>, tensor<1x1x1x7xf32>) -> tensor<1x2x5x7xf32>
  %6 = "qcc.softmax"(%5) <{axis = 3 : i64}> : (tensor<1x2x5x7xf32>) -> tensor<1x2x5x7xf32>
  %7 = "qcc.matmul"(%6, %2) <{operandSegmentSizes = array<i32: 1, 1, 0, 0, 0>}> : (tensor<1x2x5x7xf32>, tensor<1x2x7x4xf32>) -> tensor<1x2x5x4xf32>
  %8 = "qcc.transpose"(%7) <{perm = array<i64: 0, 2, 1, 3>}> : (tensor<1x2x5x4xf32>) -> tensor<1x5x2x4xf32>
  return %8 : tensor<1x5x2x4xf32>
}

// -----

// Batch and heads in one axis; factors on the operands.
// CHECK-LABEL: @batchedProducts
func.func @batchedProducts(%q: tensor<6x5x4xf32>, %k: tensor<6x4x7xf32>, %v: tensor<6x7x3xf32>) -> tensor<6x5x3xf32> {
  // CHECK: "qcc.attention"(%{{.*}}, %{{.*}}, %{{.*}}) <{scale = 2.500000e-01 : f32}> : (tensor<6x5x1x4xf32>, tensor<6x7x1x4xf32>, tensor<6x7x1x3xf32>) -> tensor<6x5x1x3xf32>
  %c = "qcc.constant"() <{value = dense<0.5> : tensor<f32>}> : () -> tensor<f32>
  %0 = "qcc.mul"(%q, %c) : (tensor<6x5x4xf32>, tensor<f32>) -> tensor<6x5x4xf32>
  %1 = "qcc.mul"(%c, %k) : (tensor<f32>, tensor<6x4x7xf32>) -> tensor<6x4x7xf32>
  %2 = "qcc.matmul"(%0, %1) <{operandSegmentSizes = array<i32: 1, 1, 0, 0, 0>}> : (tensor<6x5x4xf32>, tensor<6x4x7xf32>) -> tensor<6x5x7xf32>
  %3 = "qcc.softmax"(%2) <{axis = 2 : i64}> : (tensor<6x5x7xf32>) -> tensor<6x5x7xf32>
  %4 = "qcc.matmul"(%3, %v) <{operandSegmentSizes = array<i32: 1, 1, 0, 0, 0>}> : (tensor<6x5x7xf32>, tensor<6x7x3xf32>) -> tensor<6x5x3xf32>
  return %4 : tensor<6x5x3xf32>
}

// -----

// Whoever else wants the weights keeps the products apart.
// CHECK-LABEL: @weightsThatOthersRead
func.func @weightsThatOthersRead(%q: tensor<6x5x4xf32>, %k: tensor<6x4x7xf32>, %v: tensor<6x7x3xf32>) -> (tensor<6x5x3xf32>, tensor<6x5x7xf32>) {
  // CHECK-NOT: "qcc.attention"
  %0 = "qcc.matmul"(%q, %k) <{operandSegmentSizes = array<i32: 1, 1, 0, 0, 0>}> : (tensor<6x5x4xf32>, tensor<6x4x7xf32>) -> tensor<6x5x7xf32>
  %1 = "qcc.softmax"(%0) <{axis = 2 : i64}> : (tensor<6x5x7xf32>) -> tensor<6x5x7xf32>
  %2 = "qcc.matmul"(%1, %v) <{operandSegmentSizes = array<i32: 1, 1, 0, 0, 0>}> : (tensor<6x5x7xf32>, tensor<6x7x3xf32>) -> tensor<6x5x3xf32>
  return %2, %1 : tensor<6x5x3xf32>, tensor<6x5x7xf32>
}
