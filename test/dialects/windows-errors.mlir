// RUN: %qcc-opt %s --split-input-file --verify-diagnostics
// Convolutions and pools refuse what ONNX's checker lets through.

func.func @stride_zero(%x: tensor<1x1x4x4xf32>, %w: tensor<1x1x3x3xf32>) -> tensor<1x1x2x2xf32> {
  // expected-error @+1 {{strides [0, 1] has the entry 0 but each must be in 1..2147483647}}
  %y = "qcc.conv"(%x, %w) {strides = array<i64: 0, 1>, operandSegmentSizes = array<i32: 1, 1, 0, 0, 0, 0>} : (tensor<1x1x4x4xf32>, tensor<1x1x3x3xf32>) -> tensor<1x1x2x2xf32>
  return %y : tensor<1x1x2x2xf32>
}

// -----

func.func @dilation_huge(%x: tensor<1x1x4x4xf32>, %w: tensor<1x1x3x3xf32>) -> tensor<1x1x2x2xf32> {
  // expected-error @+1 {{dilations [1099511627776, 1] has the entry 1099511627776}}
  %y = "qcc.conv"(%x, %w) {dilations = array<i64: 1099511627776, 1>, operandSegmentSizes = array<i32: 1, 1, 0, 0, 0, 0>} : (tensor<1x1x4x4xf32>, tensor<1x1x3x3xf32>) -> tensor<1x1x2x2xf32>
  return %y : tensor<1x1x2x2xf32>
}

// -----

func.func @group_zero(%x: tensor<1x1x4x4xf32>, %w: tensor<1x1x3x3xf32>) -> tensor<1x1x2x2xf32> {
  // expected-error @+1 {{group is 0 but must be positive and divide the 1 channels}}
  %y = "qcc.conv"(%x, %w) {group = 0 : i64, operandSegmentSizes = array<i32: 1, 1, 0, 0, 0, 0>} : (tensor<1x1x4x4xf32>, tensor<1x1x3x3xf32>) -> tensor<1x1x2x2xf32>
  return %y : tensor<1x1x2x2xf32>
}

// -----

func.func @group_does_not_divide(%x: tensor<1x6x4x4xf32>, %w: tensor<4x2x3x3xf32>) -> tensor<1x4x2x2xf32> {
  // expected-error @+1 {{group is 4 but must be positive and divide the 6 channels}}
  %y = "qcc.conv"(%x, %w) {group = 4 : i64, operandSegmentSizes = array<i32: 1, 1, 0, 0, 0, 0>} : (tensor<1x6x4x4xf32>, tensor<4x2x3x3xf32>) -> tensor<1x4x2x2xf32>
  return %y : tensor<1x4x2x2xf32>
}

// -----

func.func @channels_differ(%x: tensor<1x3x4x4xf32>, %w: tensor<4x2x3x3xf32>) -> tensor<1x4x2x2xf32> {
  // expected-error @+1 {{has 3 input channels but a filter of shape 4x2x3x3 with group 1}}
  %y = "qcc.conv"(%x, %w) {operandSegmentSizes = array<i32: 1, 1, 0, 0, 0, 0>} : (tensor<1x3x4x4xf32>, tensor<4x2x3x3xf32>) -> tensor<1x4x2x2xf32>
  return %y : tensor<1x4x2x2xf32>
}

// -----

func.func @kernel_larger_than_input(%x: tensor<1x1x4x4xf32>, %w: tensor<1x1x3x7xf32>) -> tensor<1x1x2x2xf32> {
  // expected-error @+1 {{kernel reaches over 7 elements but the padded input has 5 in spatial axis 1}}
  %y = "qcc.conv"(%x, %w) {pads = array<i64: 0, 0, 0, 1>, operandSegmentSizes = array<i32: 1, 1, 0, 0, 0, 0>} : (tensor<1x1x4x4xf32>, tensor<1x1x3x7xf32>) -> tensor<1x1x2x2xf32>
  return %y : tensor<1x1x2x2xf32>
}

// -----

func.func @integers_where_float_is_asked(%x: tensor<1x1x4x4xi8>, %w: tensor<1x1x3x3xi8>) -> tensor<1x1x2x2xi8> {
  // expected-error @+1 {{operand 'input' has element type 'i8' but should have a float type}}
  %y = "qcc.conv"(%x, %w) {operandSegmentSizes = array<i32: 1, 1, 0, 0, 0, 0>} : (tensor<1x1x4x4xi8>, tensor<1x1x3x3xi8>) -> tensor<1x1x2x2xi8>
  return %y : tensor<1x1x2x2xi8>
}

// -----

func.func @wrong_auto_pad(%x: tensor<1x1x4x4xf32>) -> tensor<1x1x2x2xf32> {
  // expected-error @+1 {{auto_pad is 'SAME' but must be NOTSET, SAME_UPPER, SAME_LOWER or VALID}}
  %y = "qcc.max_pool"(%x) {auto_pad = "SAME", kernel_shape = array<i64: 3, 3>} : (tensor<1x1x4x4xf32>) -> tensor<1x1x2x2xf32>
  return %y : tensor<1x1x2x2xf32>
}

// -----

func.func @pool_kernel_of_wrong_length(%x: tensor<1x1x4x4xf32>) -> tensor<1x1x2x2xf32> {
  // expected-error @+1 {{kernel_shape [3] has 1 entries but should have 2}}
  %y = "qcc.average_pool"(%x) {kernel_shape = array<i64: 3>} : (tensor<1x1x4x4xf32>) -> tensor<1x1x2x2xf32>
  return %y : tensor<1x1x2x2xf32>
}

// -----

func.func @result_too_large(%x: tensor<1x1x4x4xf32>) -> tensor<1x1x4x4xf32> {
  // expected-error @+1 {{gives a result of shape 1x1x2000000004x4, more than the limit of 2147483647 elements}}
  %y = "qcc.pad"(%x) {pads = array<i64: 0, 0, 1000000000, 0, 0, 0, 1000000000, 0>} : (tensor<1x1x4x4xf32>) -> tensor<1x1x4x4xf32>
  return %y : tensor<1x1x4x4xf32>
}
