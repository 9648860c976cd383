// RUN: %qcc-opt %s --split-input-file --qcc-plan-quantization | FileCheck %s

// Input, weights and sums; the logits stay in float.
// CHECK-LABEL: @QuantiseInputsNotLogits
// CHECK-SAME: %[[X:[a-z0-9]+]]: tensor
func.func @QuantiseInputsNotLogits(%x: tensor<1x4x8x8xf32>) -> tensor<1x4x8x8xf32> {
  // CHECK: %[[Q:.*]] = "qcc.observe"(%[[X]]) <{id = 0 : i64}>
  // CHECK: %[[C:.*]] = "qcc.conv"(%[[Q]],
  // CHECK: %[[M:.*]] = "qcc.observe"(%[[C]]) <{axis = 1 : i64, id = 1 : i64}>
  // CHECK: %[[R:.*]] = "qcc.relu"(%[[M]])
  // CHECK-NEXT: return %[[R]]
  %f = "qcc.constant"() <{value = dense<0.5> : tensor<4x4x1x1xf32>}> : () -> tensor<4x4x1x1xf32>
  %0 = "qcc.conv"(%x, %f) <{operandSegmentSizes = array<i32: 1, 1, 0, 0, 0, 0>}> : (tensor<1x4x8x8xf32>, tensor<4x4x1x1xf32>) -> tensor<1x4x8x8xf32>
  %1 = "qcc.relu"(%0) : (tensor<1x4x8x8xf32>) -> tensor<1x4x8x8xf32>
  return %1 : tensor<1x4x8x8xf32>
}

// -----

// One quantize at the end of each chain of exact steps.
// CHECK-LABEL: @QuantiseTheEndOfAChain
func.func @QuantiseTheEndOfAChain(%x: tensor<1x4x8x8xf32>) -> tensor<1x4x8x8xf32> {
  %f = "qcc.constant"() <{value = dense<0.5> : tensor<4x4x1x1xf32>}> : () -> tensor<4x4x1x1xf32>
  %c = "qcc.constant"() <{value = dense<3.0> : tensor<f32>}> : () -> tensor<f32>
  // CHECK: "qcc.conv"
  // CHECK-NEXT: "qcc.observe"{{.*}}axis = 1
  // CHECK-NEXT: "qcc.hard_swish"
  // CHECK-NEXT: "qcc.mul"
  // CHECK-NEXT: %[[Q:.*]] = "qcc.observe"{{.*}}<{id = 2 : i64}>
  // CHECK-NEXT: "qcc.conv"(%[[Q]],
  %0 = "qcc.conv"(%x, %f) <{operandSegmentSizes = array<i32: 1, 1, 0, 0, 0, 0>}> : (tensor<1x4x8x8xf32>, tensor<4x4x1x1xf32>) -> tensor<1x4x8x8xf32>
  %1 = "qcc.hard_swish"(%0) : (tensor<1x4x8x8xf32>) -> tensor<1x4x8x8xf32>
  %2 = "qcc.mul"(%1, %c) : (tensor<1x4x8x8xf32>, tensor<f32>) -> tensor<1x4x8x8xf32>
  %3 = "qcc.conv"(%2, %f) <{operandSegmentSizes = array<i32: 1, 1, 0, 0, 0, 0>}> : (tensor<1x4x8x8xf32>, tensor<4x4x1x1xf32>) -> tensor<1x4x8x8xf32>
  return %3 : tensor<1x4x8x8xf32>
}

// -----

// What no epilogue computes exactly is a table between two quantizes.
// CHECK-LABEL: @QuantiseAroundTables
func.func @QuantiseAroundTables(%x: tensor<1x4x8x8xf32>) -> tensor<1x4x8x8xf32> {
  %f = "qcc.constant"() <{value = dense<0.5> : tensor<4x4x1x1xf32>}> : () -> tensor<4x4x1x1xf32>
  // CHECK: "qcc.conv"
  // CHECK-NEXT: "qcc.observe"{{.*}}axis = 1
  // CHECK-NEXT: "qcc.observe"{{.*}}<{id = 2 : i64}>
  // CHECK-NEXT: "qcc.silu"
  // CHECK-NEXT: "qcc.observe"{{.*}}<{id = 3 : i64}>
  // CHECK-NEXT: "qcc.conv"
  %0 = "qcc.conv"(%x, %f) <{operandSegmentSizes = array<i32: 1, 1, 0, 0, 0, 0>}> : (tensor<1x4x8x8xf32>, tensor<4x4x1x1xf32>) -> tensor<1x4x8x8xf32>
  %1 = "qcc.silu"(%0) : (tensor<1x4x8x8xf32>) -> tensor<1x4x8x8xf32>
  %2 = "qcc.conv"(%1, %f) <{operandSegmentSizes = array<i32: 1, 1, 0, 0, 0, 0>}> : (tensor<1x4x8x8xf32>, tensor<4x4x1x1xf32>) -> tensor<1x4x8x8xf32>
  return %2 : tensor<1x4x8x8xf32>
}

