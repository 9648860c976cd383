// RUN: %qcc-opt %s --split-input-file --qcc-lower | FileCheck %s

// A bounded input is spread over the memory of the longest run; steps over rows do those that count.
// CHECK-LABEL: func.func @main
// CHECK: qcc.invoke @lengthen_0(%arg0, %arg1, %[[X:[0-9]+]])
// CHECK-NOT: qcc.rows
// CHECK: qcc.invoke @relu_0(%[[X]], %[[R:[0-9]+]]) {{.*}}qcc.rows = array<i64: 1, 1, 1, 0, 1, 8, 1,
// CHECK: qcc.invoke @shorten_0(%[[R]], %arg3, %arg2)
func.func @main(%x: tensor<1x8x4xf32>, %s: tensor<3xi64>) -> (tensor<1x8x4xf32>, tensor<3xi64>) attributes {qcc.input_names = ["x", "x.shape"], qcc.output_names = ["y", "y.shape"], qcc.lengths = [array<i64: 0, 1, 1, 8>], qcc.input_extents = [array<i64: 1, 0, 1, 0>, array<i64>], qcc.output_extents = [array<i64: 1, 0, 1, 0>], qcc.shape_inputs = array<i64: 0>, qcc.shape_outputs = array<i64: 0>} {
  %0 = "qcc.relu"(%x) : (tensor<1x8x4xf32>) -> tensor<1x8x4xf32>
  return %0, %s : tensor<1x8x4xf32>, tensor<3xi64>
}

// -----

// What is filled behind the length is filled, and what is computed from it computed.
// CHECK-LABEL: func.func @main
// CHECK: qcc.invoke @where_0
// CHECK-NOT: qcc.rows
// CHECK: qcc.invoke @exp_0
// CHECK-NOT: qcc.rows
// CHECK: return
func.func @main(%x: tensor<1x8x4xf32>, %m: tensor<8x1xi1>, %s: tensor<3xi64>) -> tensor<1x8x4xf32> attributes {qcc.input_names = ["x", "m", "x.shape"], qcc.output_names = ["y"], qcc.lengths = [array<i64: 0, 1, 1, 8>], qcc.input_extents = [array<i64: 1, 0, 1, 0>, array<i64>, array<i64>], qcc.output_extents = [array<i64>], qcc.shape_inputs = array<i64: 0>, qcc.shape_outputs = array<i64>} {
  %c = "qcc.constant"() <{value = dense<0.0> : tensor<f32>}> : () -> tensor<f32>
  %0 = "qcc.where"(%m, %x, %c) : (tensor<8x1xi1>, tensor<1x8x4xf32>, tensor<f32>) -> tensor<1x8x4xf32>
  %1 = "qcc.exp"(%0) : (tensor<1x8x4xf32>) -> tensor<1x8x4xf32>
  return %1 : tensor<1x8x4xf32>
}

// -----

// A product computes no more rows of its last tile than there are.
// CHECK: qcc.kernel @[[$GEMM:gemm_[0-9]+]] {{.*}}limit = 1 : i64
// CHECK-NOT: qcc.kernel @gemm
// CHECK-LABEL: func.func @main
// CHECK: qcc.invoke @[[$GEMM]]({{.*}}qcc.rows = array<i64: 1, 1, 1, 0, 1, 8, 1,
func.func @main(%x: tensor<1x8x4xf32>, %s: tensor<3xi64>) -> tensor<1x8x6xf32> attributes {qcc.input_names = ["x", "x.shape"], qcc.output_names = ["y"], qcc.lengths = [array<i64: 0, 1, 1, 8>], qcc.input_extents = [array<i64: 1, 0, 1, 0>, array<i64>], qcc.output_extents = [array<i64>], qcc.shape_inputs = array<i64: 0>, qcc.shape_outputs = array<i64>} {
  %w = "qcc.constant"() <{value = dense<1.0> : tensor<4x6xf32>}> : () -> tensor<4x6xf32>
  %0 = "qcc.matmul"(%x, %w) <{operandSegmentSizes = array<i32: 1, 1, 0, 0, 0>}> : (tensor<1x8x4xf32>, tensor<4x6xf32>) -> tensor<1x8x6xf32>
  return %0 : tensor<1x8x6xf32>
}

// -----

