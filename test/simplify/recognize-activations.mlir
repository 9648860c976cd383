// RUN: %qcc-opt %s --qcc-recognize-activations | FileCheck %s

// x * clip(x + 3, 0, 6) / 6 is a hard swish, up to a factor that the next pass merges.
// CHECK-LABEL: @HardSwishDividedAtTheEnd
func.func @HardSwishDividedAtTheEnd(%x: tensor<1x2x4x4xf32>) -> tensor<1x2x4x4xf32> {
  // CHECK: %[[SIX:.*]] = "qcc.constant"() <{value = dense<6.000000e+00> : tensor<f32>}>
  // CHECK: %[[H:.*]] = "qcc.hard_swish"(%arg0)
  // CHECK: %[[M:.*]] = "qcc.mul"(%[[H]],
  // CHECK: "qcc.div"(%[[M]], %[[SIX]])
  %three = "qcc.constant"() <{value = dense<3.0> : tensor<f32>}> : () -> tensor<f32>
  %six = "qcc.constant"() <{value = dense<6.0> : tensor<f32>}> : () -> tensor<f32>
  %p = "qcc.add"(%x, %three) : (tensor<1x2x4x4xf32>, tensor<f32>) -> tensor<1x2x4x4xf32>
  %l = "qcc.clip"(%p) <{min = 0.0 : f64, max = 6.0 : f64}> : (tensor<1x2x4x4xf32>) -> tensor<1x2x4x4xf32>
  %q = "qcc.mul"(%x, %l) : (tensor<1x2x4x4xf32>, tensor<1x2x4x4xf32>) -> tensor<1x2x4x4xf32>
  %d = "qcc.div"(%q, %six) : (tensor<1x2x4x4xf32>, tensor<f32>) -> tensor<1x2x4x4xf32>
  return %d : tensor<1x2x4x4xf32>
}

// CHECK-LABEL: @HardSwishDividedInside
func.func @HardSwishDividedInside(%x: tensor<4xf32>) -> tensor<4xf32> {
  // CHECK-NEXT: %[[H:.*]] = "qcc.hard_swish"(%arg0)
  // CHECK-NEXT: return %[[H]]
  %three = "qcc.constant"() <{value = dense<3.0> : tensor<f32>}> : () -> tensor<f32>
  %sixth = "qcc.constant"() <{value = dense<0.16666667> : tensor<f32>}> : () -> tensor<f32>
  %p = "qcc.add"(%three, %x) : (tensor<f32>, tensor<4xf32>) -> tensor<4xf32>
  %l = "qcc.clip"(%p) <{min = 0.0 : f64, max = 6.0 : f64}> : (tensor<4xf32>) -> tensor<4xf32>
  %d = "qcc.mul"(%l, %sixth) : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  %q = "qcc.mul"(%d, %x) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return %q : tensor<4xf32>
}

// CHECK-LABEL: @HardSwishOfHardSigmoid
func.func @HardSwishOfHardSigmoid(%x: tensor<4xf32>) -> tensor<4xf32> {
  // CHECK-NEXT: "qcc.hard_swish"(%arg0)
  %s = "qcc.hard_sigmoid"(%x) <{alpha = 0.16666667 : f32, beta = 0.5 : f32}> : (tensor<4xf32>) -> tensor<4xf32>
  %q = "qcc.mul"(%s, %x) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return %q : tensor<4xf32>
}

// Another slope is another function.
// CHECK-LABEL: @KeepOtherHardSigmoid
func.func @KeepOtherHardSigmoid(%x: tensor<4xf32>) -> tensor<4xf32> {
  // CHECK-NOT: hard_swish
  // CHECK: "qcc.mul"
  %s = "qcc.hard_sigmoid"(%x) <{alpha = 0.2 : f32, beta = 0.5 : f32}> : (tensor<4xf32>) -> tensor<4xf32>
  %q = "qcc.mul"(%s, %x) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return %q : tensor<4xf32>
}

// CHECK-LABEL: @HardSigmoid
func.func @HardSigmoid(%x: tensor<4xf32>) -> tensor<4xf32> {
  // CHECK: "qcc.hard_sigmoid"(%arg0) <{alpha = 0.166666672 : f32, beta = 5.000000e-01 : f32}>
  %three = "qcc.constant"() <{value = dense<3.0> : tensor<f32>}> : () -> tensor<f32>
  %six = "qcc.constant"() <{value = dense<6.0> : tensor<f32>}> : () -> tensor<f32>
  %p = "qcc.add"(%x, %three) : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  %l = "qcc.clip"(%p) <{min = 0.0 : f64, max = 6.0 : f64}> : (tensor<4xf32>) -> tensor<4xf32>
  %d = "qcc.div"(%l, %six) : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  return %d : tensor<4xf32>
}

