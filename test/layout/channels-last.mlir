// RUN: %qcc-opt %s --qcc-layout 2>/dev/null | FileCheck %s

// One transpose at each end, none inside; the filter stays as it is.
// CHECK-LABEL: @TransposeOnlyAtTheEnds
func.func @TransposeOnlyAtTheEnds(%x: tensor<1x3x8x8xf32>, %w: tensor<3x3x1x1xf32>) -> tensor<1x3x4x4xf32> {
  // CHECK: %[[T:.*]] = "qcc.transpose"(%arg0) <{perm = array<i64: 0, 2, 3, 1>}>
  // CHECK: %[[C:.*]] = "qcc.conv"(%[[T]], %arg1) {{.*}}layout = "nhwc"{{.*}} -> tensor<1x8x8x3xf32>
  // CHECK: %[[R:.*]] = "qcc.relu"(%[[C]])
  // CHECK: %[[P:.*]] = "qcc.max_pool"(%[[R]]) {{.*}}layout = "nhwc"
  // CHECK: %[[O:.*]] = "qcc.transpose"(%[[P]]) <{perm = array<i64: 0, 3, 1, 2>}>
  // CHECK: return %[[O]]
  %0 = "qcc.conv"(%x, %w) <{operandSegmentSizes = array<i32: 1, 1, 0, 0, 0, 0>, pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, kernel_shape = array<i64: 1, 1>}> : (tensor<1x3x8x8xf32>, tensor<3x3x1x1xf32>) -> tensor<1x3x8x8xf32>
  %1 = "qcc.relu"(%0) : (tensor<1x3x8x8xf32>) -> tensor<1x3x8x8xf32>
  %2 = "qcc.max_pool"(%1) <{kernel_shape = array<i64: 2, 2>, strides = array<i64: 2, 2>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>}> : (tensor<1x3x8x8xf32>) -> tensor<1x3x4x4xf32>
  return %2 : tensor<1x3x4x4xf32>
}

// What spatial axes of size 1 leave of a transpose is a reshape, and nothing of two.
// CHECK-LABEL: @PooledClassifierNeedsNoTranspose
func.func @PooledClassifierNeedsNoTranspose(%x: tensor<1x1x8x8xf32>) -> tensor<1x1xf32> {
  // CHECK-NOT: transpose
  // CHECK: "qcc.global_average_pool"
  // CHECK-NOT: transpose
  // CHECK: return
  %0 = "qcc.global_average_pool"(%x) : (tensor<1x1x8x8xf32>) -> tensor<1x1x1x1xf32>
  %1 = "qcc.reshape"(%0) <{shape = array<i64: 1, 1>}> : (tensor<1x1x1x1xf32>) -> tensor<1x1xf32>
  return %1 : tensor<1x1xf32>
}

// A constant for each channel moves with its axis, at compile time.
// CHECK-LABEL: @PermuteConstantOperands
func.func @PermuteConstantOperands(%x: tensor<1x2x4x4xf32>) -> tensor<1x2x1x1xf32> {
  // CHECK-DAG: %[[B:.*]] = "qcc.constant"() <{value = dense<{{.*}}> : tensor<1x1x1x2xf32>}>
  // CHECK: "qcc.add"(%{{.*}}, %[[B]]) : (tensor<1x4x4x2xf32>, tensor<1x1x1x2xf32>)
  %b = "qcc.constant"() <{value = dense<[[[1.0]], [[2.0]]]> : tensor<2x1x1xf32>}> : () -> tensor<2x1x1xf32>
  %0 = "qcc.add"(%x, %b) : (tensor<1x2x4x4xf32>, tensor<2x1x1xf32>) -> tensor<1x2x4x4xf32>
  %1 = "qcc.global_average_pool"(%0) : (tensor<1x2x4x4xf32>) -> tensor<1x2x1x1xf32>
  return %1 : tensor<1x2x1x1xf32>
}

// Patches of an image as a sequence: the exporter's transpose cancels ours.
// CHECK-LABEL: @SinkThroughReshape
func.func @SinkThroughReshape(%x: tensor<1x8x4x4xf32>) -> tensor<1x4x8xf32> {
  // CHECK: %[[P:.*]] = "qcc.max_pool"
  // CHECK-NEXT: %[[R:.*]] = "qcc.reshape"(%[[P]]) {{.*}} -> tensor<1x4x8xf32>
  // CHECK-NEXT: return %[[R]]
  %0 = "qcc.max_pool"(%x) <{kernel_shape = array<i64: 2, 2>, strides = array<i64: 2, 2>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>}> : (tensor<1x8x4x4xf32>) -> tensor<1x8x2x2xf32>
  %1 = "qcc.reshape"(%0) <{shape = array<i64: 1, 8, 4>}> : (tensor<1x8x2x2xf32>) -> tensor<1x8x4xf32>
  %2 = "qcc.transpose"(%1) <{perm = array<i64: 0, 2, 1>}> : (tensor<1x8x4xf32>) -> tensor<1x4x8xf32>
  return %2 : tensor<1x4x8xf32>
}

// The channels are the last axis for a concatenation, too.
// CHECK-LABEL: @MoveAxisAttributes
func.func @MoveAxisAttributes(%x: tensor<1x8x4x4xf32>) -> tensor<1x8x2x2xf32> {
  // CHECK: "qcc.concat"({{.*}}) <{axis = 3 : i64}>
  %0 = "qcc.concat"(%x, %x) <{axis = 1 : i64}> : (tensor<1x8x4x4xf32>, tensor<1x8x4x4xf32>) -> tensor<1x16x4x4xf32>
  %1 = "qcc.slice"(%0) <{starts = array<i64: 0>, ends = array<i64: 8>, axes = array<i64: 1>, steps = array<i64: 1>}> : (tensor<1x16x4x4xf32>) -> tensor<1x8x4x4xf32>
  %2 = "qcc.max_pool"(%1) <{kernel_shape = array<i64: 2, 2>, strides = array<i64: 2, 2>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>}> : (tensor<1x8x4x4xf32>) -> tensor<1x8x2x2xf32>
  return %2 : tensor<1x8x2x2xf32>
}

// Nothing asks for channels-last: nothing changes.
// CHECK-LABEL: @LeaveSequencesAlone
func.func @LeaveSequencesAlone(%x: tensor<1x7x8xf32>) -> tensor<1x7x8xf32> {
  // CHECK-NEXT: "qcc.relu"(%arg0) : (tensor<1x7x8xf32>)
  %0 = "qcc.relu"(%x) : (tensor<1x7x8xf32>) -> tensor<1x7x8xf32>
  return %0 : tensor<1x7x8xf32>
}
