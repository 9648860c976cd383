// RUN: %qcc-opt %s --split-input-file --qcc-share-scales 2>%t | FileCheck %s
// RUN: FileCheck %s --check-prefix=WARNING < %t

// Parts that go nowhere else have the whole's scale, whatever their own range is.
// CHECK-LABEL: @GiveLonelyPartsTheWholesScale
func.func @GiveLonelyPartsTheWholesScale(%x: tensor<1x4xf32>, %y: tensor<1x4xf32>) -> tensor<1x8xf32> {
  // CHECK-COUNT-3: range = array<f32: -1.000000e+00, 8.000000e+00>
  %0 = "qcc.observe"(%x) <{id = 0 : i64, range = array<f32: 0.0, 1.0>}> : (tensor<1x4xf32>) -> tensor<1x4xf32>
  %1 = "qcc.observe"(%y) <{id = 1 : i64, range = array<f32: -1.0, 8.0>}> : (tensor<1x4xf32>) -> tensor<1x4xf32>
  %2 = "qcc.reshape"(%0) <{shape = array<i64: 1, 4>}> : (tensor<1x4xf32>) -> tensor<1x4xf32>
  %3 = "qcc.concat"(%2, %1) <{axis = 1 : i64}> : (tensor<1x4xf32>, tensor<1x4xf32>) -> tensor<1x8xf32>
  %4 = "qcc.observe"(%3) <{id = 2 : i64, range = array<f32: -1.0, 8.0>}> : (tensor<1x8xf32>) -> tensor<1x8xf32>
  return %4 : tensor<1x8xf32>
}

// -----

// What others read keeps a scale that is more than twice as fine, else not.
// CHECK-LABEL: @KeepAMuchFinerScaleForOtherReaders
func.func @KeepAMuchFinerScaleForOtherReaders(%x: tensor<1x4xf32>, %y: tensor<1x4xf32>) -> (tensor<1x8xf32>, tensor<1x4xf32>, tensor<1x4xf32>) {
  // CHECK: id = 0 : i64, range = array<f32: 0.000000e+00, 1.000000e+00>
  // CHECK: id = 1 : i64, range = array<f32: 0.000000e+00, 8.000000e+00>
  %0 = "qcc.observe"(%x) <{id = 0 : i64, range = array<f32: 0.0, 1.0>}> : (tensor<1x4xf32>) -> tensor<1x4xf32>
  %1 = "qcc.observe"(%y) <{id = 1 : i64, range = array<f32: 0.0, 4.0>}> : (tensor<1x4xf32>) -> tensor<1x4xf32>
  %2 = "qcc.concat"(%0, %1) <{axis = 1 : i64}> : (tensor<1x4xf32>, tensor<1x4xf32>) -> tensor<1x8xf32>
  %3 = "qcc.observe"(%2) <{id = 2 : i64, range = array<f32: 0.0, 8.0>}> : (tensor<1x8xf32>) -> tensor<1x8xf32>
  %4 = "qcc.relu"(%0) : (tensor<1x4xf32>) -> tensor<1x4xf32>
  %5 = "qcc.relu"(%1) : (tensor<1x4xf32>) -> tensor<1x4xf32>
  return %3, %4, %5 : tensor<1x8xf32>, tensor<1x4xf32>, tensor<1x4xf32>
}

// -----

// The last of nested concats decides.
// CHECK-LABEL: @ShareThroughNestedConcats
func.func @ShareThroughNestedConcats(%x: tensor<1x4xf32>, %y: tensor<1x4xf32>) -> tensor<1x12xf32> {
  // CHECK-COUNT-4: range = array<f32: 0.000000e+00, 8.000000e+00>
  %0 = "qcc.observe"(%x) <{id = 0 : i64, range = array<f32: 0.0, 1.0>}> : (tensor<1x4xf32>) -> tensor<1x4xf32>
  %1 = "qcc.observe"(%y) <{id = 1 : i64, range = array<f32: 0.0, 8.0>}> : (tensor<1x4xf32>) -> tensor<1x4xf32>
  %2 = "qcc.concat"(%0, %0) <{axis = 1 : i64}> : (tensor<1x4xf32>, tensor<1x4xf32>) -> tensor<1x8xf32>
  %3 = "qcc.observe"(%2) <{id = 2 : i64, range = array<f32: 0.0, 1.0>}> : (tensor<1x8xf32>) -> tensor<1x8xf32>
  %4 = "qcc.concat"(%3, %1) <{axis = 1 : i64}> : (tensor<1x8xf32>, tensor<1x4xf32>) -> tensor<1x12xf32>
  %5 = "qcc.observe"(%4) <{id = 3 : i64, range = array<f32: 0.0, 8.0>}> : (tensor<1x12xf32>) -> tensor<1x12xf32>
  return %5 : tensor<1x12xf32>
}

// -----

