// RUN: %qcc-opt %s --qcc-store-halves 2>&1 | FileCheck %s
// RUN: %qcc-opt %s --qcc-store-halves=type=bf16 2>&1 | FileCheck %s --check-prefix=BF16
// RUN: %qcc-opt %s --qcc-store-halves=only-streamed 2>&1 | FileCheck %s --check-prefix=STREAMED

// Weights are rounded; activations and the bias stay f32.
// CHECK-LABEL: @Products
// BF16-LABEL: @Products
func.func @Products(%x: tensor<2x2xf32>) -> tensor<2x2xf32> {
  // CHECK-DAG: %[[W:.*]] = "qcc.constant"() <{value = dense<{{.*}}1.00488{{.*}}> : tensor<2x2xf16>}>
  // CHECK: "qcc.gemm"(%arg0, %[[W]], %{{.*}}) {{.*}} (tensor<2x2xf32>, tensor<2x2xf16>, tensor<2xf32>) -> tensor<2x2xf32>
  // BF16: "qcc.gemm"{{.*}} (tensor<2x2xf32>, tensor<2x2xbf16>, tensor<2xf32>) -> tensor<2x2xf32>
  %w = "qcc.constant"() <{value = dense<[[1.005, 2.0], [3.0, 4.0]]> : tensor<2x2xf32>}> : () -> tensor<2x2xf32>
  %b = "qcc.constant"() <{value = dense<0.1> : tensor<2xf32>}> : () -> tensor<2xf32>
  %0 = "qcc.gemm"(%x, %w, %b) <{operandSegmentSizes = array<i32: 1, 1, 1, 0, 0>}> : (tensor<2x2xf32>, tensor<2x2xf32>, tensor<2xf32>) -> tensor<2x2xf32>
  return %0 : tensor<2x2xf32>
}

// What float16 cannot hold stays f32, and the user is told; bfloat16 reaches as far as f32.
// CHECK-LABEL: @Overflow
// BF16-LABEL: @Overflow
func.func @Overflow(%x: tensor<2x2xf32>) -> tensor<2x2xf32> {
  // CHECK: qcc.float_reason = "its weights stay float32: 70000 is beyond float16"{{.*}} tensor<2x2xf32>) -> tensor<2x2xf32>
  // BF16: tensor<2x2xbf16>) -> tensor<2x2xf32>
  %w = "qcc.constant"() <{value = dense<[[1.0, 2.0], [7.0e4, 4.0]]> : tensor<2x2xf32>}> : () -> tensor<2x2xf32>
  %0 = "qcc.matmul"(%x, %w) <{operandSegmentSizes = array<i32: 1, 1, 0, 0, 0>}> : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
  return %0 : tensor<2x2xf32>
}

// An output channel of numbers so small that float16 has few digits left of them.
// CHECK-LABEL: @TooSmall
func.func @TooSmall(%x: tensor<2x2xf32>) -> tensor<2x2xf32> {
  // CHECK: qcc.float_reason = "its weights stay float32: float16 would change those of channel 1 by {{[0-9.]+}} %"
  %w = "qcc.constant"() <{value = dense<[[1.0, 1.5e-7], [2.0, 1.0e-6]]> : tensor<2x2xf32>}> : () -> tensor<2x2xf32>
  %0 = "qcc.matmul"(%x, %w) <{operandSegmentSizes = array<i32: 1, 1, 0, 0, 0>}> : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
  return %0 : tensor<2x2xf32>
}

// Both matrices of a recurrent layer, but not its bias.
// CHECK-LABEL: @Recurrent
func.func @Recurrent(%x: tensor<3x1x2xf32>) -> tensor<3x1x1x1xf32> {
  // CHECK: "qcc.rnn"{{.*}} (tensor<3x1x2xf32>, tensor<1x1x2xf16>, tensor<1x1x1xf16>, tensor<1x2xf32>)
  %w = "qcc.constant"() <{value = dense<0.5> : tensor<1x1x2xf32>}> : () -> tensor<1x1x2xf32>
  %r = "qcc.constant"() <{value = dense<0.25> : tensor<1x1x1xf32>}> : () -> tensor<1x1x1xf32>
  %b = "qcc.constant"() <{value = dense<0.1> : tensor<1x2xf32>}> : () -> tensor<1x2xf32>
  %0:2 = "qcc.rnn"(%x, %w, %r, %b) <{operandSegmentSizes = array<i32: 1, 1, 1, 1, 0, 0>}> {functions = [{op = "tanh"}]} : (tensor<3x1x2xf32>, tensor<1x1x2xf32>, tensor<1x1x1xf32>, tensor<1x2xf32>) -> (tensor<3x1x1x1xf32>, tensor<1x1x1xf32>)
  return %0#0 : tensor<3x1x1x1xf32>
}

