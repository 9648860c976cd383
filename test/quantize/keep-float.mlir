// RUN: %qcc-opt %s --qcc-plan-quantization="keep-float=head/*,conv1" | FileCheck %s
// RUN: not %qcc-opt %s --qcc-plan-quantization="keep-float=conv1,nose*" 2>&1 | FileCheck %s --check-prefix=UNKNOWN
// UNKNOWN: error: --keep-float=nose* names no node that is left after simplification

// CHECK-LABEL: @LeaveNamedNodesInFloat
func.func @LeaveNamedNodesInFloat(%x: tensor<1x4x8x8xf32>) -> tensor<1x4x8x8xf32> {
  %f = "qcc.constant"() <{value = dense<0.5> : tensor<4x4x1x1xf32>}> : () -> tensor<4x4x1x1xf32>
  // CHECK-NOT: "qcc.observe"
  // CHECK: "qcc.conv"{{.*}}qcc.float_reason = "--keep-float names it"
  // CHECK-NEXT: "qcc.observe"{{.*}}<{id = 0 : i64}>
  // CHECK-NEXT: "qcc.conv"
  // CHECK-NEXT: "qcc.observe"{{.*}}axis
  // CHECK-NEXT: "qcc.conv"{{.*}}qcc.float_reason
  // CHECK-NEXT: return
  %0 = "qcc.conv"(%x, %f) <{operandSegmentSizes = array<i32: 1, 1, 0, 0, 0, 0>}> : (tensor<1x4x8x8xf32>, tensor<4x4x1x1xf32>) -> tensor<1x4x8x8xf32> loc("conv1")
  %1 = "qcc.conv"(%0, %f) <{operandSegmentSizes = array<i32: 1, 1, 0, 0, 0, 0>}> : (tensor<1x4x8x8xf32>, tensor<4x4x1x1xf32>) -> tensor<1x4x8x8xf32> loc("conv2")
  %2 = "qcc.conv"(%1, %f) <{operandSegmentSizes = array<i32: 1, 1, 0, 0, 0, 0>}> : (tensor<1x4x8x8xf32>, tensor<4x4x1x1xf32>) -> tensor<1x4x8x8xf32> loc("head/a/b")
  return %2 : tensor<1x4x8x8xf32>
}