// Boxes and scores in one tensor: the user is told.
// WARNING: warning: joins ranges that differ much: of 256 steps, input 'scores' uses 0
// CHECK-LABEL: @WarnOfRangesThatDifferMuch
func.func @WarnOfRangesThatDifferMuch(%x: tensor<1x4xf32>, %y: tensor<1x4xf32>) -> tensor<1x8xf32> {
  %0 = "qcc.observe"(%x) <{id = 0 : i64, range = array<f32: 0.0, 640.0>}> : (tensor<1x4xf32>) -> tensor<1x4xf32>
  %1 = "qcc.observe"(%y) <{id = 1 : i64, range = array<f32: 0.0, 1.0>}> : (tensor<1x4xf32>) -> tensor<1x4xf32> loc("scores")
  %2 = "qcc.concat"(%0, %1) <{axis = 1 : i64}> : (tensor<1x4xf32>, tensor<1x4xf32>) -> tensor<1x8xf32>
  %3 = "qcc.observe"(%2) <{id = 2 : i64, range = array<f32: 0.0, 640.0>}> : (tensor<1x8xf32>) -> tensor<1x8xf32>
  return %3 : tensor<1x8xf32>
}

// -----

// Rounding errors of both parts count alike; what the larger weights multiply is stored finer.
// CHECK-LABEL: @StoreFinerWhatLargeWeightsMultiply
func.func @StoreFinerWhatLargeWeightsMultiply(%x: tensor<1x1x4x4xf32>, %y: tensor<1x1x4x4xf32>) -> tensor<1x1x4x4xf32> {
  // CHECK: %[[EIGHT:.*]] = "qcc.constant"() <{value = dense<8.000000e+00>
  // CHECK: %[[F:.*]] = "qcc.mul"(%arg0, %[[EIGHT]])
  // CHECK: "qcc.observe"(%[[F]]) <{id = 0 : i64, range = array<f32: 0.000000e+00, 6.400000e+01>}>
  // CHECK: "qcc.observe"(%arg1) <{id = 1 : i64, range = array<f32: 0.000000e+00, 6.400000e+01>}>
  // CHECK: dense<{{\[\[\[\[}}1.250000e+00]], {{\[\[}}1.000000e+00]]]]>
  %w = "qcc.constant"() <{value = dense<[[[[10.0]], [[1.0]]]]> : tensor<1x2x1x1xf32>}> : () -> tensor<1x2x1x1xf32>
  %0 = "qcc.observe"(%x) <{id = 0 : i64, range = array<f32: 0.0, 1.0>}> : (tensor<1x1x4x4xf32>) -> tensor<1x1x4x4xf32>
  %1 = "qcc.observe"(%y) <{id = 1 : i64, range = array<f32: 0.0, 64.0>}> : (tensor<1x1x4x4xf32>) -> tensor<1x1x4x4xf32>
  %2 = "qcc.concat"(%0, %1) <{axis = 1 : i64}> : (tensor<1x1x4x4xf32>, tensor<1x1x4x4xf32>) -> tensor<1x2x4x4xf32>
  %3 = "qcc.observe"(%2) <{id = 2 : i64, range = array<f32: 0.0, 64.0>}> : (tensor<1x2x4x4xf32>) -> tensor<1x2x4x4xf32>
  %4 = "qcc.conv"(%3, %w) <{kernel_shape = array<i64: 1, 1>, operandSegmentSizes = array<i32: 1, 1, 0, 0, 0, 0>}> : (tensor<1x2x4x4xf32>, tensor<1x2x1x1xf32>) -> tensor<1x1x4x4xf32>
  return %4 : tensor<1x1x4x4xf32>
}

// -----

// Weights of one size make one scale right, whatever the ranges are.
// CHECK-LABEL: @ShareBeforeEqualWeights
func.func @ShareBeforeEqualWeights(%x: tensor<1x1x4x4xf32>, %y: tensor<1x1x4x4xf32>) -> tensor<1x1x4x4xf32> {
  // CHECK-NOT: qcc.mul
  // CHECK-COUNT-3: range = array<f32: -1.000000e+00, 6.400000e+01>
  // CHECK-NOT: qcc.mul
  %w = "qcc.constant"() <{value = dense<1.0> : tensor<1x2x1x1xf32>}> : () -> tensor<1x2x1x1xf32>
  %0 = "qcc.observe"(%x) <{id = 0 : i64, range = array<f32: -1.0, 1.0>}> : (tensor<1x1x4x4xf32>) -> tensor<1x1x4x4xf32>
  %1 = "qcc.observe"(%y) <{id = 1 : i64, range = array<f32: 0.0, 64.0>}> : (tensor<1x1x4x4xf32>) -> tensor<1x1x4x4xf32>
  %2 = "qcc.concat"(%0, %1) <{axis = 1 : i64}> : (tensor<1x1x4x4xf32>, tensor<1x1x4x4xf32>) -> tensor<1x2x4x4xf32>
  %3 = "qcc.observe"(%2) <{id = 2 : i64, range = array<f32: -1.0, 64.0>}> : (tensor<1x2x4x4xf32>) -> tensor<1x2x4x4xf32>
  %4 = "qcc.conv"(%3, %w) <{kernel_shape = array<i64: 1, 1>, operandSegmentSizes = array<i32: 1, 1, 0, 0, 0, 0>}> : (tensor<1x2x4x4xf32>, tensor<1x2x1x1xf32>) -> tensor<1x1x4x4xf32>
  return %4 : tensor<1x1x4x4xf32>
}
