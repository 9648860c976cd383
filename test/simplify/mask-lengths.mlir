// RUN: %qcc-opt %s --split-input-file --qcc-mask-lengths | FileCheck %s

// The shape of a bounded input is an argument, that of a bounded output a result.
// CHECK-LABEL: @shapesTravel
// CHECK-SAME: (%[[X:.*]]: tensor<1x8xf32>, %[[S:.*]]: tensor<2xi64>) -> (tensor<1x8xf32>, tensor<2xi64>)
// CHECK-SAME: qcc.input_names = ["x", "x.shape"]
// CHECK-SAME: qcc.output_extents = [array<i64: 1, 0, 1, 0>], qcc.output_names = ["y", "y.shape"]
// CHECK-SAME: qcc.shape_inputs = array<i64: 0>, qcc.shape_outputs = array<i64: 0>
func.func @shapesTravel(%x: tensor<1x8xf32>) -> tensor<1x8xf32> attributes {qcc.input_names = ["x"], qcc.output_names = ["y"], qcc.lengths = [array<i64: 0, 1, 1, 8>], qcc.input_extents = [array<i64: 1, 0, 1, 0>]} {
  // CHECK: %[[PART:.*]] = "qcc.slice"(%[[S]]) <{axes = array<i64: 0>, ends = array<i64: 2>, starts = array<i64: 1>
  // CHECK: %[[L:.*]] = "qcc.reshape"(%[[PART]])
  // CHECK: %[[Y:.*]] = "qcc.relu"(%[[X]])
  %0 = "qcc.relu"(%x) {qcc.extents = [array<i64: 1, 0, 1, 0>]} : (tensor<1x8xf32>) -> tensor<1x8xf32>
  // CHECK: %[[ONE:.*]] = "qcc.constant"() <{value = dense<1> : tensor<1xi64>}>
  // CHECK: %[[N:.*]] = "qcc.reshape"(%[[L]])
  // CHECK: %[[SHAPE:.*]] = "qcc.concat"(%[[ONE]], %[[N]])
  // CHECK: return %[[Y]], %[[SHAPE]]
  return %0 : tensor<1x8xf32>
}

// -----

// A note stays where the extents of a result do not follow from those of its operands.
// CHECK-LABEL: @notesStayWhereNeeded
func.func @notesStayWhereNeeded(%x: tensor<1x8xf32>, %c: tensor<1x1xf32>) -> tensor<1x8xf32> attributes {qcc.input_names = ["x", "c"], qcc.output_names = ["y"], qcc.lengths = [array<i64: 0, 1, 1, 8>], qcc.input_extents = [array<i64: 1, 0, 1, 0>, array<i64>]} {
  // CHECK: "qcc.expand"({{.*}}{qcc.extents = [array<i64: 1, 0, 1, 0>]}
  %0 = "qcc.expand"(%c) <{shape = array<i64: 1, 8>}> {qcc.extents = [array<i64: 1, 0, 1, 0>]} : (tensor<1x1xf32>) -> tensor<1x8xf32>
  // CHECK: "qcc.add"(
  // CHECK-NOT: qcc.extents
  // CHECK: return
  %1 = "qcc.add"(%x, %0) {qcc.extents = [array<i64: 1, 0, 1, 0>]} : (tensor<1x8xf32>, tensor<1x8xf32>) -> tensor<1x8xf32>
  return %1 : tensor<1x8xf32>
}

// -----

// CHECK-LABEL: @softmaxSeesWhatCounts
func.func @softmaxSeesWhatCounts(%x: tensor<1x8xf32>) -> tensor<1x8xf32> attributes {qcc.input_names = ["x"], qcc.output_names = ["y"], qcc.lengths = [array<i64: 0, 1, 1, 8>], qcc.input_extents = [array<i64: 1, 0, 1, 0>]} {
  // CHECK: %[[COUNTS:.*]] = "qcc.less"(%{{.*}}, %{{.*}}) : (tensor<8xi64>, tensor<i64>) -> tensor<8xi1>
  // CHECK: %[[REST:.*]] = "qcc.constant"() <{value = dense<0xFF800000> : tensor<f32>}>
  // CHECK: %[[FILLED:.*]] = "qcc.where"(%[[COUNTS]], %arg0, %[[REST]])
  // CHECK: "qcc.softmax"(%[[FILLED]])
  %0 = "qcc.softmax"(%x) <{axis = 1 : i64}> {qcc.extents = [array<i64: 1, 0, 1, 0>]} : (tensor<1x8xf32>) -> tensor<1x8xf32>
  return %0 : tensor<1x8xf32>
}

