// RUN: %qcc-opt %s --split-input-file --qcc-lower --qcc-plan-memory --qcc-verify-memory | FileCheck %s

// A step writes over an operand that it reads for the last time, element by element: two buffers for three tensors.
// CHECK-LABEL: @OverwriteWhatDies
module @OverwriteWhatDies {
  // CHECK: qcc.buffer 4160 {offset = 0 : i64, tensor = "a"}
  // CHECK: qcc.buffer 4160 {offset = 4160 : i64, tensor = "b"}
  // CHECK: qcc.buffer 4160 {offset = 0 : i64, tensor = "sum"}
  func.func @main(%x: tensor<1024xf32>) -> tensor<1024xf32> {
    %0 = "qcc.sigmoid"(%x) : (tensor<1024xf32>) -> tensor<1024xf32> loc("a")
    %1 = "qcc.exp"(%x) : (tensor<1024xf32>) -> tensor<1024xf32> loc("b")
    %2 = "qcc.add"(%0, %1) : (tensor<1024xf32>, tensor<1024xf32>) -> tensor<1024xf32> loc("sum")
    %3 = "qcc.neg"(%2) : (tensor<1024xf32>) -> tensor<1024xf32> loc("y")
    return %3 : tensor<1024xf32>
  }
}

// -----

// What is read later, or element by element in another order, stays.
// CHECK-LABEL: @KeepWhatIsReadAgain
module @KeepWhatIsReadAgain {
  // CHECK: qcc.buffer 4160 {offset = 0 : i64, tensor = "a"}
  // CHECK: qcc.buffer 4160 {offset = 4160 : i64, tensor = "b"}
  // CHECK: qcc.buffer 4160 {offset = 8320 : i64, tensor = "turned"}
  func.func @main(%x: tensor<32x32xf32>) -> tensor<32x32xf32> {
    %0 = "qcc.sigmoid"(%x) : (tensor<32x32xf32>) -> tensor<32x32xf32> loc("a")
    %1 = "qcc.exp"(%0) : (tensor<32x32xf32>) -> tensor<32x32xf32> loc("b")
    %2 = "qcc.transpose"(%1) <{perm = array<i64: 1, 0>}> : (tensor<32x32xf32>) -> tensor<32x32xf32> loc("turned")
    %3 = "qcc.add"(%0, %2) : (tensor<32x32xf32>, tensor<32x32xf32>) -> tensor<32x32xf32> loc("y")
    return %3 : tensor<32x32xf32>
  }
}

// -----

// A product writes over the residual that it adds, but not over what it multiplies, even where both are one.
// CHECK-LABEL: @OverwriteResiduals
module @OverwriteResiduals {
  // CHECK: qcc.buffer [[N:[0-9]+]] {offset = 0 : i64, tensor = "a"}
  // CHECK: qcc.buffer [[N]] {offset = [[M:[0-9]+]] : i64, tensor = "b"}
  // CHECK: qcc.buffer [[N]] {offset = 0 : i64, tensor = "c"}
  // CHECK: qcc.buffer [[N]] {offset = [[M]] : i64, tensor = "d"}
  func.func @main(%x: tensor<8x16xf32>, %w: tensor<8x16xf32>) -> tensor<8x16xf32> {
    %m = "qcc.constant"() <{value = dense<1.0> : tensor<16x16xf32>}> : () -> tensor<16x16xf32>
    %0 = "qcc.sigmoid"(%x) : (tensor<8x16xf32>) -> tensor<8x16xf32> loc("a")
    %1 = "qcc.exp"(%w) : (tensor<8x16xf32>) -> tensor<8x16xf32> loc("b")
    %2 = "qcc.matmul"(%1, %m, %0) <{chain = [{op = "residual"}], operandSegmentSizes = array<i32: 1, 1, 0, 1, 0>}> : (tensor<8x16xf32>, tensor<16x16xf32>, tensor<8x16xf32>) -> tensor<8x16xf32> loc("c")
    %3 = "qcc.matmul"(%2, %m, %2) <{chain = [{op = "residual"}], operandSegmentSizes = array<i32: 1, 1, 0, 1, 0>}> : (tensor<8x16xf32>, tensor<16x16xf32>, tensor<8x16xf32>) -> tensor<8x16xf32> loc("d")
    %4 = "qcc.neg"(%3) : (tensor<8x16xf32>) -> tensor<8x16xf32> loc("y")
    return %4 : tensor<8x16xf32>
  }
}