// -----

// Of two convolutions that meet in an addition, the later one is added unrounded.
// CHECK-LABEL: @AddTheLaterSumUnrounded
func.func @AddTheLaterSumUnrounded(%x: tensor<1x4x8x8xf32>) -> tensor<1x4x8x8xf32> {
  %f = "qcc.constant"() <{value = dense<0.5> : tensor<4x4x1x1xf32>}> : () -> tensor<4x4x1x1xf32>
  // CHECK: "qcc.conv"
  // CHECK-NEXT: "qcc.observe"{{.*}}axis = 1
  // CHECK-NEXT: %[[A:.*]] = "qcc.observe"{{.*}}<{id = 2 : i64}>
  // CHECK-NEXT: "qcc.conv"
  // CHECK-NEXT: %[[B:.*]] = "qcc.observe"{{.*}}axis = 1
  // CHECK-NEXT: "qcc.add"(%[[A]], %[[B]])
  // CHECK-NEXT: "qcc.relu"
  // CHECK-NEXT: "qcc.observe"{{.*}}<{id = 4 : i64}>
  %0 = "qcc.conv"(%x, %f) <{operandSegmentSizes = array<i32: 1, 1, 0, 0, 0, 0>}> : (tensor<1x4x8x8xf32>, tensor<4x4x1x1xf32>) -> tensor<1x4x8x8xf32>
  %1 = "qcc.conv"(%x, %f) <{operandSegmentSizes = array<i32: 1, 1, 0, 0, 0, 0>}> : (tensor<1x4x8x8xf32>, tensor<4x4x1x1xf32>) -> tensor<1x4x8x8xf32>
  %2 = "qcc.add"(%0, %1) : (tensor<1x4x8x8xf32>, tensor<1x4x8x8xf32>) -> tensor<1x4x8x8xf32>
  %3 = "qcc.relu"(%2) : (tensor<1x4x8x8xf32>) -> tensor<1x4x8x8xf32>
  %4 = "qcc.conv"(%3, %f) <{operandSegmentSizes = array<i32: 1, 1, 0, 0, 0, 0>}> : (tensor<1x4x8x8xf32>, tensor<4x4x1x1xf32>) -> tensor<1x4x8x8xf32>
  return %4 : tensor<1x4x8x8xf32>
}

// -----

// A sum that others read too is rounded once, for all.
// CHECK-LABEL: @RoundWhatOthersRead
func.func @RoundWhatOthersRead(%x: tensor<1x4x8x8xf32>) -> tensor<1x4x8x8xf32> {
  %f = "qcc.constant"() <{value = dense<0.5> : tensor<4x4x1x1xf32>}> : () -> tensor<4x4x1x1xf32>
  // CHECK: "qcc.conv"
  // CHECK: %[[A:.*]] = "qcc.observe"{{.*}}<{id = 2 : i64}>
  // CHECK-NEXT: "qcc.conv"(%[[A]],
  // CHECK-NEXT: %[[B:.*]] = "qcc.observe"{{.*}}axis = 1
  // CHECK-NEXT: "qcc.add"(%[[A]], %[[B]])
  // CHECK-NEXT: "qcc.observe"{{.*}}<{id = 4 : i64}>
  %0 = "qcc.conv"(%x, %f) <{operandSegmentSizes = array<i32: 1, 1, 0, 0, 0, 0>}> : (tensor<1x4x8x8xf32>, tensor<4x4x1x1xf32>) -> tensor<1x4x8x8xf32>
  %1 = "qcc.conv"(%0, %f) <{operandSegmentSizes = array<i32: 1, 1, 0, 0, 0, 0>}> : (tensor<1x4x8x8xf32>, tensor<4x4x1x1xf32>) -> tensor<1x4x8x8xf32>
  %2 = "qcc.add"(%0, %1) : (tensor<1x4x8x8xf32>, tensor<1x4x8x8xf32>) -> tensor<1x4x8x8xf32>
  %3 = "qcc.conv"(%2, %f) <{operandSegmentSizes = array<i32: 1, 1, 0, 0, 0, 0>}> : (tensor<1x4x8x8xf32>, tensor<4x4x1x1xf32>) -> tensor<1x4x8x8xf32>
  return %3 : tensor<1x4x8x8xf32>
}

