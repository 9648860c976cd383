// RUN: %qcc-opt %s --split-input-file --qcc-plan-quantization | FileCheck %s
// RUN: %qcc-opt %s --split-input-file --qcc-plan-quantization --qcc-choose-layout --qcc-apply-layout | FileCheck %s --check-prefix=LAST

// A mark says how much of its tensor counts: (axis, length, scale, offset), (axis, -1, 0, divisor). It goes
// with the axes when channels go last.
// CHECK-LABEL: @marksSayWhatCounts
// LAST-LABEL: @marksSayWhatCounts
func.func @marksSayWhatCounts(%x: tensor<1x4x8x9xf32>, %s: tensor<4xi64>) -> tensor<1x4x8x5xf32> attributes {qcc.input_names = ["x", "x.shape"], qcc.output_names = ["y"], qcc.lengths = [array<i64: 0, 3, 1, 9>], qcc.input_extents = [array<i64: 3, 0, 1, 0>], qcc.shape_inputs = array<i64: 0>} {
  // CHECK: "qcc.observe"{{.*}}id = 0 : i64}> {qcc.extents = [array<i64: 3, 0, 1, 0>]}
  // CHECK: "qcc.observe"{{.*}}id = 1 : i64}> {qcc.extents = [array<i64: 3, 0, 1, 1, 3, -1, 0, 2>]}
  // LAST: "qcc.observe"{{.*}}id = 0 : i64}> {qcc.extents = [array<i64: 2, 0, 1, 0>]}
  // LAST: "qcc.observe"{{.*}}id = 1 : i64}> {qcc.extents = [array<i64: 2, 0, 1, 1, 2, -1, 0, 2>]}
  %f = "qcc.constant"() <{value = dense<0.5> : tensor<4x4x1x1xf32>}> : () -> tensor<4x4x1x1xf32>
  %0 = "qcc.conv"(%x, %f) <{operandSegmentSizes = array<i32: 1, 1, 0, 0, 0, 0>, kernel_shape = array<i64: 1, 1>, strides = array<i64: 1, 2>, pads = array<i64: 0, 0, 0, 0>}> : (tensor<1x4x8x9xf32>, tensor<4x4x1x1xf32>) -> tensor<1x4x8x5xf32>
  return %0 : tensor<1x4x8x5xf32>
}

// -----

// Where operands do not tell, a note does; what comes after it follows.
// CHECK-LABEL: @notesSayIt
func.func @notesSayIt(%x: tensor<1x8xf32>, %s: tensor<2xi64>) -> tensor<16x2xf32> attributes {qcc.input_names = ["x", "x.shape"], qcc.output_names = ["y"], qcc.lengths = [array<i64: 0, 1, 1, 8>], qcc.input_extents = [array<i64: 1, 0, 1, 0>], qcc.shape_inputs = array<i64: 0>} {
  %c = "qcc.constant"() <{value = dense<1.0> : tensor<8x4xf32>}> : () -> tensor<8x4xf32>
  %w = "qcc.constant"() <{value = dense<0.5> : tensor<2x2xf32>}> : () -> tensor<2x2xf32>
  %0 = "qcc.relu"(%c) {qcc.extents = [array<i64: 0, 0, 1, 0>]} : (tensor<8x4xf32>) -> tensor<8x4xf32>
  %1 = "qcc.reshape"(%0) <{shape = array<i64: 16, 2>}> : (tensor<8x4xf32>) -> tensor<16x2xf32>
  // CHECK: "qcc.observe"{{.*}} {qcc.extents = [array<i64: 0, 0, 2, 0>]}
  %2 = "qcc.matmul"(%1, %w) <{operandSegmentSizes = array<i32: 1, 1, 0, 0, 0>}> : (tensor<16x2xf32>, tensor<2x2xf32>) -> tensor<16x2xf32>
  return %2 : tensor<16x2xf32>
}

// -----

// A mark of a tensor whose rule nobody knows says so.
// CHECK-LABEL: @unknownIsSaid
func.func @unknownIsSaid(%x: tensor<8xf32>, %s: tensor<1xi64>) -> tensor<8x2xf32> attributes {qcc.input_names = ["x", "x.shape"], qcc.output_names = ["y"], qcc.lengths = [array<i64: 0, 0, 1, 8>], qcc.input_extents = [array<i64: 0, 0, 1, 0>], qcc.shape_inputs = array<i64: 0>} {
  %w = "qcc.constant"() <{value = dense<0.5> : tensor<4x2xf32>}> : () -> tensor<4x2xf32>
  %0 = "qcc.expand"(%x) <{shape = array<i64: 4, 8>}> : (tensor<8xf32>) -> tensor<4x8xf32>
  %1 = "qcc.transpose"(%0) <{perm = array<i64: 1, 0>}> : (tensor<4x8xf32>) -> tensor<8x4xf32>
  // CHECK: "qcc.observe"{{.*}} {qcc.unknown_extents}
  %2 = "qcc.matmul"(%1, %w) <{operandSegmentSizes = array<i32: 1, 1, 0, 0, 0>}> : (tensor<8x4xf32>, tensor<4x2xf32>) -> tensor<8x2xf32>
  return %2 : tensor<8x2xf32>
}
