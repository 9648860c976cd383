// RUN: %qcc-opt %s --split-input-file --qcc-fuse-attention | FileCheck %s

// Heads that were taken apart and put together again need no transposes, save where keys are read.
// CHECK-LABEL: @headsStayWhereTheyAre
func.func @headsStayWhereTheyAre(%q: tensor<1x5x2x4xf32>, %k: tensor<1x7x2x4xf32>, %v: tensor<1x7x2x4xf32>, %m: tensor<1x1x1x7xf32>) -> tensor<1x5x2x4xf32> {
  // CHECK-NEXT: %[[A:.*]] = "qcc.attention"(%arg0, %arg1, %arg2, %arg3) <{operandSegmentSizes = array<i32: 1, 1, 1, 1, 0>, scale = 5.000000e-01 : f32, softcap = 0.000000e+00 : f32}>
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
  // CHECK: "qcc.attention"(%{{.*}}, %{{.*}}, %{{.*}}) <{{{.*}}scale = 2.500000e-01 : f32, softcap = 0.000000e+00 : f32}> : (tensor<6x5x1x4xf32>, tensor<6x7x1x4xf32>, tensor<6x7x1x3xf32>) -> tensor<6x5x1x3xf32>
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

// -----

// As ONNX's Attention is written: heads that share keys are read once, and rows that see nothing are zero anyway.
// CHECK-LABEL: @groupsOfHeadsAndGuardedRows
func.func @groupsOfHeadsAndGuardedRows(%q: tensor<1x4x5x8xf32>, %k: tensor<1x2x7x8xf32>, %v: tensor<1x2x7x8xf32>, %m: tensor<5x7xf32>) -> tensor<1x4x5x8xf32> {
  // CHECK-NOT: qcc.expand
  // CHECK-NOT: qcc.where
  // CHECK: "qcc.attention"(%{{.*}}) <{{{.*}}scale = 2.500000e-01 : f32, softcap = 0.000000e+00 : f32}> : (tensor<1x5x4x8xf32>, tensor<1x7x2x8xf32>, tensor<1x7x2x8xf32>, tensor<1x1x5x7xf32>) -> tensor<1x5x4x8xf32>
  %c = "qcc.constant"() <{value = dense<0.5> : tensor<1xf32>}> : () -> tensor<1xf32>
  %zero = "qcc.constant"() <{value = dense<0.0> : tensor<1xf32>}> : () -> tensor<1xf32>
  %lowest = "qcc.constant"() <{value = dense<0xFF800000> : tensor<1xf32>}> : () -> tensor<1xf32>
  %k5 = "qcc.reshape"(%k) <{shape = array<i64: 1, 2, 1, 7, 8>}> : (tensor<1x2x7x8xf32>) -> tensor<1x2x1x7x8xf32>
  %ks = "qcc.expand"(%k5) <{shape = array<i64: 1, 2, 2, 7, 8>}> : (tensor<1x2x1x7x8xf32>) -> tensor<1x2x2x7x8xf32>
  %kr = "qcc.reshape"(%ks) <{shape = array<i64: 1, 4, 7, 8>}> : (tensor<1x2x2x7x8xf32>) -> tensor<1x4x7x8xf32>
  %v5 = "qcc.reshape"(%v) <{shape = array<i64: 1, 2, 1, 7, 8>}> : (tensor<1x2x7x8xf32>) -> tensor<1x2x1x7x8xf32>
  %vs = "qcc.expand"(%v5) <{shape = array<i64: 1, 2, 2, 7, 8>}> : (tensor<1x2x1x7x8xf32>) -> tensor<1x2x2x7x8xf32>
  %vr = "qcc.reshape"(%vs) <{shape = array<i64: 1, 4, 7, 8>}> : (tensor<1x2x2x7x8xf32>) -> tensor<1x4x7x8xf32>
  %kt = "qcc.transpose"(%kr) <{perm = array<i64: 0, 1, 3, 2>}> : (tensor<1x4x7x8xf32>) -> tensor<1x4x8x7xf32>
  %0 = "qcc.mul"(%q, %c) : (tensor<1x4x5x8xf32>, tensor<1xf32>) -> tensor<1x4x5x8xf32>
  %1 = "qcc.mul"(%kt, %c) : (tensor<1x4x8x7xf32>, tensor<1xf32>) -> tensor<1x4x8x7xf32>
  %2 = "qcc.matmul"(%0, %1) <{operandSegmentSizes = array<i32: 1, 1, 0, 0, 0>}> : (tensor<1x4x5x8xf32>, tensor<1x4x8x7xf32>) -> tensor<1x4x5x7xf32>
  %3 = "qcc.add"(%2, %m) : (tensor<1x4x5x7xf32>, tensor<5x7xf32>) -> tensor<1x4x5x7xf32>
  %4 = "qcc.softmax"(%3) <{axis = 3 : i64}> : (tensor<1x4x5x7xf32>) -> tensor<1x4x5x7xf32>
  %5 = "qcc.reduce_max"(%m) <{axes = array<i64: 1>, keepdims = 1 : i64}> : (tensor<5x7xf32>) -> tensor<5x1xf32>
  %6 = "qcc.equal"(%5, %lowest) : (tensor<5x1xf32>, tensor<1xf32>) -> tensor<5x1xi1>
  %7 = "qcc.where"(%6, %zero, %4) : (tensor<5x1xi1>, tensor<1xf32>, tensor<1x4x5x7xf32>) -> tensor<1x4x5x7xf32>
  %8 = "qcc.matmul"(%7, %vr) <{operandSegmentSizes = array<i32: 1, 1, 0, 0, 0>}> : (tensor<1x4x5x7xf32>, tensor<1x4x7x8xf32>) -> tensor<1x4x5x8xf32>
  return %8 : tensor<1x4x5x8xf32>
}

// -----

// A guard of something else than the mask that is added stays.
// CHECK-LABEL: @guardedByAnotherMask
func.func @guardedByAnotherMask(%q: tensor<6x5x4xf32>, %k: tensor<6x4x7xf32>, %v: tensor<6x7x3xf32>, %m: tensor<5x7xf32>, %other: tensor<5x7xf32>) -> tensor<6x5x3xf32> {
  // CHECK-NOT: "qcc.attention"
  %zero = "qcc.constant"() <{value = dense<0.0> : tensor<1xf32>}> : () -> tensor<1xf32>
  %lowest = "qcc.constant"() <{value = dense<0xFF800000> : tensor<1xf32>}> : () -> tensor<1xf32>
  %0 = "qcc.matmul"(%q, %k) <{operandSegmentSizes = array<i32: 1, 1, 0, 0, 0>}> : (tensor<6x5x4xf32>, tensor<6x4x7xf32>) -> tensor<6x5x7xf32>
  %1 = "qcc.add"(%0, %m) : (tensor<6x5x7xf32>, tensor<5x7xf32>) -> tensor<6x5x7xf32>
  %2 = "qcc.softmax"(%1) <{axis = 2 : i64}> : (tensor<6x5x7xf32>) -> tensor<6x5x7xf32>
  %3 = "qcc.reduce_max"(%other) <{axes = array<i64: 1>, keepdims = 1 : i64}> : (tensor<5x7xf32>) -> tensor<5x1xf32>
  %4 = "qcc.equal"(%3, %lowest) : (tensor<5x1xf32>, tensor<1xf32>) -> tensor<5x1xi1>
  %5 = "qcc.where"(%4, %zero, %2) : (tensor<5x1xi1>, tensor<1xf32>, tensor<6x5x7xf32>) -> tensor<6x5x7xf32>
  %6 = "qcc.matmul"(%5, %v) <{operandSegmentSizes = array<i32: 1, 1, 0, 0, 0>}> : (tensor<6x5x7xf32>, tensor<6x7x3xf32>) -> tensor<6x5x3xf32>
  return %6 : tensor<6x5x3xf32>
}

// -----

// c * tanh(scaled / c) before the mask.
// CHECK-LABEL: @softcap
func.func @softcap(%q: tensor<1x2x5x4xf32>, %k: tensor<1x2x4x7xf32>, %v: tensor<1x2x7x4xf32>, %m: tensor<5x7xf32>) -> tensor<1x2x5x4xf32> {
  // CHECK: "qcc.attention"(%{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}) <{{{.*}}scale = 5.000000e-01 : f32, softcap = 8.000000e+00 : f32}>
  %s = "qcc.constant"() <{value = dense<0.5> : tensor<f32>}> : () -> tensor<f32>
  %c = "qcc.constant"() <{value = dense<8.0> : tensor<f32>}> : () -> tensor<f32>
  %0 = "qcc.matmul"(%q, %k) <{operandSegmentSizes = array<i32: 1, 1, 0, 0, 0>}> : (tensor<1x2x5x4xf32>, tensor<1x2x4x7xf32>) -> tensor<1x2x5x7xf32>
  %1 = "qcc.mul"(%0, %s) : (tensor<1x2x5x7xf32>, tensor<f32>) -> tensor<1x2x5x7xf32>
  %2 = "qcc.div"(%1, %c) : (tensor<1x2x5x7xf32>, tensor<f32>) -> tensor<1x2x5x7xf32>
  %3 = "qcc.tanh"(%2) : (tensor<1x2x5x7xf32>) -> tensor<1x2x5x7xf32>
  %4 = "qcc.mul"(%3, %c) : (tensor<1x2x5x7xf32>, tensor<f32>) -> tensor<1x2x5x7xf32>
  %5 = "qcc.add"(%4, %m) : (tensor<1x2x5x7xf32>, tensor<5x7xf32>) -> tensor<1x2x5x7xf32>
  %6 = "qcc.softmax"(%5) <{axis = 3 : i64}> : (tensor<1x2x5x7xf32>) -> tensor<1x2x5x7xf32>
  %7 = "qcc.matmul"(%6, %v) <{operandSegmentSizes = array<i32: 1, 1, 0, 0, 0>}> : (tensor<1x2x5x7xf32>, tensor<1x2x7x4xf32>) -> tensor<1x2x5x4xf32>
  return %7 : tensor<1x2x5x4xf32>
}

// -----

// Scores that a condition replaces by less than any are those with a mask; by no more than -1000 they are not.
// CHECK-LABEL: @hiddenScores
func.func @hiddenScores(%q: tensor<1x2x5x4xf32>, %k: tensor<1x2x4x7xf32>, %v: tensor<1x2x7x4xf32>, %c: tensor<5x7xi1>) -> (tensor<1x2x5x4xf32>, tensor<1x2x5x4xf32>) {
  // CHECK: %[[MASK:.*]] = "qcc.where"(%arg3, %{{.*}}, %{{.*}}) : (tensor<5x7xi1>, tensor<f32>, tensor<f32>) -> tensor<5x7xf32>
  // CHECK-COUNT-1: "qcc.attention"
  // CHECK-NOT: "qcc.attention"
  %low = "qcc.constant"() <{value = dense<-3.0e+38> : tensor<f32>}> : () -> tensor<f32>
  %some = "qcc.constant"() <{value = dense<-1000.0> : tensor<f32>}> : () -> tensor<f32>
  %0 = "qcc.matmul"(%q, %k) <{operandSegmentSizes = array<i32: 1, 1, 0, 0, 0>}> : (tensor<1x2x5x4xf32>, tensor<1x2x4x7xf32>) -> tensor<1x2x5x7xf32>
  %1 = "qcc.where"(%c, %0, %low) : (tensor<5x7xi1>, tensor<1x2x5x7xf32>, tensor<f32>) -> tensor<1x2x5x7xf32>
  %2 = "qcc.softmax"(%1) <{axis = 3 : i64}> : (tensor<1x2x5x7xf32>) -> tensor<1x2x5x7xf32>
  %3 = "qcc.matmul"(%2, %v) <{operandSegmentSizes = array<i32: 1, 1, 0, 0, 0>}> : (tensor<1x2x5x7xf32>, tensor<1x2x7x4xf32>) -> tensor<1x2x5x4xf32>
  %4 = "qcc.matmul"(%q, %k) <{operandSegmentSizes = array<i32: 1, 1, 0, 0, 0>}> : (tensor<1x2x5x4xf32>, tensor<1x2x4x7xf32>) -> tensor<1x2x5x7xf32>
  %5 = "qcc.where"(%c, %4, %some) : (tensor<5x7xi1>, tensor<1x2x5x7xf32>, tensor<f32>) -> tensor<1x2x5x7xf32>
  %6 = "qcc.softmax"(%5) <{axis = 3 : i64}> : (tensor<1x2x5x7xf32>) -> tensor<1x2x5x7xf32>
  %7 = "qcc.matmul"(%6, %v) <{operandSegmentSizes = array<i32: 1, 1, 0, 0, 0>}> : (tensor<1x2x5x7xf32>, tensor<1x2x7x4xf32>) -> tensor<1x2x5x4xf32>
  return %3, %7 : tensor<1x2x5x4xf32>, tensor<1x2x5x4xf32>
}

// -----

// Of bytes the product stays one.
// CHECK-LABEL: @quantisedQueries
func.func @quantisedQueries(%q: tensor<6x5x4x!quant.uniform<u8:f32, 0.1>>, %k: tensor<6x4x7x!quant.uniform<u8:f32, 0.1>>, %v: tensor<6x7x3xf32>) -> tensor<6x5x3xf32> {
  // CHECK-NOT: qcc.attention
  // CHECK: "qcc.softmax"
  %0 = "qcc.matmul"(%q, %k) <{operandSegmentSizes = array<i32: 1, 1, 0, 0, 0>}> : (tensor<6x5x4x!quant.uniform<u8:f32, 0.1>>, tensor<6x4x7x!quant.uniform<u8:f32, 0.1>>) -> tensor<6x5x7xf32>
  %1 = "qcc.softmax"(%0) <{axis = 2 : i64}> : (tensor<6x5x7xf32>) -> tensor<6x5x7xf32>
  %2 = "qcc.matmul"(%1, %v) <{operandSegmentSizes = array<i32: 1, 1, 0, 0, 0>}> : (tensor<6x5x7xf32>, tensor<6x7x3xf32>) -> tensor<6x5x3xf32>
  return %2 : tensor<6x5x3xf32>
}
