// RUN: %qcc-opt %s --split-input-file --verify-diagnostics
// Operations that move values refuse axes, indices and shapes that do not exist.

func.func @axis_out_of_range(%x: tensor<2x3xf32>) -> tensor<2x3xf32> {
  // expected-error @+1 {{axis is 2 but the operand has rank 2}}
  %y = "qcc.concat"(%x) {axis = 2 : i64} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  return %y : tensor<2x3xf32>
}

// -----

func.func @repeated_axis_in_perm(%x: tensor<2x3x4xf32>) -> tensor<2x3x4xf32> {
  // expected-error @+1 {{perm [0, 1, 1] is not a permutation of the 3 axes}}
  %y = "qcc.transpose"(%x) {perm = array<i64: 0, 1, 1>} : (tensor<2x3x4xf32>) -> tensor<2x3x4xf32>
  return %y : tensor<2x3x4xf32>
}

// -----

func.func @two_open_sizes(%x: tensor<2x3xf32>) -> tensor<2x3xf32> {
  // expected-error @+1 {{shape [-1, -1] has more than one -1}}
  %y = "qcc.reshape"(%x) {shape = array<i64: -1, -1>} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  return %y : tensor<2x3xf32>
}

// -----

func.func @reshape_to_other_count(%x: tensor<2x3xf32>) -> tensor<4xf32> {
  // expected-error @+1 {{shape [4] does not fit the operand of shape 2x3}}
  %y = "qcc.reshape"(%x) {shape = array<i64: 4>} : (tensor<2x3xf32>) -> tensor<4xf32>
  return %y : tensor<4xf32>
}

// -----

func.func @slice_step_zero(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error @+1 {{steps [0] has the entry 0}}
  %y = "qcc.slice"(%x) {starts = array<i64: 0>, ends = array<i64: 4>, axes = array<i64: 0>, steps = array<i64: 0>} : (tensor<4xf32>) -> tensor<4xf32>
  return %y : tensor<4xf32>
}

// -----

func.func @block_zero(%x: tensor<1x4x2x2xf32>) -> tensor<1x1x4x4xf32> {
  // expected-error @+1 {{blocksize is 0 but must be in 1..65535}}
  %y = "qcc.depth_to_space"(%x) {blocksize = 0 : i64} : (tensor<1x4x2x2xf32>) -> tensor<1x1x4x4xf32>
  return %y : tensor<1x1x4x4xf32>
}

// -----

func.func @constant_index_out_of_range(%x: tensor<4xf32>) -> tensor<2xf32> {
  %i = "qcc.constant"() {value = dense<[0, -5]> : tensor<2xi64>} : () -> tensor<2xi64>
  // expected-error @+1 {{has the index -5 but the axis has size 4}}
  %y = "qcc.gather"(%x, %i) : (tensor<4xf32>, tensor<2xi64>) -> tensor<2xf32>
  return %y : tensor<2xf32>
}

// -----

func.func @scalar_gemm(%x: tensor<f32>, %w: tensor<4x4xf32>) -> tensor<4x4xf32> {
  // expected-error @+1 {{operand 'a' has rank 0 but should have 2}}
  %y = "qcc.gemm"(%x, %w) {operandSegmentSizes = array<i32: 1, 1, 0, 0, 0>} : (tensor<f32>, tensor<4x4xf32>) -> tensor<4x4xf32>
  return %y : tensor<4x4xf32>
}

// -----

func.func @split_that_does_not_add_up(%x: tensor<4xf32>) -> (tensor<1xf32>, tensor<2xf32>) {
  // expected-error @+1 {{split [1, 2] adds up to 3 but axis 0 has size 4}}
  %y:2 = "qcc.split"(%x) {split = array<i64: 1, 2>} : (tensor<4xf32>) -> (tensor<1xf32>, tensor<2xf32>)
  return %y#0, %y#1 : tensor<1xf32>, tensor<2xf32>
}

// -----

func.func @reflect_without_elements(%x: tensor<0xf32>) -> tensor<2xf32> {
  // expected-error @+1 {{pads [1, 1] leave 0 elements of the 0 in axis 0 to pad from}}
  %y = "qcc.pad"(%x) {pads = array<i64: 1, 1>, mode = "reflect"} : (tensor<0xf32>) -> tensor<2xf32>
  return %y : tensor<2xf32>
}

// -----

func.func @constant_of_any_size() -> tensor<1xf32> {
  // expected-error @+1 {{has 1073741824 elements, more than the limit of 16777216 for a constant}}
  %y = "qcc.constant_of_shape"() {shape = array<i64: 1073741824>} : () -> tensor<1xf32>
  return %y : tensor<1xf32>
}

// -----

func.func @resize_beyond_the_limit(%x: tensor<1x1x2x2xf32>) -> tensor<1x1x2x2xf32> {
  // expected-error @+1 {{gives axis 3 the size 2.000000e+30}}
  %y = "qcc.resize"(%x) {scales = array<f32: 1.0, 1.0, 1.0, 1.0e30>} : (tensor<1x1x2x2xf32>) -> tensor<1x1x2x2xf32>
  return %y : tensor<1x1x2x2xf32>
}

// -----

func.func @operands_do_not_broadcast(%a: tensor<2x3xf32>, %b: tensor<2xf32>) -> tensor<2x3xf32> {
  // expected-error @+1 {{has operands whose shapes do not broadcast: 2x3, 2}}
  %y = "qcc.add"(%a, %b) : (tensor<2x3xf32>, tensor<2xf32>) -> tensor<2x3xf32>
  return %y : tensor<2x3xf32>
}
