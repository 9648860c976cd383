// RUN: %qcc-opt %s --qcc-plan-quantization=by-row=second | FileCheck %s
// RUN: %qcc-opt %s --qcc-plan-quantization=rows=false | FileCheck %s --check-prefix=NONE

// A product that is measured by row asks for no scale of its input; recurrent layers are measured without being
// named, where the target can.
// CHECK-LABEL: @leavesToRowsWhatIsNamed
// CHECK: %[[Q:.*]] = "qcc.observe"(%arg0)
// CHECK: "qcc.matmul"(%[[Q]]
// CHECK-NOT: qcc.by_row
// CHECK: %[[S:.*]] = "qcc.softmax"
// CHECK-NEXT: "qcc.matmul"(%[[S]], {{.*}}qcc.by_row
// CHECK-NOT: "qcc.observe"
// CHECK: "qcc.rnn"{{.*}}qcc.by_row
// NONE: "qcc.softmax"
// NONE-NEXT: "qcc.observe"
// NONE-NOT: qcc.by_row
func.func @leavesToRowsWhatIsNamed(%x: tensor<2x2xf32>, %y: tensor<4x1x2xf32>) -> (tensor<2x2xf32>, tensor<4x1x1x2xf32>) {
  %w = "qcc.constant"() <{value = dense<0.5> : tensor<2x2xf32>}> : () -> tensor<2x2xf32>
  %r = "qcc.constant"() <{value = dense<0.5> : tensor<1x2x2xf32>}> : () -> tensor<1x2x2xf32>
  %0 = "qcc.matmul"(%x, %w) <{operandSegmentSizes = array<i32: 1, 1, 0, 0, 0>}> : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32> loc("first")
  %1 = "qcc.softmax"(%0) <{axis = -1 : i64}> : (tensor<2x2xf32>) -> tensor<2x2xf32>
  %2 = "qcc.matmul"(%1, %w) <{operandSegmentSizes = array<i32: 1, 1, 0, 0, 0>}> : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32> loc("second")
  %3, %h = "qcc.rnn"(%y, %r, %r) <{functions = [{op = "tanh"}], operandSegmentSizes = array<i32: 1, 1, 1, 0, 0, 0>}> : (tensor<4x1x2xf32>, tensor<1x2x2xf32>, tensor<1x2x2xf32>) -> (tensor<4x1x1x2xf32>, tensor<1x1x2xf32>)
  return %2, %3 : tensor<2x2xf32>, tensor<4x1x1x2xf32>
}
