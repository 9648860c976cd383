// RUN: %qcc-opt %s --qcc-plan-quantization='int4 int4-from=64' | FileCheck %s
// RUN: %qcc-opt %s --qcc-plan-quantization | FileCheck %s --check-prefix=INT8
// RUN: %qcc-opt %s --qcc-plan-quantization='int4 int4-from=64' --qcc-quantize-dynamic='planned int4-from=64' | FileCheck %s --check-prefix=STORED

// Large matrices are multiplied by rows that are measured at run time, with weights of 4 bits; all else keeps static
// scales, and says why.
// CHECK-LABEL: @int4BesideStaticInt8
// CHECK: %[[X:.*]] = "qcc.observe"(%arg0)
// CHECK: "qcc.matmul"(%[[X]], {{.*}}qcc.int8_reason = "sums of 1 products make no group of 32"
// CHECK: "qcc.matmul"({{.*}}qcc.by_row = "int4"
// CHECK-NOT: "qcc.observe"
// CHECK: return
// INT8-NOT: qcc.by_row
// INT8-NOT: qcc.int8_reason
// STORED: "qcc.dynamic_quantize"
// STORED-NEXT: "qcc.constant"{{.*}}!quant.uniform<i4:f32:{0:32, 1:1}
// STORED-NEXT: "qcc.dynamic_matmul"
func.func @int4BesideStaticInt8(%x: tensor<2x1xf32>) -> tensor<2x2xf32> {
  %w = "qcc.constant"() <{value = dense<0.5> : tensor<1x32xf32>}> : () -> tensor<1x32xf32>
  %v = "qcc.constant"() <{value = dense<0.5> : tensor<32x2xf32>}> : () -> tensor<32x2xf32>
  %0 = "qcc.matmul"(%x, %w) <{operandSegmentSizes = array<i32: 1, 1, 0, 0, 0>}> : (tensor<2x1xf32>, tensor<1x32xf32>) -> tensor<2x32xf32>
  %1 = "qcc.softmax"(%0) <{axis = -1 : i64}> : (tensor<2x32xf32>) -> tensor<2x32xf32>
  %2 = "qcc.matmul"(%1, %v) <{operandSegmentSizes = array<i32: 1, 1, 0, 0, 0>}> : (tensor<2x32xf32>, tensor<32x2xf32>) -> tensor<2x2xf32>
  return %2 : tensor<2x2xf32>
}
