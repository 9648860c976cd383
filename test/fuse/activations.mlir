// RUN: %qcc-opt %s --qcc-make-activations-unsigned --qcc-move-quantization --qcc-fuse-arithmetic --qcc-fuse-lookups | FileCheck %s

!a = !quant.uniform<u8:f32, 0.5:3>
!b = !quant.uniform<u8:f32, 0.25:10>
!s = !quant.uniform<i8:f32, 0.5:-128>

// CHECK-LABEL: @SignedBecomesUnsigned
func.func @SignedBecomesUnsigned(%x: tensor<4xf32>) -> tensor<4xf32> {
  // CHECK: %[[Q:.*]] = "qcc.quantize"(%arg0) : (tensor<4xf32>) -> tensor<4x!quant.uniform<u8:f32, 5.000000e-01>>
  // CHECK: "qcc.dequantize"(%[[Q]])
  %0 = "qcc.quantize"(%x) : (tensor<4xf32>) -> tensor<4x!s>
  %1 = "qcc.dequantize"(%0) : (tensor<4x!s>) -> tensor<4xf32>
  return %1 : tensor<4xf32>
}

// The user's own i8 input passes through a table.
// CHECK-LABEL: @SignedInput
func.func @SignedInput(%x: tensor<4xi8>) -> tensor<4xf32> {
  // CHECK: %[[S:.*]] = "qcc.scast"(%arg0)
  // CHECK: %[[L:.*]] = "qcc.lookup"(%[[S]], %{{.*}}) {{.*}} -> tensor<4x!quant.uniform<u8:f32, 5.000000e-01>>
  // CHECK: "qcc.dequantize"(%[[L]])
  %0 = "qcc.scast"(%x) : (tensor<4xi8>) -> tensor<4x!s>
  %1 = "qcc.dequantize"(%0) : (tensor<4x!s>) -> tensor<4xf32>
  return %1 : tensor<4xf32>
}

// CHECK-LABEL: @MoveStoredIntegers
func.func @MoveStoredIntegers(%x: tensor<2x3x!a>) -> tensor<6x!a> {
  // CHECK-NEXT: %[[R:.*]] = "qcc.reshape"(%arg0) {{.*}} -> tensor<6x!quant
  // CHECK-NEXT: return %[[R]]
  %0 = "qcc.dequantize"(%x) : (tensor<2x3x!a>) -> tensor<2x3xf32>
  %1 = "qcc.reshape"(%0) <{shape = array<i64: 6>}> : (tensor<2x3xf32>) -> tensor<6xf32>
  %2 = "qcc.quantize"(%1) : (tensor<6xf32>) -> tensor<6x!a>
  return %2 : tensor<6x!a>
}

// Only the branch with another scale pays for it.
// CHECK-LABEL: @ConcatOfTwoScales
func.func @ConcatOfTwoScales(%x: tensor<2x!a>, %y: tensor<2x!b>) -> tensor<4x!b> {
  // CHECK: %[[L:.*]] = "qcc.lookup"(%arg0,
  // CHECK-NEXT: %[[C:.*]] = "qcc.concat"(%[[L]], %arg1)
  // CHECK-NEXT: return %[[C]]
  %0 = "qcc.dequantize"(%x) : (tensor<2x!a>) -> tensor<2xf32>
  %1 = "qcc.dequantize"(%y) : (tensor<2x!b>) -> tensor<2xf32>
  %2 = "qcc.concat"(%0, %1) <{axis = 0 : i64}> : (tensor<2xf32>, tensor<2xf32>) -> tensor<4xf32>
  %3 = "qcc.quantize"(%2) : (tensor<4xf32>) -> tensor<4x!b>
  return %3 : tensor<4x!b>
}

// CHECK-LABEL: @AddRelu
func.func @AddRelu(%x: tensor<2x!a>, %y: tensor<2x!b>) -> tensor<2x!b> {
  // CHECK-NEXT: %[[A:.*]] = "qcc.add"(%arg0, %arg1) <{chain = [{op = "relu"}]}>
  // CHECK-NEXT: return %[[A]]
  %0 = "qcc.dequantize"(%x) : (tensor<2x!a>) -> tensor<2xf32>
  %1 = "qcc.dequantize"(%y) : (tensor<2x!b>) -> tensor<2xf32>
  %2 = "qcc.add"(%0, %1) : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
  %3 = "qcc.relu"(%2) : (tensor<2xf32>) -> tensor<2xf32>
  %4 = "qcc.quantize"(%3) : (tensor<2xf32>) -> tensor<2x!b>
  return %4 : tensor<2x!b>
}

// CHECK-LABEL: @Average
func.func @Average(%x: tensor<1x4x4x2x!a>) -> tensor<1x1x1x2x!b> {
  // CHECK-NEXT: %[[P:.*]] = "qcc.global_average_pool"(%arg0)
  // CHECK-NEXT: return %[[P]]
  %0 = "qcc.dequantize"(%x) : (tensor<1x4x4x2x!a>) -> tensor<1x4x4x2xf32>
  %1 = "qcc.global_average_pool"(%0) <{layout = "nhwc"}> : (tensor<1x4x4x2xf32>) -> tensor<1x1x1x2xf32>
  %2 = "qcc.quantize"(%1) : (tensor<1x1x1x2xf32>) -> tensor<1x1x1x2x!b>
  return %2 : tensor<1x1x1x2x!b>
}

// -x in the type's own scale: byte q becomes 6 - q, below zero 0.
// CHECK-LABEL: @FunctionIsATable
func.func @FunctionIsATable(%x: tensor<2x!a>) -> tensor<2x!a> {
  // CHECK: %[[T:.*]] = "qcc.constant"() <{value = dense<"0x060504030201000000{{0*}}"> : tensor<256xui8>}>
  // CHECK: "qcc.lookup"(%arg0, %[[T]])
  %0 = "qcc.dequantize"(%x) : (tensor<2x!a>) -> tensor<2xf32>
  %1 = "qcc.neg"(%0) : (tensor<2xf32>) -> tensor<2xf32>
  %2 = "qcc.quantize"(%1) : (tensor<2xf32>) -> tensor<2x!a>
  return %2 : tensor<2x!a>
}
