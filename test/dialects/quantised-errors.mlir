// RUN: %qcc-opt %s --split-input-file --verify-diagnostics
// Quantised operations say which type does not fit.

func.func @scales_unlike_channels(%x: tensor<1x4x!quant.uniform<u8:f32, 0.5:128>>, %w: tensor<2x4x!quant.uniform<i8:f32:1, {0.5, 0.25}>>) -> tensor<1x2xf32> {
  // expected-error @+1 {{operand 'filter' needs 2 scales along axis 0}}
  %y = "qcc.gemm"(%x, %w) {transB = 1 : i64, operandSegmentSizes = array<i32: 1, 1, 0, 0, 0>} : (tensor<1x4x!quant.uniform<u8:f32, 0.5:128>>, tensor<2x4x!quant.uniform<i8:f32:1, {0.5, 0.25}>>) -> tensor<1x2xf32>
  return %y : tensor<1x2xf32>
}

// -----

func.func @float_filter(%x: tensor<1x4x!quant.uniform<u8:f32, 0.5:128>>, %w: tensor<4x2xf32>) -> tensor<1x2xf32> {
  // expected-error @+1 {{has a quantised input but a filter of 'f32'}}
  %y = "qcc.gemm"(%x, %w) {operandSegmentSizes = array<i32: 1, 1, 0, 0, 0>} : (tensor<1x4x!quant.uniform<u8:f32, 0.5:128>>, tensor<4x2xf32>) -> tensor<1x2xf32>
  return %y : tensor<1x2xf32>
}

// -----

func.func @sum_of_float_and_quantised(%a: tensor<4x!quant.uniform<u8:f32, 0.5:128>>, %b: tensor<4xf32>) -> tensor<4x!quant.uniform<u8:f32, 0.5:128>> {
  // expected-error @+1 {{has an operand of element type 'f32' beside a quantised one}}
  %y = "qcc.add"(%a, %b) : (tensor<4x!quant.uniform<u8:f32, 0.5:128>>, tensor<4xf32>) -> tensor<4x!quant.uniform<u8:f32, 0.5:128>>
  return %y : tensor<4x!quant.uniform<u8:f32, 0.5:128>>
}

// -----

func.func @unknown_step(%a: tensor<4x4xf32>) -> tensor<4x4xf32> {
  // expected-error @+1 {{chain has the unknown step 'swoosh'}}
  %y = "qcc.matmul"(%a, %a) {chain = [{op = "swoosh"}], operandSegmentSizes = array<i32: 1, 1, 0, 0, 0>} : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
  return %y : tensor<4x4xf32>
}

// -----

func.func @residual_step_without_operand(%a: tensor<4x4xf32>) -> tensor<4x4xf32> {
  // expected-error @+1 {{chain has 1 residual steps but the operation has no residual}}
  %y = "qcc.matmul"(%a, %a) {chain = [{op = "residual"}], operandSegmentSizes = array<i32: 1, 1, 0, 0, 0>} : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
  return %y : tensor<4x4xf32>
}

// -----

func.func @constant_of_another_storage() -> tensor<2x!quant.uniform<u8:f32, 0.5:128>> {
  // expected-error @+1 {{has a value of 'i8' but '!quant.uniform<u8:f32, 5.000000e-01:128>' stores 'ui8'}}
  %y = "qcc.constant"() {value = dense<1> : tensor<2xi8>} : () -> tensor<2x!quant.uniform<u8:f32, 0.5:128>>
  return %y : tensor<2x!quant.uniform<u8:f32, 0.5:128>>
}

// -----

func.func @scast_between_widths(%x: tensor<2xi16>) -> tensor<2x!quant.uniform<u8:f32, 0.5:128>> {
  // expected-error @+1 {{one must be quantised and the stored types must agree}}
  %y = "qcc.scast"(%x) : (tensor<2xi16>) -> tensor<2x!quant.uniform<u8:f32, 0.5:128>>
  return %y : tensor<2x!quant.uniform<u8:f32, 0.5:128>>
}

// -----

func.func @table_of_wrong_size(%x: tensor<2xui8>, %t: tensor<128xui8>) -> tensor<2xui8> {
  // expected-error @+1 {{needs 8-bit values and 256 entries}}
  %y = "qcc.lookup"(%x, %t) : (tensor<2xui8>, tensor<128xui8>) -> tensor<2xui8>
  return %y : tensor<2xui8>
}