// -----

// CHECK-LABEL: @meanDividesByWhatCounts
func.func @meanDividesByWhatCounts(%x: tensor<1x8x4xf32>) -> tensor<1x4xf32> attributes {qcc.input_names = ["x"], qcc.output_names = ["y"], qcc.lengths = [array<i64: 0, 1, 1, 8>], qcc.input_extents = [array<i64: 1, 0, 1, 0>]} {
  // CHECK: %[[FILLED:.*]] = "qcc.where"
  // CHECK-DAG: %[[COUNT:.*]] = "qcc.cast"
  // CHECK-DAG: %[[SUM:.*]] = "qcc.reduce_sum"(%[[FILLED]]) <{axes = array<i64: 1>, keepdims = 0
  // CHECK: "qcc.div"(%[[SUM]], %[[COUNT]])
  %0 = "qcc.reduce_mean"(%x) <{axes = array<i64: 1>, keepdims = 0 : i64}> : (tensor<1x8x4xf32>) -> tensor<1x4xf32>
  return %0 : tensor<1x4xf32>
}

// -----

// NaN times zero is NaN: both operands of a product are filled.
// CHECK-LABEL: @bothSidesOfAProductAreFilled
func.func @bothSidesOfAProductAreFilled(%x: tensor<4x8xf32>, %y: tensor<8x4xf32>) -> tensor<4x4xf32> attributes {qcc.input_names = ["x", "y"], qcc.output_names = ["z"], qcc.lengths = [array<i64: 0, 1, 1, 8>], qcc.input_extents = [array<i64: 1, 0, 1, 0>, array<i64: 0, 0, 1, 0>]} {
  // CHECK-DAG: %[[A:.*]] = "qcc.where"(%{{.*}}, %arg0, %{{.*}}) : (tensor<8xi1>,
  // CHECK-DAG: %[[B:.*]] = "qcc.where"(%{{.*}}, %arg1, %{{.*}}) : (tensor<8x1xi1>,
  // CHECK: "qcc.matmul"(%[[A]], %[[B]])
  %0 = "qcc.matmul"(%x, %y) <{operandSegmentSizes = array<i32: 1, 1, 0, 0, 0>}> : (tensor<4x8xf32>, tensor<8x4xf32>) -> tensor<4x4xf32>
  return %0 : tensor<4x4xf32>
}

// -----

// What import saw at the beginning of a slice: x[:, -1].
// CHECK-LABEL: @lastPositionIsThatOfTheRun
func.func @lastPositionIsThatOfTheRun(%x: tensor<1x8x4xf32>) -> tensor<1x1x4xf32> attributes {qcc.input_names = ["x"], qcc.output_names = ["y"], qcc.lengths = [array<i64: 0, 1, 1, 8>], qcc.input_extents = [array<i64: 1, 0, 1, 0>]} {
  // CHECK: %[[LAST:.*]] = "qcc.add"(%{{.*}}, %{{.*}}) : (tensor<i64>, tensor<i64>) -> tensor<i64>
  // CHECK: %[[AT:.*]] = "qcc.add"(%{{.*}}, %[[LAST]]) : (tensor<1xi64>, tensor<i64>) -> tensor<1xi64>
  // CHECK: %[[SAFE:.*]] = "qcc.max"(%[[AT]],
  // CHECK: "qcc.gather"(%arg0, %[[SAFE]]) <{axis = 1 : i64}>
  %0 = "qcc.slice"(%x) <{starts = array<i64: 0, 7, 0>, ends = array<i64: 1, 8, 4>, axes = array<i64: 0, 1, 2>, steps = array<i64: 1, 1, 1>}> {qcc.starts = array<i64: 1, 0, 1, -1>} : (tensor<1x8x4xf32>) -> tensor<1x1x4xf32>
  return %0 : tensor<1x1x4xf32>
}

// -----

