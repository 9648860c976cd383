// RUN: %qcc-opt %s --qcc-store-bf16 | FileCheck %s

// Weights are rounded; between two products the tensor is bf16; the last result stays f32.
// CHECK-LABEL: @TwoProducts
func.func @TwoProducts(%x: tensor<2x2xf32>) -> tensor<2x2xf32> {
  // CHECK-DAG: %[[W:.*]] = "qcc.constant"() <{value = dense<{{.*}}1.00781{{.*}}> : tensor<2x2xbf16>}>
  // CHECK-DAG: %[[X:.*]] = "qcc.cast"(%arg0) <{{.*}}to = 16 : i64}> : (tensor<2x2xf32>) -> tensor<2x2xbf16>
  // CHECK: %[[M:.*]] = "qcc.matmul"(%[[X]], %[[W]]) {{.*}} -> tensor<2x2xbf16>
  // CHECK: "qcc.matmul"(%[[M]], {{.*}}) {{.*}} -> tensor<2x2xf32>
  %w = "qcc.constant"() <{value = dense<[[1.005, 2.0], [3.0, 4.0]]> : tensor<2x2xf32>}> : () -> tensor<2x2xf32>
  %0 = "qcc.matmul"(%x, %w) <{operandSegmentSizes = array<i32: 1, 1, 0, 0, 0>}> : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
  %1 = "qcc.matmul"(%0, %w) <{operandSegmentSizes = array<i32: 1, 1, 0, 0, 0>}> : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
  return %1 : tensor<2x2xf32>
}

