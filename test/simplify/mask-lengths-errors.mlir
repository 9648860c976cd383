// RUN: %qcc-opt %s --split-input-file --verify-diagnostics --qcc-mask-lengths

// Rows of a batch of 2 lie apart: together they are no beginning of one axis.
func.func @joinsAxes(%x: tensor<2x8xf32>) -> tensor<16xf32> attributes {qcc.input_names = ["x"], qcc.output_names = ["y"], qcc.lengths = [array<i64: 0, 1, 1, 8>], qcc.input_extents = [array<i64: 1, 0, 1, 0>]} {
  // expected-error @+1 {{joins or cuts a bounded axis that lies behind another one: with a bounded length this is not supported}}
  %0 = "qcc.reshape"(%x) <{shape = array<i64: 16>, allowzero = 1 : i64}> {qcc.extents = [array<i64: 0, 0, 2, 0>]} : (tensor<2x8xf32>) -> tensor<16xf32>
  return %0 : tensor<16xf32>
}

// -----

func.func @putsBehind(%x: tensor<8xf32>, %y: tensor<2xf32>) -> tensor<10xf32> attributes {qcc.input_names = ["x", "y"], qcc.output_names = ["z"], qcc.lengths = [array<i64: 0, 0, 1, 8>], qcc.input_extents = [array<i64: 0, 0, 1, 0>, array<i64>]} {
  // expected-error @+1 {{puts something behind an axis of a bounded length}}
  %0 = "qcc.concat"(%x, %y) <{axis = 0 : i64}> {qcc.extents = [array<i64: 0, 0, 1, 2>]} : (tensor<8xf32>, tensor<2xf32>) -> tensor<10xf32>
  return %0 : tensor<10xf32>
}

// -----

// An operation without a rule keeps nothing apart.
func.func @hasNoRule(%x: tensor<8x4xui8>, %y: tensor<4x2xui8>) -> tensor<8x2xi32> attributes {qcc.input_names = ["x", "y"], qcc.output_names = ["z"], qcc.lengths = [array<i64: 0, 0, 1, 8>], qcc.input_extents = [array<i64: 0, 0, 1, 0>, array<i64>]} {
  // expected-error @+1 {{mixes the positions of an axis, or is not known to keep them apart}}
  %0 = "qcc.matmul_integer"(%x, %y) <{operandSegmentSizes = array<i32: 1, 1, 0, 0>}> {qcc.extents = [array<i64: 0, 0, 1, 0>]} : (tensor<8x4xui8>, tensor<4x2xui8>) -> tensor<8x2xi32>
  return %0 : tensor<8x2xi32>
}

// -----

// A rule's idea of a result must be what import has seen.
func.func @contradicts(%x: tensor<8xf32>) -> tensor<8xf32> attributes {qcc.input_names = ["x"], qcc.output_names = ["y"], qcc.lengths = [array<i64: 0, 0, 1, 8>], qcc.input_extents = [array<i64: 0, 0, 1, 0>]} {
  // expected-error @+1 {{gives result 0 another length than the model says}}
  %0 = "qcc.relu"(%x) : (tensor<8xf32>) -> tensor<8xf32>
  return %0 : tensor<8xf32>
}