// CHECK-LABEL: @stepsThatDoNotCountAreNotTaken
func.func @stepsThatDoNotCountAreNotTaken(%x: tensor<8x2x3xf32>, %w: tensor<1x16x3xf32>, %r: tensor<1x16x4xf32>) -> tensor<1x2x4xf32> attributes {qcc.input_names = ["x", "w", "r"], qcc.output_names = ["h"], qcc.lengths = [array<i64: 0, 0, 1, 8>], qcc.input_extents = [array<i64: 0, 0, 1, 0>, array<i64>, array<i64>]} {
  // CHECK: %[[N:.*]] = "qcc.cast"(%{{.*}}) {{.*}} : (tensor<i64>) -> tensor<i32>
  // CHECK: %[[LENS:.*]] = "qcc.expand"(%[[N]]) <{shape = array<i64: 2>}>
  // CHECK: "qcc.lstm"(%arg0, %arg1, %arg2, %[[LENS]]) <{{{.*}}operandSegmentSizes = array<i32: 1, 1, 1, 0, 1, 0, 0, 0>
  %0:3 = "qcc.lstm"(%x, %w, %r) <{direction = "forward", hidden_size = 4 : i64, functions = [{op = "sigmoid"}, {op = "tanh"}, {op = "tanh"}], operandSegmentSizes = array<i32: 1, 1, 1, 0, 0, 0, 0, 0>}> {qcc.extents = [array<i64: 0, 0, 1, 0>, array<i64>, array<i64>]} : (tensor<8x2x3xf32>, tensor<1x16x3xf32>, tensor<1x16x4xf32>) -> (tensor<8x1x2x4xf32>, tensor<1x2x4xf32>, tensor<1x2x4xf32>)
  return %0#1 : tensor<1x2x4xf32>
}

// -----

// Without bounded inputs nothing changes.
// CHECK-LABEL: @fixedShapesStay
// CHECK-NEXT: "qcc.softmax"(%arg0)
func.func @fixedShapesStay(%x: tensor<1x8xf32>) -> tensor<1x8xf32> attributes {qcc.input_names = ["x"], qcc.output_names = ["y"]} {
  %0 = "qcc.softmax"(%x) <{axis = 1 : i64}> : (tensor<1x8xf32>) -> tensor<1x8xf32>
  return %0 : tensor<1x8xf32>
}

// -----

// What comes behind an axis of bounded length is written over what does not count there.
// CHECK-LABEL: @cachesGrow
func.func @cachesGrow(%x: tensor<1x2x7x4xf32>, %y: tensor<1x2x1x4xf32>) -> tensor<1x2x8x4xf32> attributes {qcc.input_names = ["x", "y"], qcc.output_names = ["z"], qcc.lengths = [array<i64: 0, 2, 0, 7>], qcc.input_extents = [array<i64: 2, 0, 1, 0>, array<i64>]} {
  // CHECK: %[[WHOLE:.*]] = "qcc.concat"(%arg0, %arg1) <{axis = 2 : i64}>
  // CHECK: %[[START:.*]] = "qcc.expand"(%{{.*}}) <{shape = array<i64: 1>}>
  // CHECK: %[[Z:.*]] = "qcc.tensor_scatter"(%[[WHOLE]], %arg1, %[[START]]) <{axis = 2 : i64
  %0 = "qcc.concat"(%x, %y) <{axis = 2 : i64}> {qcc.extents = [array<i64: 2, 0, 1, 1>]} : (tensor<1x2x7x4xf32>, tensor<1x2x1x4xf32>) -> tensor<1x2x8x4xf32>
  // CHECK: return %[[Z]],
  return %0 : tensor<1x2x8x4xf32>
}

// -----

// Windows in steps: floor((n - 1) / 2) + 1, as import has seen for lengths 8 and 3. What lies behind reads as padding.
// CHECK-LABEL: @windowsInSteps
// CHECK-SAME: qcc.output_extents = [array<i64: 2, 0, 1, 1, 2, -1, 0, 2>]
func.func @windowsInSteps(%x: tensor<1x2x9xf32>, %w: tensor<3x2x3xf32>) -> tensor<1x3x5xf32> attributes {qcc.input_names = ["x", "w"], qcc.output_names = ["y"], qcc.lengths = [array<i64: 0, 2, 3, 9>], qcc.input_extents = [array<i64: 2, 0, 1, 0>, array<i64>], qcc.samples = [array<i64: 8>, array<i64: 3>]} {
  // CHECK: %[[FILLED:.*]] = "qcc.where"(%{{.*}}, %arg0, %{{.*}})
  // CHECK: "qcc.div"
  // CHECK: "qcc.conv"(%[[FILLED]], %arg1)
  %0 = "qcc.conv"(%x, %w) <{kernel_shape = array<i64: 3>, pads = array<i64: 1, 1>, strides = array<i64: 2>, dilations = array<i64: 1>, operandSegmentSizes = array<i32: 1, 1, 0, 0, 0, 0>}> {qcc.sizes = [array<i64: 0, 2, 4, 2>]} : (tensor<1x2x9xf32>, tensor<3x2x3xf32>) -> tensor<1x3x5xf32>
  return %0 : tensor<1x3x5xf32>
}
