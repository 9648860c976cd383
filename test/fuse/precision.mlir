// RUN: %qcc-opt %s --qcc-store-bf16=decided | FileCheck %s --check-prefix=BF16
// RUN: %qcc-opt %s --qcc-store-halves=only-streamed | FileCheck %s --check-prefix=HALF

// What --precision=auto has decided is done, about each layer alone.
// BF16-LABEL: @EachForItself
// BF16: "qcc.cast"(%arg0) <{{.*}}to = 16
// BF16: %[[A:.*]] = "qcc.matmul"{{.*}}type = "bf16"{{.*}} -> tensor<2x2xf32>
// BF16: "qcc.matmul"(%[[A]], {{.*}}type = "f32"{{.*}} (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
// BF16: "qcc.matmul"(%arg0, {{.*}} (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
// HALF-LABEL: @EachForItself
// HALF-NOT: f16>
func.func @EachForItself(%x: tensor<2x2xf32>) -> (tensor<2x2xf32>, tensor<2x2xf32>) {
  %w = "qcc.constant"() <{value = dense<0.1> : tensor<2x2xf32>}> : () -> tensor<2x2xf32>
  %0 = "qcc.matmul"(%x, %w) <{operandSegmentSizes = array<i32: 1, 1, 0, 0, 0>}> {qcc.precision = {type = "bf16", decibels = 55.0}} : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
  %1 = "qcc.matmul"(%0, %w) <{operandSegmentSizes = array<i32: 1, 1, 0, 0, 0>}> {qcc.precision = {type = "f32", instead_of = "bf16", decibels = 30.0}} : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
  %2 = "qcc.matmul"(%x, %w) <{operandSegmentSizes = array<i32: 1, 1, 0, 0, 0>}> : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
  return %1, %2 : tensor<2x2xf32>, tensor<2x2xf32>
}

// Weights whose rounding was measured may lose a little; what float16 cannot hold stays, whatever was measured.
// HALF-LABEL: @WeightsAlone
// HALF: "qcc.matmul"(%arg0, {{.*}}type = "f16"{{.*}} (tensor<2x2xf32>, tensor<2x2xf16>)
// HALF: "qcc.matmul"(%arg0, {{.*}}qcc.float_reason = "its weights stay float32: 70000 is beyond float16"
func.func @WeightsAlone(%x: tensor<2x2xf32>) -> (tensor<2x2xf32>, tensor<2x2xf32>) {
  %w = "qcc.constant"() <{value = dense<0.1> : tensor<2x2xf32>}> : () -> tensor<2x2xf32>
  %v = "qcc.constant"() <{value = dense<7.0e4> : tensor<2x2xf32>}> : () -> tensor<2x2xf32>
  %0 = "qcc.matmul"(%x, %w) <{operandSegmentSizes = array<i32: 1, 1, 0, 0, 0>}> {qcc.precision = {type = "f16", decibels = 70.0}} : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
  %1 = "qcc.matmul"(%x, %v) <{operandSegmentSizes = array<i32: 1, 1, 0, 0, 0>}> {qcc.precision = {type = "f16", decibels = 70.0}} : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
  return %0, %1 : tensor<2x2xf32>, tensor<2x2xf32>
}
