// RUN: %qcc-opt %s --qcc-make-activations-unsigned --qcc-move-quantization --qcc-fuse-lookups | FileCheck %s

!q = !quant.uniform<u8:f32, 0.5:10>

// Channels differ: a row of the table for each.
// CHECK-LABEL: @TableForEachChannel
func.func @TableForEachChannel(%x: tensor<1x2x2x2xui8>) -> tensor<1x2x2x2x!q> {
  // CHECK: %[[T:.*]] = "qcc.constant"() {{.*}}tensor<1x1x1x2x256xui8>
  // CHECK: %[[L:.*]] = "qcc.lookup"(%arg0, %[[T]])
  // CHECK-NEXT: return %[[L]]
  %mean = "qcc.constant"() <{value = dense<[[[[1.0, 2.0]]]]> : tensor<1x1x1x2xf32>}> : () -> tensor<1x1x1x2xf32>
  %std = "qcc.constant"() <{value = dense<[[[[0.5]]]]> : tensor<1x1x1x1xf32>}> : () -> tensor<1x1x1x1xf32>
  %0 = "qcc.cast"(%x) <{to = 1 : i64}> : (tensor<1x2x2x2xui8>) -> tensor<1x2x2x2xf32>
  %1 = "qcc.sub"(%0, %mean) : (tensor<1x2x2x2xf32>, tensor<1x1x1x2xf32>) -> tensor<1x2x2x2xf32>
  %2 = "qcc.div"(%1, %std) : (tensor<1x2x2x2xf32>, tensor<1x1x1x1xf32>) -> tensor<1x2x2x2xf32>
  %3 = "qcc.quantize"(%2) : (tensor<1x2x2x2xf32>) -> tensor<1x2x2x2x!q>
  return %3 : tensor<1x2x2x2x!q>
}

// Equal channels share a table; where it changes no byte there is none.
// CHECK-LABEL: @NothingToDo
func.func @NothingToDo(%x: tensor<1x2x2x2xui8>) -> tensor<1x2x2x2x!q> {
  // CHECK-NEXT: %[[S:.*]] = "qcc.scast"(%arg0)
  // CHECK-NEXT: return %[[S]]
  %mean = "qcc.constant"() <{value = dense<10.0> : tensor<1x1x1x2xf32>}> : () -> tensor<1x1x1x2xf32>
  %std = "qcc.constant"() <{value = dense<2.0> : tensor<1x1x1x2xf32>}> : () -> tensor<1x1x1x2xf32>
  %0 = "qcc.cast"(%x) <{to = 1 : i64}> : (tensor<1x2x2x2xui8>) -> tensor<1x2x2x2xf32>
  %1 = "qcc.sub"(%0, %mean) : (tensor<1x2x2x2xf32>, tensor<1x1x1x2xf32>) -> tensor<1x2x2x2xf32>
  %2 = "qcc.div"(%1, %std) : (tensor<1x2x2x2xf32>, tensor<1x1x1x2xf32>) -> tensor<1x2x2x2xf32>
  %3 = "qcc.quantize"(%2) : (tensor<1x2x2x2xf32>) -> tensor<1x2x2x2x!q>
  return %3 : tensor<1x2x2x2x!q>
}

// Float readers get a table of floats.
// CHECK-LABEL: @FloatReaders
func.func @FloatReaders(%x: tensor<1x3x2x2xi8>) -> tensor<1x3x2x2xf32> {
  // CHECK: %[[L:.*]] = "qcc.lookup"(%arg0, %{{.*}}) : (tensor<1x3x2x2xi8>, tensor<256xf32>) -> tensor<1x3x2x2xf32>
  // CHECK-NEXT: return %[[L]]
  %std = "qcc.constant"() <{value = dense<2.0> : tensor<f32>}> : () -> tensor<f32>
  %0 = "qcc.cast"(%x) <{to = 1 : i64}> : (tensor<1x3x2x2xi8>) -> tensor<1x3x2x2xf32>
  %1 = "qcc.div"(%0, %std) : (tensor<1x3x2x2xf32>, tensor<f32>) -> tensor<1x3x2x2xf32>
  return %1 : tensor<1x3x2x2xf32>
}
