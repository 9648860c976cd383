// RUN: %qcc-opt %s --split-input-file --verify-diagnostics
// Operations along one axis, and those that take indices, refuse what does not exist.

func.func @more_than_there_are(%x: tensor<2x3xf32>) -> tensor<2x4xf32> {
  // expected-error @+1 {{k is 4 but axis 1 has 3 elements}}
  %y, %i = "qcc.top_k"(%x) {k = 4 : i64} : (tensor<2x3xf32>) -> (tensor<2x4xf32>, tensor<2x4xi64>)
  return %y : tensor<2x4xf32>
}

// -----

func.func @largest_of_none(%x: tensor<2x0xf32>) -> tensor<2x1xi64> {
  // expected-error @+1 {{looks for an element along axis 1, which has none}}
  %y = "qcc.arg_max"(%x) {axis = 1 : i64} : (tensor<2x0xf32>) -> tensor<2x1xi64>
  return %y : tensor<2x1xi64>
}

// -----

func.func @axis_out_of_range(%x: tensor<2x3xf32>) -> tensor<2x3xf32> {
  // expected-error @+1 {{axis is -3 but the operand has rank 2}}
  %y = "qcc.cum_sum"(%x) {axis = -3 : i64} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  return %y : tensor<2x3xf32>
}

// -----

func.func @indices_beyond_other_axes(%x: tensor<2x3xf32>, %i: tensor<3x3xi64>) -> tensor<3x3xf32> {
  // expected-error @+1 {{has indices of shape 3x3, which has more than the 2 elements of axis 0}}
  %y = "qcc.gather_elements"(%x, %i) {axis = 1 : i64} : (tensor<2x3xf32>, tensor<3x3xi64>) -> tensor<3x3xf32>
  return %y : tensor<3x3xf32>
}

// -----

func.func @unknown_reduction(%x: tensor<2x3xf32>, %i: tensor<1x3xi64>, %u: tensor<1x3xf32>) -> tensor<2x3xf32> {
  // expected-error @+1 {{reduction is 'sub' but must be none, add, mul, max or min}}
  %y = "qcc.scatter_elements"(%x, %i, %u) {reduction = "sub"} : (tensor<2x3xf32>, tensor<1x3xi64>, tensor<1x3xf32>) -> tensor<2x3xf32>
  return %y : tensor<2x3xf32>
}

// -----

func.func @updates_of_another_shape(%x: tensor<2x3xf32>, %i: tensor<4x1xi64>, %u: tensor<4x2xf32>) -> tensor<2x3xf32> {
  // expected-error @+1 {{has updates of shape 4x2 but should have 4x3}}
  %y = "qcc.scatter_nd"(%x, %i, %u) : (tensor<2x3xf32>, tensor<4x1xi64>, tensor<4x2xf32>) -> tensor<2x3xf32>
  return %y : tensor<2x3xf32>
}

// -----

func.func @grid_of_another_batch(%x: tensor<2x3x4x5xf32>, %g: tensor<1x6x7x2xf32>) -> tensor<2x3x6x7xf32> {
  // expected-error @+1 {{has a grid of shape 1x6x7x2 for an input of shape 2x3x4x5; it should be 2xHxWx2}}
  %y = "qcc.grid_sample"(%x, %g) : (tensor<2x3x4x5xf32>, tensor<1x6x7x2xf32>) -> tensor<2x3x6x7xf32>
  return %y : tensor<2x3x6x7xf32>
}

// -----

func.func @shift_of_signed(%x: tensor<2xi32>) -> tensor<2xi32> {
  // expected-error @+1 {{has operands of element type 'i32' but takes unsigned integers}}
  %y = "qcc.bit_shift"(%x, %x) : (tensor<2xi32>, tensor<2xi32>) -> tensor<2xi32>
  return %y : tensor<2xi32>
}