// Windows in steps over a tensor that is filled behind its rows: floor((n - 1) / 2) + 1 of 4 count.
// CHECK-LABEL: func.func @main
// CHECK: qcc.invoke @where_0
// CHECK-NOT: qcc.rows
// CHECK: qcc.invoke @max_pool_0{{.*}}qcc.rows = array<i64: 3, 1, 1, 1, 2, 4,
func.func @main(%x: tensor<1x8x4xf32>, %p: tensor<8xi64>, %n: tensor<i64>, %s: tensor<3xi64>) -> tensor<1x4x4xf32> attributes {qcc.input_names = ["x", "p", "n", "x.shape"], qcc.output_names = ["y"], qcc.lengths = [array<i64: 0, 1, 1, 8>], qcc.input_extents = [array<i64: 1, 0, 1, 0>, array<i64>, array<i64>, array<i64>], qcc.output_extents = [array<i64>], qcc.shape_inputs = array<i64: 0>, qcc.shape_outputs = array<i64>} {
  %c = "qcc.constant"() <{value = dense<0.0> : tensor<f32>}> : () -> tensor<f32>
  %m = "qcc.less"(%p, %n) : (tensor<8xi64>, tensor<i64>) -> tensor<8xi1>
  %k = "qcc.reshape"(%m) <{shape = array<i64: 8, 1>}> : (tensor<8xi1>) -> tensor<8x1xi1>
  %0 = "qcc.where"(%k, %x, %c) : (tensor<8x1xi1>, tensor<1x8x4xf32>, tensor<f32>) -> tensor<1x8x4xf32>
  %1 = "qcc.max_pool"(%0) <{kernel_shape = array<i64: 3>, pads = array<i64: 1, 1>, strides = array<i64: 2>, dilations = array<i64: 1>, layout = "nhwc"}> : (tensor<1x8x4xf32>) -> tensor<1x4x4xf32>
  return %1 : tensor<1x4x4xf32>
}

// -----

// Attention computes no more queries than there are, and turns no more keys; what measures rows knows how many.
// CHECK-DAG: qcc.kernel @[[$ATTENTION:attention_[0-9]+]] {{.*}}limit = 1 : i64
// CHECK-DAG: qcc.kernel @[[$TURN:identity_[0-9]+]] {{.*}}limit = 1 : i64
// CHECK-DAG: qcc.kernel @[[$MEASURE:dynamic_quantize_[0-9]+]] {{.*}}limit = 1 : i64
// CHECK-LABEL: func.func @main
// CHECK: qcc.invoke @[[$TURN]]({{.*}}qcc.rows = array<i64: 2, 1, 1, 0, 1, 8, 1, 1>
// CHECK: qcc.invoke @[[$ATTENTION]]({{.*}}qcc.rows = array<i64: 2, 1, 1, 0, 1, 8, 2, 1>
// CHECK: qcc.invoke @[[$MEASURE]]({{.*}}qcc.rows = array<i64: 2, 1, 1, 0, 1, 8, 1,
func.func @main(%x: tensor<1x8x2x4xf32>, %n: tensor<i64>, %s: tensor<4xi64>) -> (tensor<1x8x2x4xui8>, tensor<1x8x2xf32>, tensor<1x8x2xi32>) attributes {qcc.input_names = ["x", "n", "x.shape"], qcc.output_names = ["y", "scale", "zero"], qcc.lengths = [array<i64: 0, 1, 1, 8>], qcc.input_extents = [array<i64: 1, 0, 1, 0>, array<i64>, array<i64>], qcc.output_extents = [array<i64>, array<i64>, array<i64>], qcc.shape_inputs = array<i64: 0>, qcc.shape_outputs = array<i64>} {
  %0 = "qcc.attention"(%x, %x, %x, %n) <{operandSegmentSizes = array<i32: 1, 1, 1, 0, 1>, scale = 1.0 : f32}> : (tensor<1x8x2x4xf32>, tensor<1x8x2x4xf32>, tensor<1x8x2x4xf32>, tensor<i64>) -> tensor<1x8x2x4xf32>
  %y, %scale, %zero = "qcc.dynamic_quantize"(%0) <{axis = 3 : i64}> : (tensor<1x8x2x4xf32>) -> (tensor<1x8x2x4xui8>, tensor<1x8x2xf32>, tensor<1x8x2xi32>)
  return %y, %scale, %zero : tensor<1x8x2x4xui8>, tensor<1x8x2xf32>, tensor<1x8x2xi32>
}
