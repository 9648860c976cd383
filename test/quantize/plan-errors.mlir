// RUN: not %qcc-opt %s --qcc-plan-quantization 2>&1 | FileCheck %s

// CHECK: error: the model has quantisation of its own; --quantize=auto keeps it as it is
func.func @f(%x: tensor<1x2xf32>) -> tensor<1x2xf32> {
  %0 = "qcc.quantize"(%x) : (tensor<1x2xf32>) -> tensor<1x2x!quant.uniform<u8:f32, 0.1>>
  %1 = "qcc.dequantize"(%0) : (tensor<1x2x!quant.uniform<u8:f32, 0.1>>) -> tensor<1x2xf32>
  return %1 : tensor<1x2xf32>
}
