// RUN: %qcc-opt %s --split-input-file --verify-diagnostics --qcc-mask-lengths

// Rows of a batch of 2 lie apart: together they are no beginning of one axis.
func.func @joinsAxes(%x: tensor<2x8xf32>) -> tensor<16xf32> attributes {qcc.input_names = ["x"], qcc.output_names = ["y"], qcc.lengths = [array<i64: 0, 1, 1, 8>], qcc.input_extents = [array<i64: 1, 0, 1, 0>]} {
  // expected-error @+1 {{joins or cuts a bounded axis that lies behind another one: with a bounded length this is not supported}}
  %0 = "qcc.reshape"(%x) <{shape = array<i64: 16>, allowzero = 1 : i64}> {qcc.extents = [array<i64: 0, 0, 2, 0>]} : (tensor<2x8xf32>) -> tensor<16xf32>
  return %0 : tensor<16xf32>
}

// -----

// An operation without a rule keeps nothing apart.
func.func @hasNoRule(%x: tensor<8x4xf32>) -> tensor<8x4xui8> attributes {qcc.input_names = ["x"], qcc.output_names = ["z"], qcc.lengths = [array<i64: 0, 0, 1, 8>], qcc.input_extents = [array<i64: 0, 0, 1, 0>]} {
  // expected-error @+1 {{mixes the positions of an axis, or is not known to keep them apart}}
  %0, %1, %2 = "qcc.dynamic_quantize"(%x) <{axis = 1 : i64}> {qcc.extents = [array<i64: 0, 0, 1, 0>]} : (tensor<8x4xf32>) -> (tensor<8x4xui8>, tensor<8xf32>, tensor<8xi32>)
  return %0 : tensor<8x4xui8>
}

// -----

// Indices of the run may count from the end of a longer one.
func.func @countsFromTheEnd(%x: tensor<8x4xf32>, %i: tensor<2x1xi64>, %y: tensor<2x4xf32>) -> tensor<8x4xf32> attributes {qcc.input_names = ["x", "i", "y"], qcc.output_names = ["z"], qcc.lengths = [array<i64: 0, 0, 1, 8>], qcc.input_extents = [array<i64: 0, 0, 1, 0>, array<i64>, array<i64>]} {
  // expected-error @+1 {{writes into an axis of a bounded length by numbers that may count from its end}}
  %0 = "qcc.scatter_nd"(%x, %i, %y) {qcc.extents = [array<i64: 0, 0, 1, 0>]} : (tensor<8x4xf32>, tensor<2x1xi64>, tensor<2x4xf32>) -> tensor<8x4xf32>
  return %0 : tensor<8x4xf32>
}

// -----

// A rule's idea of a result must be what import has seen.
func.func @contradicts(%x: tensor<8xf32>) -> tensor<8xf32> attributes {qcc.input_names = ["x"], qcc.output_names = ["y"], qcc.lengths = [array<i64: 0, 0, 1, 8>], qcc.input_extents = [array<i64: 0, 0, 1, 0>]} {
  // expected-error @+1 {{gives result 0 another length than the model says}}
  %0 = "qcc.relu"(%x) : (tensor<8xf32>) -> tensor<8xf32>
  return %0 : tensor<8xf32>
}

// -----

// Also where sizes do not grow evenly.
func.func @contradictsSamples(%x: tensor<1x2x9xf32>, %w: tensor<3x2x3xf32>) -> tensor<1x3x5xf32> attributes {qcc.input_names = ["x", "w"], qcc.output_names = ["y"], qcc.lengths = [array<i64: 0, 2, 3, 9>], qcc.input_extents = [array<i64: 2, 0, 1, 0>, array<i64>], qcc.samples = [array<i64: 8>, array<i64: 3>]} {
  // expected-error @+1 {{gives result 0 another length than the model says}}
  %0 = "qcc.conv"(%x, %w) <{kernel_shape = array<i64: 3>, pads = array<i64: 1, 1>, strides = array<i64: 2>, dilations = array<i64: 1>, operandSegmentSizes = array<i32: 1, 1, 0, 0, 0, 0>}> {qcc.sizes = [array<i64: 0, 2, 4, 1>]} : (tensor<1x2x9xf32>, tensor<3x2x3xf32>) -> tensor<1x3x5xf32>
  return %0 : tensor<1x3x5xf32>
}

// -----

// What no operand has grown like is not guessed at.
func.func @growsUnevenly(%x: tensor<9xf32>, %c: tensor<1xf32>) -> (tensor<9xf32>, tensor<3xf32>) attributes {qcc.input_names = ["x", "c"], qcc.output_names = ["y", "z"], qcc.lengths = [array<i64: 0, 0, 1, 9>], qcc.input_extents = [array<i64: 0, 0, 1, 0>, array<i64>], qcc.samples = [array<i64: 8>, array<i64: 3>]} {
  // expected-error @+1 {{has a size that does not grow evenly: axis 0 has 3 positions in the longest run}}
  %0 = "qcc.expand"(%c) <{shape = array<i64: 3>}> {qcc.sizes = [array<i64: 0, 0, 2, 1>]} : (tensor<1xf32>) -> tensor<3xf32>
  return %x, %0 : tensor<9xf32>, tensor<3xf32>
}