// -----

// Squeeze and excitation: every tensor of it is integer.
// CHECK-LABEL: @KeepSqueezeExciteInteger
func.func @KeepSqueezeExciteInteger(%x: tensor<1x4x8x8xf32>) -> tensor<1x4x8x8xf32> {
  %f = "qcc.constant"() <{value = dense<0.5> : tensor<4x4x1x1xf32>}> : () -> tensor<4x4x1x1xf32>
  // CHECK: "qcc.observe"{{.*}}<{id = 0 : i64}>
  // CHECK: "qcc.global_average_pool"
  // CHECK-NEXT: "qcc.observe"{{.*}}<{id = 1 : i64}>
  // CHECK-NEXT: "qcc.conv"
  // CHECK: "qcc.hard_sigmoid"
  // CHECK-NEXT: "qcc.observe"{{.*}}<{id = 3 : i64}>
  // CHECK-NEXT: "qcc.mul"
  // CHECK-NEXT: "qcc.hard_swish"
  // CHECK-NEXT: "qcc.observe"{{.*}}<{id = 4 : i64}>
  // CHECK-NEXT: "qcc.conv"
  %0 = "qcc.global_average_pool"(%x) : (tensor<1x4x8x8xf32>) -> tensor<1x4x1x1xf32>
  %1 = "qcc.conv"(%0, %f) <{operandSegmentSizes = array<i32: 1, 1, 0, 0, 0, 0>}> : (tensor<1x4x1x1xf32>, tensor<4x4x1x1xf32>) -> tensor<1x4x1x1xf32>
  %2 = "qcc.hard_sigmoid"(%1) : (tensor<1x4x1x1xf32>) -> tensor<1x4x1x1xf32>
  %3 = "qcc.mul"(%x, %2) : (tensor<1x4x8x8xf32>, tensor<1x4x1x1xf32>) -> tensor<1x4x8x8xf32>
  %4 = "qcc.hard_swish"(%3) : (tensor<1x4x8x8xf32>) -> tensor<1x4x8x8xf32>
  %5 = "qcc.conv"(%4, %f) <{operandSegmentSizes = array<i32: 1, 1, 0, 0, 0, 0>}> : (tensor<1x4x8x8xf32>, tensor<4x4x1x1xf32>) -> tensor<1x4x8x8xf32>
  return %5 : tensor<1x4x8x8xf32>
}

// -----

// Pools and shapes on the way to the results do not ask for integers.
// CHECK-LABEL: @LookThroughPoolsForLogits
func.func @LookThroughPoolsForLogits(%x: tensor<1x4x8x8xf32>) -> tensor<1x4xf32> {
  %f = "qcc.constant"() <{value = dense<0.5> : tensor<4x4x1x1xf32>}> : () -> tensor<4x4x1x1xf32>
  // CHECK: "qcc.conv"
  // CHECK-NEXT: "qcc.observe"{{.*}}axis = 1
  // CHECK-NOT: "qcc.observe"
  // CHECK: return
  %0 = "qcc.conv"(%x, %f) <{operandSegmentSizes = array<i32: 1, 1, 0, 0, 0, 0>}> : (tensor<1x4x8x8xf32>, tensor<4x4x1x1xf32>) -> tensor<1x4x8x8xf32>
  %1 = "qcc.relu"(%0) : (tensor<1x4x8x8xf32>) -> tensor<1x4x8x8xf32>
  %2 = "qcc.max_pool"(%1) <{kernel_shape = array<i64: 2, 2>, strides = array<i64: 2, 2>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>}> : (tensor<1x4x8x8xf32>) -> tensor<1x4x4x4xf32>
  %3 = "qcc.global_average_pool"(%2) : (tensor<1x4x4x4xf32>) -> tensor<1x4x1x1xf32>
  %4 = "qcc.flatten"(%3) : (tensor<1x4x1x1xf32>) -> tensor<1x4xf32>
  return %4 : tensor<1x4xf32>
}

// -----