// What a product adds has its result's type, and so has what is moved on.
// CHECK-LABEL: @ResidualsAndMoves
func.func @ResidualsAndMoves(%x: tensor<2x2xf32>) -> tensor<2x2xf32> {
  // CHECK: %[[A:.*]] = "qcc.matmul"{{.*}} -> tensor<2x2xbf16>
  // CHECK: %[[R:.*]] = "qcc.transpose"(%[[A]]) {{.*}} -> tensor<2x2xbf16>
  // CHECK: %[[B:.*]] = "qcc.matmul"(%[[R]], %{{.*}}, %[[R]]) {{.*}} -> tensor<2x2xbf16>
  // CHECK: "qcc.matmul"(%[[B]], {{.*}} -> tensor<2x2xf32>
  %w = "qcc.constant"() <{value = dense<1.0> : tensor<2x2xf32>}> : () -> tensor<2x2xf32>
  %0 = "qcc.matmul"(%x, %w) <{operandSegmentSizes = array<i32: 1, 1, 0, 0, 0>}> : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
  %1 = "qcc.transpose"(%0) <{perm = array<i64: 1, 0>}> : (tensor<2x2xf32>) -> tensor<2x2xf32>
  %2 = "qcc.matmul"(%1, %w, %1) <{operandSegmentSizes = array<i32: 1, 1, 0, 1, 0>}> : (tensor<2x2xf32>, tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
  %3 = "qcc.matmul"(%2, %w) <{operandSegmentSizes = array<i32: 1, 1, 0, 0, 0>}> : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
  return %3 : tensor<2x2xf32>
}

// Other users get f32 back; a producer that only writes f32 is followed by a cast.
// CHECK-LABEL: @CastForOthers
func.func @CastForOthers(%x: tensor<2x2xf32>) -> (tensor<2x2xf32>, tensor<2x2xf32>) {
  // CHECK: %[[A:.*]] = "qcc.matmul"{{.*}} -> tensor<2x2xbf16>
  // CHECK: %[[F:.*]] = "qcc.cast"(%[[A]]) <{{.*}}to = 1 : i64}>
  // CHECK: %[[S:.*]] = "qcc.softmax"(%[[F]])
  // CHECK: %[[C:.*]] = "qcc.cast"(%[[S]]) <{{.*}}to = 16 : i64}>
  // CHECK: "qcc.matmul"(%[[A]]
  // CHECK: "qcc.matmul"(%[[C]]
  %w = "qcc.constant"() <{value = dense<1.0> : tensor<2x2xf32>}> : () -> tensor<2x2xf32>
  %0 = "qcc.matmul"(%x, %w) <{operandSegmentSizes = array<i32: 1, 1, 0, 0, 0>}> : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
  %1 = "qcc.softmax"(%0) : (tensor<2x2xf32>) -> tensor<2x2xf32>
  %2 = "qcc.matmul"(%0, %w) <{operandSegmentSizes = array<i32: 1, 1, 0, 0, 0>}> : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
  %3 = "qcc.matmul"(%1, %w) <{operandSegmentSizes = array<i32: 1, 1, 0, 0, 0>}> : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
  return %2, %3 : tensor<2x2xf32>, tensor<2x2xf32>
}

// Products of two activations stay as they are.
// CHECK-LABEL: @NoConstantWeights
func.func @NoConstantWeights(%x: tensor<2x2xf32>, %y: tensor<2x2xf32>) -> tensor<2x2xf32> {
  // CHECK-NOT: bf16
  // CHECK: return
  %0 = "qcc.matmul"(%x, %y) <{operandSegmentSizes = array<i32: 1, 1, 0, 0, 0>}> : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
  return %0 : tensor<2x2xf32>
}

// Weights that are stored as integers meet floats, and the user is told.
// CHECK-LABEL: @StoredWeights
func.func @StoredWeights(%x: tensor<2x2xf32>) -> tensor<2x2xf32> {
  // CHECK: "qcc.matmul"(%arg0, {{.*}}qcc.float_reason = "its int8 weights are multiplied in f32, not in bf16"{{.*}}(tensor<2x2xf32>, tensor<2x2x!quant.uniform<i8:f32, 5.000000e-01>>) -> tensor<2x2xf32>
  %w = "qcc.constant"() <{value = dense<1> : tensor<2x2xi8>}> : () -> tensor<2x2x!quant.uniform<i8:f32, 0.5>>
  %0 = "qcc.matmul"(%x, %w) <{operandSegmentSizes = array<i32: 1, 1, 0, 0, 0>}> : (tensor<2x2xf32>, tensor<2x2x!quant.uniform<i8:f32, 0.5>>) -> tensor<2x2xf32>
  return %0 : tensor<2x2xf32>
}

// Attention reads bf16 and writes it where a product reads that; its mask stays f32.
// CHECK-LABEL: @Attention
func.func @Attention(%x: tensor<1x5x16xf32>, %m: tensor<1x1x1x5xf32>) -> tensor<1x5x16xf32> {
  // CHECK: %[[Q:.*]] = "qcc.reshape"({{.*}} -> tensor<1x5x2x8xbf16>
  // CHECK: %[[A:.*]] = "qcc.attention"(%[[Q]], %[[Q]], %[[Q]], %arg1) {{.*}} : (tensor<1x5x2x8xbf16>, tensor<1x5x2x8xbf16>, tensor<1x5x2x8xbf16>, tensor<1x1x1x5xf32>) -> tensor<1x5x2x8xbf16>
  // CHECK: %[[R:.*]] = "qcc.reshape"(%[[A]]) {{.*}} -> tensor<1x5x16xbf16>
  // CHECK: "qcc.matmul"(%[[R]], {{.*}} -> tensor<1x5x16xf32>
  %w = "qcc.constant"() <{value = dense<1.0> : tensor<16x16xf32>}> : () -> tensor<16x16xf32>
  %0 = "qcc.matmul"(%x, %w) <{operandSegmentSizes = array<i32: 1, 1, 0, 0, 0>}> : (tensor<1x5x16xf32>, tensor<16x16xf32>) -> tensor<1x5x16xf32>
  %1 = "qcc.reshape"(%0) <{shape = array<i64: 1, 5, 2, 8>}> : (tensor<1x5x16xf32>) -> tensor<1x5x2x8xf32>
  %2 = "qcc.attention"(%1, %1, %1, %m) <{operandSegmentSizes = array<i32: 1, 1, 1, 1, 0>, scale = 1.0 : f32}> : (tensor<1x5x2x8xf32>, tensor<1x5x2x8xf32>, tensor<1x5x2x8xf32>, tensor<1x1x1x5xf32>) -> tensor<1x5x2x8xf32>
  %3 = "qcc.reshape"(%2) <{shape = array<i64: 1, 5, 16>}> : (tensor<1x5x2x8xf32>) -> tensor<1x5x16xf32>
  %4 = "qcc.matmul"(%3, %w) <{operandSegmentSizes = array<i32: 1, 1, 0, 0, 0>}> : (tensor<1x5x16xf32>, tensor<16x16xf32>) -> tensor<1x5x16xf32>
  return %4 : tensor<1x5x16xf32>
}

// With few queries converting keys and values costs more than it gains, and the user is told.
// CHECK-LABEL: @FewQueries
func.func @FewQueries(%q: tensor<1x4x2x8xf32>, %k: tensor<1x5x2x8xf32>) -> tensor<1x4x2x8xf32> {
  // CHECK: "qcc.attention"(%arg0, %arg1, %arg1) {{.*}}qcc.float_reason = "it has too few queries{{.*}} -> tensor<1x4x2x8xf32>
  %0 = "qcc.attention"(%q, %k, %k) <{operandSegmentSizes = array<i32: 1, 1, 1, 0, 0>, scale = 1.0 : f32}> : (tensor<1x4x2x8xf32>, tensor<1x5x2x8xf32>, tensor<1x5x2x8xf32>) -> tensor<1x4x2x8xf32>
  return %0 : tensor<1x4x2x8xf32>
}