// Rows of a large table are widened behind the gather; a small one stays.
// CHECK-LABEL: @Tables
func.func @Tables(%i: tensor<3xi64>) -> (tensor<3x256xf32>, tensor<3x2xf32>) {
  // CHECK: %[[G:.*]] = "qcc.gather"(%{{.*}}) {{.*}} (tensor<256x256xf16>, tensor<3xi64>) -> tensor<3x256xf16>
  // CHECK: "qcc.cast"(%[[G]]) {{.*}} -> tensor<3x256xf32>
  // CHECK: "qcc.gather"(%{{.*}}) {{.*}} (tensor<4x2xf32>, tensor<3xi64>) -> tensor<3x2xf32>
  %t = "qcc.constant"() <{value = dense<0.5> : tensor<256x256xf32>}> : () -> tensor<256x256xf32>
  %s = "qcc.constant"() <{value = dense<0.5> : tensor<4x2xf32>}> : () -> tensor<4x2xf32>
  %0 = "qcc.gather"(%t, %i) : (tensor<256x256xf32>, tensor<3xi64>) -> tensor<3x256xf32>
  %1 = "qcc.gather"(%s, %i) : (tensor<4x2xf32>, tensor<3xi64>) -> tensor<3x2xf32>
  return %0, %1 : tensor<3x256xf32>, tensor<3x2xf32>
}

// Depthwise filters stay f32, and what is no constant.
// CHECK-LABEL: @Others
func.func @Others(%x: tensor<1x2x3x3xf32>, %y: tensor<3x3xf32>) -> tensor<1x2x3x3xf32> {
  // CHECK-NOT: f16
  // CHECK: return
  %w = "qcc.constant"() <{value = dense<0.5> : tensor<2x1x1x1xf32>}> : () -> tensor<2x1x1x1xf32>
  %0 = "qcc.conv"(%x, %w) <{operandSegmentSizes = array<i32: 1, 1, 0, 0, 0, 0>, group = 2 : i64, kernel_shape = array<i64: 1, 1>, strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>}> : (tensor<1x2x3x3xf32>, tensor<2x1x1x1xf32>) -> tensor<1x2x3x3xf32>
  %1 = "qcc.matmul"(%0, %y) <{operandSegmentSizes = array<i32: 1, 1, 0, 0, 0>}> : (tensor<1x2x3x3xf32>, tensor<3x3xf32>) -> tensor<1x2x3x3xf32>
  return %1 : tensor<1x2x3x3xf32>
}

// Where nobody asks for float16: a few rows of many weights which lose nothing. None of the functions above has so many.
// STREAMED-NOT: f16
// STREAMED-LABEL: @Streamed
// CHECK-LABEL: @Streamed
func.func @Streamed(%x: tensor<8x512xf32>, %y: tensor<9x512xf32>) -> (tensor<8x512xf32>, tensor<9x512xf32>, tensor<8x511xf32>, tensor<8x512xf32>) {
  // STREAMED: "qcc.matmul"(%arg0, {{.*}} (tensor<8x512xf32>, tensor<512x512xf16>) -> tensor<8x512xf32>
  // STREAMED: "qcc.matmul"(%arg1, {{.*}} (tensor<9x512xf32>, tensor<512x512xf32>) -> tensor<9x512xf32>
  // STREAMED: "qcc.matmul"(%arg0, {{.*}} (tensor<8x512xf32>, tensor<512x511xf32>) -> tensor<8x511xf32>
  // STREAMED: "qcc.matmul"(%arg0, {{.*}} (tensor<8x512xf32>, tensor<512x512xf32>) -> tensor<8x512xf32>
  // CHECK: tensor<512x511xf16>) -> tensor<8x511xf32>
  %w = "qcc.constant"() <{value = dense<0.5> : tensor<512x512xf32>}> : () -> tensor<512x512xf32>
  %v = "qcc.constant"() <{value = dense<0.5> : tensor<512x511xf32>}> : () -> tensor<512x511xf32>
  %0 = "qcc.matmul"(%x, %w) <{operandSegmentSizes = array<i32: 1, 1, 0, 0, 0>}> : (tensor<8x512xf32>, tensor<512x512xf32>) -> tensor<8x512xf32>
  %1 = "qcc.matmul"(%y, %w) <{operandSegmentSizes = array<i32: 1, 1, 0, 0, 0>}> : (tensor<9x512xf32>, tensor<512x512xf32>) -> tensor<9x512xf32>
  %2 = "qcc.matmul"(%x, %v) <{operandSegmentSizes = array<i32: 1, 1, 0, 0, 0>}> : (tensor<8x512xf32>, tensor<512x511xf32>) -> tensor<8x511xf32>
  %u = "qcc.constant"() <{value = dense<0.1> : tensor<512x512xf32>}> : () -> tensor<512x512xf32>
  %3 = "qcc.matmul"(%x, %u) <{operandSegmentSizes = array<i32: 1, 1, 0, 0, 0>}> : (tensor<8x512xf32>, tensor<512x512xf32>) -> tensor<8x512xf32>
  return %0, %1, %2, %3 : tensor<8x512xf32>, tensor<9x512xf32>, tensor<8x511xf32>, tensor<8x512xf32>
}
