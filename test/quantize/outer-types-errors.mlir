// RUN: not %qcc-opt %s --split-input-file --qcc-set-outer-types="tensors=x:u8" 2>&1 | FileCheck %s
// RUN: not %qcc-opt %s --split-input-file --qcc-set-outer-types="tensors=y:u8" 2>&1 | FileCheck %s --check-prefix=OUT
// RUN: not %qcc-opt %s --split-input-file --qcc-set-outer-types="tensors=x:u16" 2>&1 | FileCheck %s --check-prefix=WORD

// CHECK: --io=x:u8: input 'x' has no quantisation: its readers do not all take it in one 8-bit type. --calib makes one
// OUT: --io=y:u8: output 'y' has no quantisation: it is computed in float
// WORD: --io=x:u16: expected NAME:u8 or NAME:i8, with ',nhwc' behind
func.func @FloatModel(%x: tensor<2xf32>) -> tensor<2xf32>
    attributes {qcc.input_names = ["x"], qcc.output_names = ["y"]} {
  %0 = "qcc.relu"(%x) : (tensor<2xf32>) -> tensor<2xf32>
  return %0 : tensor<2xf32>
}

// -----

// CHECK: input 'x' has elements of type 'i64'; f32 and integers of 8 bits can change
// OUT: output 'y' has elements of type 'i64'
func.func @Indices(%x: tensor<2xi64>) -> tensor<2xi64>
    attributes {qcc.input_names = ["x"], qcc.output_names = ["y"]} {
  return %x : tensor<2xi64>
}
