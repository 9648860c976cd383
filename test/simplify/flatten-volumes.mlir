// RUN: %qcc-opt %s --qcc-flatten-volumes | FileCheck %s

// Each tap along the depth is a group of channels; the padding along it is a pad.
// CHECK-LABEL: func.func @OneConvolution
// CHECK-SAME: %[[X:.*]]: tensor<1x2x5x8x8xf32>
// CHECK: %[[L:.*]] = "qcc.reshape"(%{{.*}}) {{.*}} -> tensor<5x2x8x8xf32>
// CHECK: %[[P:.*]] = "qcc.pad"(%[[L]]) {{.*}}pads = array<i64: 1, 0, 0, 0, 0, 0, 0, 0>{{.*}} -> tensor<6x2x8x8xf32>
// CHECK: %[[A:.*]] = "qcc.slice"(%[[P]]) {{.*}}starts = array<i64: 0>, steps = array<i64: 2>
// CHECK: %[[B:.*]] = "qcc.slice"(%[[P]]) {{.*}}starts = array<i64: 1>, steps = array<i64: 2>
// CHECK: %[[C:.*]] = "qcc.slice"(%[[P]]) {{.*}}starts = array<i64: 2>, steps = array<i64: 2>
// CHECK: %[[T:.*]] = "qcc.concat"(%[[A]], %[[B]], %[[C]]) <{axis = 1 : i64}> {{.*}} -> tensor<2x6x8x8xf32>
// CHECK: "qcc.conv"(%[[T]], %{{.*}}) {{.*}}dilations = array<i64: 1, 1>{{.*}}pads = array<i64: 1, 1, 1, 1>{{.*}} -> tensor<2x4x8x8xf32>
func.func @OneConvolution(%x: tensor<1x2x5x8x8xf32>) -> tensor<1x4x2x8x8xf32> {
  %w = "qcc.constant"() <{value = dense<1.0> : tensor<4x2x3x3x3xf32>}> : () -> tensor<4x2x3x3x3xf32>
  %0 = "qcc.conv"(%x, %w) <{kernel_shape = array<i64: 3, 3, 3>, pads = array<i64: 1, 1, 1, 0, 1, 1>, strides = array<i64: 2, 1, 1>, dilations = array<i64: 1, 1, 1>, group = 1 : i64, operandSegmentSizes = array<i32: 1, 1, 0, 0, 0, 0>}> : (tensor<1x2x5x8x8xf32>, tensor<4x2x3x3x3xf32>) -> tensor<1x4x2x8x8xf32>
  return %0 : tensor<1x4x2x8x8xf32>
}

// Volumes are turned around before the first convolution and behind the last one.
// CHECK-LABEL: func.func @ResidualBlock
// CHECK: "qcc.transpose"
// CHECK-NOT: "qcc.transpose"
// CHECK: %[[C:.*]] = "qcc.conv"{{.*}} -> tensor<8x2x4x4xf32>
// CHECK: %[[R:.*]] = "qcc.relu"(%[[C]])
// CHECK: %[[D:.*]] = "qcc.conv"(%[[R]]{{.*}} -> tensor<8x2x4x4xf32>
// CHECK: %[[A:.*]] = "qcc.add"(%[[D]], %[[R]])
// CHECK: "qcc.transpose"
// CHECK-NOT: "qcc.transpose"
func.func @ResidualBlock(%x: tensor<2x2x4x4x4xf32>) -> tensor<2x2x4x4x4xf32> {
  %w = "qcc.constant"() <{value = dense<1.0> : tensor<2x2x1x3x3xf32>}> : () -> tensor<2x2x1x3x3xf32>
  %0 = "qcc.conv"(%x, %w) <{kernel_shape = array<i64: 1, 3, 3>, pads = array<i64: 0, 1, 1, 0, 1, 1>, strides = array<i64: 1, 1, 1>, dilations = array<i64: 1, 1, 1>, group = 1 : i64, operandSegmentSizes = array<i32: 1, 1, 0, 0, 0, 0>}> : (tensor<2x2x4x4x4xf32>, tensor<2x2x1x3x3xf32>) -> tensor<2x2x4x4x4xf32>
  %1 = "qcc.relu"(%0) : (tensor<2x2x4x4x4xf32>) -> tensor<2x2x4x4x4xf32>
  %2 = "qcc.conv"(%1, %w) <{kernel_shape = array<i64: 1, 3, 3>, pads = array<i64: 0, 1, 1, 0, 1, 1>, strides = array<i64: 1, 1, 1>, dilations = array<i64: 1, 1, 1>, group = 1 : i64, operandSegmentSizes = array<i32: 1, 1, 0, 0, 0, 0>}> : (tensor<2x2x4x4x4xf32>, tensor<2x2x1x3x3xf32>) -> tensor<2x2x4x4x4xf32>
  %3 = "qcc.add"(%2, %1) : (tensor<2x2x4x4x4xf32>, tensor<2x2x4x4x4xf32>) -> tensor<2x2x4x4x4xf32>
  return %3 : tensor<2x2x4x4x4xf32>
}