// CHECK-LABEL: @Silu
func.func @Silu(%x: tensor<4xf32>) -> tensor<4xf32> {
  // CHECK-NEXT: "qcc.silu"(%arg0)
  %s = "qcc.sigmoid"(%x) : (tensor<4xf32>) -> tensor<4xf32>
  %q = "qcc.mul"(%x, %s) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return %q : tensor<4xf32>
}

// CHECK-LABEL: @ReluThenClipIsOneClip
func.func @ReluThenClipIsOneClip(%x: tensor<4xf32>) -> tensor<4xf32> {
  // CHECK-NEXT: %[[C:.*]] = "qcc.clip"(%arg0) <{max = 6.000000e+00 : f64, min = 0.000000e+00 : f64}>
  // CHECK-NEXT: return %[[C]]
  %zero = "qcc.constant"() <{value = dense<0.0> : tensor<f32>}> : () -> tensor<f32>
  %r = "qcc.max"(%x, %zero) : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  %c = "qcc.clip"(%r) <{min = -1.0 : f64, max = 6.0 : f64}> : (tensor<4xf32>) -> tensor<4xf32>
  return %c : tensor<4xf32>
}

// Integers have no such functions.
// CHECK-LABEL: @KeepIntegerMax
func.func @KeepIntegerMax(%x: tensor<4xi32>) -> tensor<4xi32> {
  // CHECK: "qcc.max"
  %zero = "qcc.constant"() <{value = dense<0> : tensor<i32>}> : () -> tensor<i32>
  %r = "qcc.max"(%x, %zero) : (tensor<4xi32>, tensor<i32>) -> tensor<4xi32>
  return %r : tensor<4xi32>
}

// x / 2 * (1 + erf(x / sqrt(2))), with the half at either end.
// CHECK-LABEL: @Gelu
func.func @Gelu(%x: tensor<4xf32>) -> tensor<4xf32> {
  // CHECK-NEXT: %[[G:.*]] = "qcc.gelu"(%arg0)
  // CHECK-NEXT: return %[[G]]
  %root = "qcc.constant"() <{value = dense<1.41421354> : tensor<f32>}> : () -> tensor<f32>
  %one = "qcc.constant"() <{value = dense<1.0> : tensor<f32>}> : () -> tensor<f32>
  %half = "qcc.constant"() <{value = dense<0.5> : tensor<f32>}> : () -> tensor<f32>
  %d = "qcc.div"(%x, %root) : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  %e = "qcc.erf"(%d) : (tensor<4xf32>) -> tensor<4xf32>
  %a = "qcc.add"(%e, %one) : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  %m = "qcc.mul"(%x, %a) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %r = "qcc.mul"(%m, %half) : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  return %r : tensor<4xf32>
}

// CHECK-LABEL: @GeluByTanh
func.func @GeluByTanh(%x: tensor<4xf32>) -> tensor<4xf32> {
  // CHECK-NEXT: %[[G:.*]] = "qcc.gelu_tanh"(%arg0)
  // CHECK-NEXT: return %[[G]]
  %three = "qcc.constant"() <{value = dense<3.0> : tensor<f32>}> : () -> tensor<f32>
  %c = "qcc.constant"() <{value = dense<0.044715> : tensor<f32>}> : () -> tensor<f32>
  %k = "qcc.constant"() <{value = dense<0.797884583> : tensor<f32>}> : () -> tensor<f32>
  %one = "qcc.constant"() <{value = dense<1.0> : tensor<f32>}> : () -> tensor<f32>
  %half = "qcc.constant"() <{value = dense<0.5> : tensor<f32>}> : () -> tensor<f32>
  %p = "qcc.pow"(%x, %three) : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  %q = "qcc.mul"(%p, %c) : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  %s = "qcc.add"(%x, %q) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %u = "qcc.mul"(%s, %k) : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  %t = "qcc.tanh"(%u) : (tensor<4xf32>) -> tensor<4xf32>
  %a = "qcc.add"(%t, %one) : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  %h = "qcc.mul"(%x, %half) : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  %r = "qcc.mul"(%h, %a) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return %r : tensor<4xf32>
}