// What only moves values keeps its input's scale; what comes after has its own.
// CHECK-LABEL: @KeepTheScaleOfMovedValues
func.func @KeepTheScaleOfMovedValues(%x: tensor<1x4x8x8xf32>) -> tensor<1x4x4x4xf32> {
  %f = "qcc.constant"() <{value = dense<0.5> : tensor<4x4x1x1xf32>}> : () -> tensor<4x4x1x1xf32>
  // CHECK: "qcc.observe"
  // CHECK: "qcc.max_pool"
  // CHECK-NEXT: "qcc.relu"
  // CHECK-NEXT: "qcc.observe"{{.*}}<{id = 1 : i64}>
  // CHECK-NEXT: "qcc.conv"
  %0 = "qcc.max_pool"(%x) <{kernel_shape = array<i64: 2, 2>, strides = array<i64: 2, 2>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>}> : (tensor<1x4x8x8xf32>) -> tensor<1x4x4x4xf32>
  %1 = "qcc.relu"(%0) : (tensor<1x4x4x4xf32>) -> tensor<1x4x4x4xf32>
  %2 = "qcc.conv"(%1, %f) <{operandSegmentSizes = array<i32: 1, 1, 0, 0, 0, 0>}> : (tensor<1x4x4x4xf32>, tensor<4x4x1x1xf32>) -> tensor<1x4x4x4xf32>
  return %2 : tensor<1x4x4x4xf32>
}

// -----

// A softmax stays in float, and so does a product of two tensors of the run.
// CHECK-LABEL: @ProductsOfTheRunStayFloat
func.func @ProductsOfTheRunStayFloat(%x: tensor<1x8x8xf32>, %v: tensor<1x8x4xf32>) -> tensor<1x8x4xf32> {
  // CHECK-NOT: "qcc.observe"
  // CHECK: "qcc.matmul"{{.*}}qcc.float_reason = "multiplies two tensors of the run, which no integer kernel does"
  %0 = "qcc.softmax"(%x) : (tensor<1x8x8xf32>) -> tensor<1x8x8xf32>
  %1 = "qcc.matmul"(%0, %v) <{operandSegmentSizes = array<i32: 1, 1, 0, 0, 0>}> : (tensor<1x8x8xf32>, tensor<1x8x4xf32>) -> tensor<1x8x4xf32>
  return %1 : tensor<1x8x4xf32>
}

// -----

// Each input of a concat is measured, and the whole.
// CHECK-LABEL: @MeasureWhatAConcatJoins
func.func @MeasureWhatAConcatJoins(%x: tensor<1x4x8x8xf32>, %y: tensor<1x4x8x8xf32>) -> tensor<1x4x8x8xf32> {
  %f = "qcc.constant"() <{value = dense<0.5> : tensor<4x8x1x1xf32>}> : () -> tensor<4x8x1x1xf32>
  // CHECK: %[[X:.*]] = "qcc.observe"(%{{.*}}) <{id = 0 : i64}>
  // CHECK: %[[Y:.*]] = "qcc.observe"(%{{.*}}) <{id = 1 : i64}>
  // CHECK: "qcc.concat"(%[[X]], %[[Y]])
  // CHECK-NEXT: "qcc.observe"{{.*}}<{id = 2 : i64}>
  %0 = "qcc.concat"(%x, %y) <{axis = 1 : i64}> : (tensor<1x4x8x8xf32>, tensor<1x4x8x8xf32>) -> tensor<1x8x8x8xf32>
  %1 = "qcc.conv"(%0, %f) <{operandSegmentSizes = array<i32: 1, 1, 0, 0, 0, 0>}> : (tensor<1x8x8x8xf32>, tensor<4x8x1x1xf32>) -> tensor<1x4x8x8xf32>
  return %1 : tensor<1x4x8x8xf32>
}

// -----

// Nothing that is not constant can be a weight.
// CHECK-LABEL: @SayWhyAProductStaysFloat
func.func @SayWhyAProductStaysFloat(%x: tensor<1x4x8x8xf32>, %f: tensor<4x4x1x1xf32>) -> tensor<1x4x8x8xf32> {
  // CHECK-NOT: "qcc.observe"
  // CHECK: "qcc.conv"{{.*}}qcc.float_reason = "its weights are no constant"
  %0 = "qcc.conv"(%x, %f) <{operandSegmentSizes = array<i32: 1, 1, 0, 0, 0, 0>}> : (tensor<1x4x8x8xf32>, tensor<4x4x1x1xf32>) -> tensor<1x4x8x8xf32>
  return %0 : tensor<1x4x8x8xf32>
}
