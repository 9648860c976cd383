// RUN: %qcc-opt %s --qcc-decompose-products | FileCheck %s

// CHECK-LABEL: @GemmOfTwoInputs
func.func @GemmOfTwoInputs(%a: tensor<4x2xf32>, %b: tensor<3x4xf32>, %c: tensor<3xf32>) -> tensor<2x3xf32> {
  // CHECK-DAG: %[[A:.*]] = "qcc.transpose"(%arg0)
  // CHECK-DAG: %[[B:.*]] = "qcc.transpose"(%arg1)
  // CHECK: %[[P:.*]] = "qcc.matmul"(%[[A]], %[[B]])
  // CHECK: %[[M:.*]] = "qcc.mul"(%[[P]],
  // CHECK: "qcc.add"(%[[M]], %arg2)
  %0 = "qcc.gemm"(%a, %b, %c) <{alpha = 0.5 : f32, operandSegmentSizes = array<i32: 1, 1, 1, 0, 0>, transA = 1 : i64, transB = 1 : i64}> : (tensor<4x2xf32>, tensor<3x4xf32>, tensor<3xf32>) -> tensor<2x3xf32>
  return %0 : tensor<2x3xf32>
}

// Constant weights stay with the product, whatever its bias is.
// CHECK-LABEL: @BiasForEachRow
func.func @BiasForEachRow(%a: tensor<2x4xf32>) -> tensor<2x3xf32> {
  // CHECK: %[[P:.*]] = "qcc.gemm"(%arg0, %{{[^,]*}}) {{.*}}transB = 1
  // CHECK: "qcc.add"(%[[P]],
  %b = "qcc.constant"() <{value = dense<0.5> : tensor<3x4xf32>}> : () -> tensor<3x4xf32>
  %c = "qcc.constant"() <{value = dense<[[1.0], [2.0]]> : tensor<2x1xf32>}> : () -> tensor<2x1xf32>
  %0 = "qcc.gemm"(%a, %b, %c) <{operandSegmentSizes = array<i32: 1, 1, 1, 0, 0>, transB = 1 : i64}> : (tensor<2x4xf32>, tensor<3x4xf32>, tensor<2x1xf32>) -> tensor<2x3xf32>
  return %0 : tensor<2x3xf32>
}

// CHECK-LABEL: @ConvolutionOfTwoInputs
func.func @ConvolutionOfTwoInputs(%x: tensor<1x2x4x4xf32>, %w: tensor<3x2x1x1xf32>, %b: tensor<3xf32>) -> tensor<1x3x4x4xf32> {
  // CHECK: %[[C:.*]] = "qcc.conv"(%arg0, %arg1)
  // CHECK: %[[B:.*]] = "qcc.reshape"(%arg2) <{{{.*}}shape = array<i64: 1, 3, 1, 1>}>
  // CHECK: "qcc.add"(%[[C]], %[[B]])
  %0 = "qcc.conv"(%x, %w, %b) <{operandSegmentSizes = array<i32: 1, 1, 1, 0, 0>}> : (tensor<1x2x4x4xf32>, tensor<3x2x1x1xf32>, tensor<3xf32>) -> tensor<1x3x4x4xf32>
  return %0 : tensor<1x3x4x4xf32>
}
