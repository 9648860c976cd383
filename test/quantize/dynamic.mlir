// RUN: %qcc-opt %s --split-input-file --qcc-quantize-dynamic | FileCheck %s
// RUN: %qcc-opt %s --split-input-file --qcc-quantize-dynamic=planned | FileCheck %s --check-prefix=PLANNED
// RUN: %qcc-opt %s --split-input-file --qcc-quantize-dynamic 2>&1 >/dev/null | FileCheck %s --check-prefix=SAYS
// RUN: %qcc-opt %s --split-input-file --qcc-quantize-dynamic='int4 int4-from=1' 2>/dev/null | FileCheck %s --check-prefix=INT4

// Two products share what was measured; transposed weights become (K, N).
// CHECK-LABEL: @measuresATensorOnce
func.func @measuresATensorOnce(%x: tensor<2x3xf32>) -> (tensor<2x2xf32>, tensor<2x2xf32>) {
  %w = "qcc.constant"() <{value = dense<[[1.27, 0.0], [0.5, -2.54], [0.0, 2.54]]> : tensor<3x2xf32>}> : () -> tensor<3x2xf32>
  %t = "qcc.constant"() <{value = dense<[[1.27, 0.5, 0.0], [0.0, -2.54, 2.54]]> : tensor<2x3xf32>}> : () -> tensor<2x3xf32>
  // CHECK: %[[Q:.*]], %[[S:.*]], %[[Z:.*]] = "qcc.dynamic_quantize"(%arg0) <{axis = 1 : i64}>
  // CHECK-NOT: "qcc.dynamic_quantize"
  // CHECK: %[[W:.*]] = "qcc.constant"() <{value = dense<{{\[}}[127, 0], [50, -127], [0, 127]]> : tensor<3x2xi8>}> : () -> tensor<3x2x!quant.uniform<i8:f32:1, {0.0{{.*}},0.0{{.*}}}>>
  // CHECK: "qcc.dynamic_matmul"(%[[Q]], %[[S]], %[[Z]], %[[W]])
  // CHECK: dense<{{\[}}[127, 0], [50, -127], [0, 127]]> : tensor<3x2xi8>
  // CHECK: "qcc.dynamic_matmul"(%[[Q]], %[[S]], %[[Z]],
  %0 = "qcc.matmul"(%x, %w) <{operandSegmentSizes = array<i32: 1, 1, 0, 0, 0>}> : (tensor<2x3xf32>, tensor<3x2xf32>) -> tensor<2x2xf32>
  %1 = "qcc.gemm"(%x, %t) <{operandSegmentSizes = array<i32: 1, 1, 0, 0, 0>, transB = 1 : i64}> : (tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<2x2xf32>
  return %0, %1 : tensor<2x2xf32>, tensor<2x2xf32>
}

// -----

// CHECK-LABEL: @quantisesRecurrentWeights
func.func @quantisesRecurrentWeights(%x: tensor<4x1x2xf32>) -> tensor<4x1x1x2xf32> {
  %w = "qcc.constant"() <{value = dense<1.27> : tensor<1x2x2xf32>}> : () -> tensor<1x2x2xf32>
  // CHECK: "qcc.rnn"(%arg0, %{{.*}}, %{{.*}}){{.*}}(tensor<4x1x2xf32>, tensor<1x2x2x!quant.uniform<i8:f32:1, {{.*}}>>, tensor<1x2x2x!quant.uniform<i8:f32:1, {{.*}}>>)
  %y, %h = "qcc.rnn"(%x, %w, %w) <{functions = [{op = "tanh"}], operandSegmentSizes = array<i32: 1, 1, 1, 0, 0, 0>}> : (tensor<4x1x2xf32>, tensor<1x2x2xf32>, tensor<1x2x2xf32>) -> (tensor<4x1x1x2xf32>, tensor<1x1x2xf32>)
  return %y : tensor<4x1x1x2xf32>
}

// -----

// CHECK-LABEL: @saysWhatStaysFloat
func.func @saysWhatStaysFloat(%x: tensor<2x2xf32>) -> tensor<2x2xf32> {
  // CHECK: "qcc.matmul"{{.*}}qcc.float_reason = "multiplies two tensors of the run, which no integer kernel does"
  // SAYS: warning: nothing was quantised
  %0 = "qcc.matmul"(%x, %x) <{operandSegmentSizes = array<i32: 1, 1, 0, 0, 0>}> : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
  return %0 : tensor<2x2xf32>
}

// -----

// An image is measured as a whole; behind a Relu its zero point is 0, behind HardSwish a little above, else in the
// middle.
// CHECK-LABEL: @measuresImages
func.func @measuresImages(%x: tensor<2x4x5x5xf32>) -> tensor<2x32x5x5xf32> {
  %w = "qcc.constant"() <{value = dense<1.27> : tensor<32x4x3x3xf32>}> : () -> tensor<32x4x3x3xf32>
  %v = "qcc.constant"() <{value = dense<0.5> : tensor<32x32x1x1xf32>}> : () -> tensor<32x32x1x1xf32>
  // CHECK: %[[Q:.*]], %[[S:.*]], %{{.*}} = "qcc.dynamic_quantize"(%arg0) <{axis = 1 : i64, zero_point = 128 : i64}> : (tensor<2x4x5x5xf32>) -> (tensor<2x4x5x5x!quant.uniform<u8:f32, 1.000000e+00:128>>, tensor<2xf32>, tensor<2xi32>)
  // CHECK: %[[W:.*]] = "qcc.constant"() <{value = dense{{.*}} : tensor<32x4x3x3xi8>}> : () -> tensor<32x4x3x3x!quant.uniform<i8:f32:0, {
  // CHECK: "qcc.conv"(%[[Q]], %[[W]], %[[S]])
  %0 = "qcc.conv"(%x, %w) <{kernel_shape = array<i64: 3, 3>, pads = array<i64: 1, 1, 1, 1>, strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, group = 1 : i64, operandSegmentSizes = array<i32: 1, 1, 0, 0, 0, 0>}> : (tensor<2x4x5x5xf32>, tensor<32x4x3x3xf32>) -> tensor<2x32x5x5xf32>
  %1 = "qcc.relu"(%0) : (tensor<2x32x5x5xf32>) -> tensor<2x32x5x5xf32>
  // CHECK: "qcc.dynamic_quantize"({{.*}}) <{axis = 1 : i64, zero_point = 0 : i64}>
  %2 = "qcc.conv"(%1, %v) <{kernel_shape = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, group = 1 : i64, operandSegmentSizes = array<i32: 1, 1, 0, 0, 0, 0>}> : (tensor<2x32x5x5xf32>, tensor<32x32x1x1xf32>) -> tensor<2x32x5x5xf32>
  %3 = "qcc.hard_swish"(%2) : (tensor<2x32x5x5xf32>) -> tensor<2x32x5x5xf32>
  // CHECK: "qcc.dynamic_quantize"({{.*}}) <{axis = 1 : i64, zero_point = 16 : i64}>
  %4 = "qcc.conv"(%3, %v) <{kernel_shape = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, group = 1 : i64, operandSegmentSizes = array<i32: 1, 1, 0, 0, 0, 0>}> : (tensor<2x32x5x5xf32>, tensor<32x32x1x1xf32>) -> tensor<2x32x5x5xf32>
  return %4 : tensor<2x32x5x5xf32>
}

// -----

// CHECK-LABEL: @leavesDepthwiseInFloat
func.func @leavesDepthwiseInFloat(%x: tensor<1x8x5x5xf32>) -> tensor<1x8x5x5xf32> {
  %w = "qcc.constant"() <{value = dense<1.27> : tensor<8x1x3x3xf32>}> : () -> tensor<8x1x3x3xf32>
  // CHECK: "qcc.conv"(%arg0,{{.*}}qcc.float_reason = "multiplies each number 9 times, which gains less in int8 than measuring it costs (without --calib)"
  %0 = "qcc.conv"(%x, %w) <{kernel_shape = array<i64: 3, 3>, pads = array<i64: 1, 1, 1, 1>, strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, group = 8 : i64, operandSegmentSizes = array<i32: 1, 1, 0, 0, 0, 0>}> : (tensor<1x8x5x5xf32>, tensor<8x1x3x3xf32>) -> tensor<1x8x5x5xf32>
  return %0 : tensor<1x8x5x5xf32>
}

// -----

// In a calibrated model only what has been chosen.
// PLANNED-LABEL: @takesWhatIsPlanned
func.func @takesWhatIsPlanned(%x: tensor<2x2xf32>) -> (tensor<2x2xf32>, tensor<2x2xf32>) {
  %w = "qcc.constant"() <{value = dense<1.27> : tensor<2x2xf32>}> : () -> tensor<2x2xf32>
  // PLANNED: "qcc.dynamic_matmul"
  // PLANNED-NOT: qcc.by_row
  // PLANNED: "qcc.matmul"
  %0 = "qcc.matmul"(%x, %w) <{operandSegmentSizes = array<i32: 1, 1, 0, 0, 0>}> {qcc.by_row = "int8"} : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
  %1 = "qcc.matmul"(%x, %w) <{operandSegmentSizes = array<i32: 1, 1, 0, 0, 0>}> : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
  return %0, %1 : tensor<2x2xf32>, tensor<2x2xf32>
}

// -----

// With 4 bits: a group of 32 along the depth, mirrored where its largest number is positive; too short sums
// stay int8.
// INT4-LABEL: @storesGroups
func.func @storesGroups(%x: tensor<2x33xf32>, %s: tensor<2x4xf32>) -> (tensor<2x1xf32>, tensor<2x1xf32>) {
  %w = "qcc.constant"() <{value = dense<-1.0> : tensor<33x1xf32>}> : () -> tensor<33x1xf32>
  %v = "qcc.constant"() <{value = dense<1.27> : tensor<4x1xf32>}> : () -> tensor<4x1xf32>
  // INT4: "qcc.constant"() <{value = dense<-8> : tensor<33x1xi4>}> : () -> tensor<33x1x!quant.uniform<i4:f32:{0:32, 1:1}, {{[{][{]}}1.25{{[^}]*[}]}}, {1.25
  // INT4: "qcc.dynamic_matmul"
  // INT4: tensor<4x1xi8>
  // INT4: "qcc.dynamic_matmul"{{.*}}qcc.int8_reason = "sums of 4 products make no group of 32"
  %0 = "qcc.matmul"(%x, %w) <{operandSegmentSizes = array<i32: 1, 1, 0, 0, 0>}> : (tensor<2x33xf32>, tensor<33x1xf32>) -> tensor<2x1xf32>
  %1 = "qcc.matmul"(%s, %v) <{operandSegmentSizes = array<i32: 1, 1, 0, 0, 0>}> : (tensor<2x4xf32>, tensor<4x1xf32>) -> tensor<2x1xf32>
  return %0, %1 : tensor<2x1xf32>, tensor<2x1xf32>
}

// -----

// INT4-LABEL: @mirrorsGroups
func.func @mirrorsGroups(%x: tensor<2x32xf32>) -> tensor<2x1xf32> {
  %w = "qcc.constant"() <{value = dense<1.0> : tensor<32x1xf32>}> : () -> tensor<32x1xf32>
  // INT4: "qcc.constant"() <{value = dense<7> : tensor<32x1xi4>}> : () -> tensor<32x1x!quant.uniform<i4:f32:{0:32, 1:1}, {{[{][{]}}1.25{{[^}]*}}:-1{{[}][}]}}>>
  %0 = "qcc.matmul"(%x, %w) <{operandSegmentSizes = array<i32: 1, 1, 0, 0, 0>}> : (tensor<2x32xf32>, tensor<32x1xf32>) -> tensor<2x1xf32>
  return %0 : tensor<2x1xf32>
}

// -----

// INT4-LABEL: @groupsRecurrentWeights
func.func @groupsRecurrentWeights(%x: tensor<4x1x32xf32>) -> tensor<4x1x1x32xf32> {
  %w = "qcc.constant"() <{value = dense<1.27> : tensor<1x32x32xf32>}> : () -> tensor<1x32x32xf32>
  // INT4: "qcc.rnn"(%arg0, %{{.*}}, %{{.*}}){{.*}}(tensor<4x1x32xf32>, tensor<1x32x32x!quant.uniform<i4:f32:{0:1, 1:1, 2:32}, {{.*}}>>, tensor<1x32x32x!quant.uniform<i4
  %y, %h = "qcc.rnn"(%x, %w, %w) <{functions = [{op = "tanh"}], operandSegmentSizes = array<i32: 1, 1, 1, 0, 0, 0>}> : (tensor<4x1x32xf32>, tensor<1x32x32xf32>, tensor<1x32x32xf32>) -> (tensor<4x1x1x32xf32>, tensor<1x1x32xf32>)
  return %y : tensor<4x1x1x32xf32>
}
