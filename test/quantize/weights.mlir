// RUN: %qcc-opt %s --qcc-quantize-weights | FileCheck %s
// RUN: %qcc-opt %s --qcc-quantize-weights=keep-float=head* | FileCheck %s --check-prefix=KEPT
// RUN: not %qcc-opt %s --qcc-quantize-weights=keep-float=none 2>&1 | FileCheck %s --check-prefix=UNKNOWN
// UNKNOWN: error: --keep-float=none names no node that is left after simplification

// CHECK-LABEL: @StoreWeightsOnly
func.func @StoreWeightsOnly(%x: tensor<1x2xf32>, %y: tensor<2x2xf32>) -> tensor<1x2xf32> {
  // CHECK: %[[W:.*]] = "qcc.dequantize"{{.*}}!quant.uniform<i8:f32:0,
  // CHECK: %[[S:.*]] = "qcc.gemm"(%{{.*}}, %[[W]])
  // CHECK: "qcc.matmul"(%[[S]], %{{.*}})
  // CHECK-NOT: qcc.quantize
  %w = "qcc.constant"() <{value = dense<1.0> : tensor<2x2xf32>}> : () -> tensor<2x2xf32>
  // KEPT: "qcc.gemm"{{.*}}qcc.float_reason = "--keep-float names it"
  // KEPT-NOT: qcc.dequantize
  %0 = "qcc.gemm"(%x, %w) <{transB = 1 : i64, operandSegmentSizes = array<i32: 1, 1, 0, 0, 0>}> : (tensor<1x2xf32>, tensor<2x2xf32>) -> tensor<1x2xf32> loc("head")
  %1 = "qcc.matmul"(%0, %y) <{operandSegmentSizes = array<i32: 1, 1, 0, 0, 0>}> : (tensor<1x2xf32>, tensor<2x2xf32>) -> tensor<1x2xf32>
  return %1 : tensor<1x2xf32>
}
