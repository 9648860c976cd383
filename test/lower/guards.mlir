// RUN: %qcc-opt %s --split-input-file --qcc-lower | FileCheck %s

// What a where alone reads waits for its condition, and runs where that takes it; what both sides read always runs.
// CHECK-LABEL: @SkipsWhatIsNotTaken
module @SkipsWhatIsNotTaken {
  // CHECK: qcc.invoke @abs_0(%arg0, [[BOTH:%[0-9]+]]) {
  // CHECK: qcc.invoke @greater_0({{.*}}, [[C:%[0-9]+]]) {
  // CHECK: qcc.invoke @exp_0([[BOTH]], [[Y:%[0-9]+]]) when([[C]] : !llvm.ptr) {{.*}}taken = array<i1: true>
  // CHECK: qcc.invoke @tanh_0([[BOTH]], [[N:%[0-9]+]]) when([[C]] : !llvm.ptr) {{.*}}taken = array<i1: false>
  // CHECK: qcc.invoke @where_0([[C]], [[Y]], [[N]], %arg2) {
  func.func @main(%x: tensor<4xf32>, %s: tensor<f32>) -> tensor<4xf32> {
    %0 = "qcc.abs"(%x) : (tensor<4xf32>) -> tensor<4xf32>
    %1 = "qcc.exp"(%0) : (tensor<4xf32>) -> tensor<4xf32>
    %2 = "qcc.tanh"(%0) : (tensor<4xf32>) -> tensor<4xf32>
    %zero = "qcc.constant"() <{value = dense<0.0> : tensor<f32>}> : () -> tensor<f32>
    %c = "qcc.greater"(%s, %zero) : (tensor<f32>, tensor<f32>) -> tensor<i1>
    %3 = "qcc.where"(%c, %1, %2) : (tensor<i1>, tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
    return %3 : tensor<4xf32>
  }
}

// -----

// Two choices by one condition are one branch; one within another has both conditions.
// CHECK-LABEL: @JoinsConditions
module @JoinsConditions {
  // CHECK: qcc.invoke @exp_0({{.*}}) when(%arg1, %arg2 : !llvm.ptr, !llvm.ptr) {{.*}}taken = array<i1: true, false>
  // CHECK: qcc.invoke @where_0({{.*}}) when(%arg1 : !llvm.ptr) {{.*}}taken = array<i1: true>
  // CHECK: qcc.invoke @tanh_0({{.*}}) when(%arg1 : !llvm.ptr) {{.*}}taken = array<i1: true>
  func.func @main(%x: tensor<4xf32>, %c: tensor<i1>, %d: tensor<i1>) -> (tensor<4xf32>, tensor<4xf32>) {
    %0 = "qcc.exp"(%x) : (tensor<4xf32>) -> tensor<4xf32>
    %1 = "qcc.where"(%d, %x, %0) : (tensor<i1>, tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
    %2 = "qcc.tanh"(%1) : (tensor<4xf32>) -> tensor<4xf32>
    %3 = "qcc.where"(%c, %1, %x) : (tensor<i1>, tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
    %4 = "qcc.where"(%c, %2, %x) : (tensor<i1>, tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
    return %3, %4 : tensor<4xf32>, tensor<4xf32>
  }
}
