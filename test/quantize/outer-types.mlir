// RUN: %qcc-opt %s --split-input-file --qcc-set-outer-types="tensors=x:u8;y:i8" | FileCheck %s
// RUN: %qcc-opt %s --split-input-file --qcc-set-outer-types="tensors=x:i8,nhwc;y:u8,nhwc" | FileCheck %s --check-prefix=NHWC
// RUN: %qcc-opt %s --split-input-file --qcc-set-outer-types="tensors=x:u8,nhwc mean=1,2,3 std=4" | FileCheck %s --check-prefix=IMAGE

// Types carry the scale that the header shows; i8 has the same numbers, 128 lower.
// CHECK-LABEL: @CarryQuantisedValues
// CHECK-SAME: (%arg0: tensor<1x3x2x2x!quant.uniform<u8:f32, 5.000000e-01:10>>)
// CHECK-SAME: -> tensor<1x3x2x2x!quant.uniform<i8:f32, 2.500000e-01:-128>>
// NHWC-LABEL: @CarryQuantisedValues
// NHWC-SAME: (%arg0: tensor<1x2x2x3x!quant.uniform<i8:f32, 5.000000e-01:-118>>)
// NHWC-SAME: -> tensor<1x2x2x3x!quant.uniform<u8:f32, 2.500000e-01>>
// IMAGE-LABEL: @CarryQuantisedValues
// IMAGE-SAME: (%arg0: tensor<1x2x2x3xui8>)
func.func @CarryQuantisedValues(%x: tensor<1x3x2x2xf32>) -> tensor<1x3x2x2xf32>
    attributes {qcc.input_names = ["x"], qcc.output_names = ["y"]} {
  // CHECK: %[[X:.*]] = "qcc.dequantize"(%arg0)
  // CHECK: "qcc.quantize"(%[[X]])
  // CHECK: %[[Y:.*]] = "qcc.quantize"{{.*}}!quant.uniform<i8:f32, 2.500000e-01:-128>>
  // CHECK: return %[[Y]]
  // NHWC: %[[T:.*]] = "qcc.transpose"(%arg0) <{perm = array<i64: 0, 3, 1, 2>}>
  // NHWC: "qcc.dequantize"(%[[T]])
  // NHWC: %[[Y:.*]] = "qcc.transpose"{{.*}}perm = array<i64: 0, 2, 3, 1>
  // NHWC: return %[[Y]]
  // IMAGE: %[[T:.*]] = "qcc.transpose"(%arg0)
  // IMAGE: %[[F:.*]] = "qcc.cast"(%[[T]])
  // IMAGE: %[[MEAN:.*]] = "qcc.constant"{{.*}}1.000000e+00{{.*}}tensor<1x3x1x1xf32>
  // IMAGE: %[[S:.*]] = "qcc.sub"(%[[F]], %[[MEAN]])
  // IMAGE: %[[STD:.*]] = "qcc.constant"{{.*}}4.000000e+00{{.*}}tensor<1x1x1x1xf32>
  // IMAGE: %[[D:.*]] = "qcc.div"(%[[S]], %[[STD]])
  // IMAGE: "qcc.quantize"(%[[D]])
  %0 = "qcc.quantize"(%x) : (tensor<1x3x2x2xf32>) -> tensor<1x3x2x2x!quant.uniform<u8:f32, 0.5:10>>
  %1 = "qcc.dequantize"(%0) : (tensor<1x3x2x2x!quant.uniform<u8:f32, 0.5:10>>) -> tensor<1x3x2x2xf32>
  %2 = "qcc.relu"(%1) : (tensor<1x3x2x2xf32>) -> tensor<1x3x2x2xf32>
  %3 = "qcc.quantize"(%2) : (tensor<1x3x2x2xf32>) -> tensor<1x3x2x2x!quant.uniform<u8:f32, 0.25>>
  %4 = "qcc.dequantize"(%3) : (tensor<1x3x2x2x!quant.uniform<u8:f32, 0.25>>) -> tensor<1x3x2x2xf32>
  return %4 : tensor<1x3x2x2xf32>
}

// -----

// Through operations that only move values; a model's own integers.
// CHECK-LABEL: @ReshapedAndStored
// CHECK-SAME: (%arg0: tensor<1x3x1x2x!quant.uniform<u8:f32, 5.000000e-01:10>>)
// CHECK-SAME: -> tensor<1x3x1x2x!quant.uniform<i8:f32, 2.500000e-01:-120>>
// NHWC-LABEL: @ReshapedAndStored
// IMAGE-LABEL: @ReshapedAndStored
func.func @ReshapedAndStored(%x: tensor<1x3x1x2xf32>) -> tensor<1x3x1x2xi8>
    attributes {qcc.input_names = ["x"], qcc.output_names = ["y"]} {
  // CHECK: %[[Q:.*]] = "qcc.scast"{{.*}} : (tensor<1x3x1x2xi8>)
  // CHECK-NEXT: return %[[Q]]
  %0 = "qcc.reshape"(%x) <{shape = array<i64: 6>}> : (tensor<1x3x1x2xf32>) -> tensor<6xf32>
  %1 = "qcc.quantize"(%0) : (tensor<6xf32>) -> tensor<6x!quant.uniform<u8:f32, 0.5:10>>
  %2 = "qcc.dequantize"(%1) : (tensor<6x!quant.uniform<u8:f32, 0.5:10>>) -> tensor<6xf32>
  %3 = "qcc.quantize"(%2) : (tensor<6xf32>) -> tensor<6x!quant.uniform<i8:f32, 0.25:-120>>
  %4 = "qcc.scast"(%3) : (tensor<6x!quant.uniform<i8:f32, 0.25:-120>>) -> tensor<6xi8>
  %5 = "qcc.reshape"(%4) <{shape = array<i64: 1, 3, 1, 2>}> : (tensor<6xi8>) -> tensor<1x3x1x2xi8>
  return %5 : tensor<1x3x1x2xi8>
}
