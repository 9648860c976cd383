// RUN: %qcc-opt %s --qcc-verify-layout --split-input-file --verify-diagnostics

func.func @ChannelsFirstPool(%x: tensor<1x3x8x8xf32>) -> tensor<1x3x1x1xf32> {
  // expected-error @below {{layout must be "nhwc" after stage layout but is "nchw"}}
  %0 = "qcc.global_average_pool"(%x) : (tensor<1x3x8x8xf32>) -> tensor<1x3x1x1xf32>
  return %0 : tensor<1x3x1x1xf32>
}

// -----

func.func @SayWhyTransposesRemain(%x: tensor<2x3xf32>) -> tensor<2x3xf32> {
  // expected-remark @below {{transpose remains: it gives the model's input the inner layout}}
  %0 = "qcc.transpose"(%x) <{perm = array<i64: 1, 0>}> : (tensor<2x3xf32>) -> tensor<3x2xf32>
  %1 = "qcc.relu"(%0) : (tensor<3x2xf32>) -> tensor<3x2xf32>
  // expected-remark @below {{transpose remains: it gives the model's output its own layout}}
  %2 = "qcc.transpose"(%1) <{perm = array<i64: 1, 0>}> : (tensor<3x2xf32>) -> tensor<2x3xf32>
  return %2 : tensor<2x3xf32>
}
