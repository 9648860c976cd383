// RUN: %qcc-opt %s --split-input-file --qcc-lower | FileCheck %s

// A normalised row is quantised while it is at hand.
// CHECK-LABEL: @Normalised
module @Normalised {
  // CHECK: qcc.kernel @layer_normalization_0 {{.*}}measured
  // CHECK: qcc.invoke @layer_normalization_0(%arg0, %{{.*}}, %arg1, %arg2, %arg3, %arg4) {{.*}}written = 4
  // CHECK-NEXT: return
  func.func @main(%x: tensor<5x8xf32>) -> (tensor<5x8xf32>, tensor<5x8xui8>, tensor<5xf32>, tensor<5xi32>) {
    %one = "qcc.constant"() <{value = dense<1.0> : tensor<8xf32>}> : () -> tensor<8xf32>
    %n = "qcc.layer_normalization"(%x, %one) <{axis = 1 : i64}> : (tensor<5x8xf32>, tensor<8xf32>) -> tensor<5x8xf32>
    %q, %s, %z = "qcc.dynamic_quantize"(%n) <{axis = 1 : i64}> : (tensor<5x8xf32>) -> (tensor<5x8xui8>, tensor<5xf32>, tensor<5xi32>)
    return %n, %q, %s, %z : tensor<5x8xf32>, tensor<5x8xui8>, tensor<5xf32>, tensor<5xi32>
  }
}

// -----

// Other rows than it has normalised are measured by themselves.
// CHECK-LABEL: @LongerRows
module @LongerRows {
  // CHECK: qcc.invoke @layer_normalization_0({{.*}}written = 1
  // CHECK: qcc.invoke @dynamic_quantize_0({{.*}}written = 3
  func.func @main(%x: tensor<5x4x8xf32>) -> (tensor<5x4x8xui8>, tensor<5xf32>, tensor<5xi32>) {
    %one = "qcc.constant"() <{value = dense<1.0> : tensor<8xf32>}> : () -> tensor<8xf32>
    %n = "qcc.layer_normalization"(%x, %one) <{axis = 2 : i64}> : (tensor<5x4x8xf32>, tensor<8xf32>) -> tensor<5x4x8xf32>
    %q, %s, %z = "qcc.dynamic_quantize"(%n) <{axis = 1 : i64}> : (tensor<5x4x8xf32>) -> (tensor<5x4x8xui8>, tensor<5xf32>, tensor<5xi32>)
    return %q, %s, %z : tensor<5x4x8xui8>, tensor<5xf32>, tensor<5xi32>
  }
}
