// A small network as an exporter writes it: channels first, quantize and
// dequantize around float operations, one of them signed.
!in = !quant.uniform<i8:f32, 0.0203717:-3>
!w = !quant.uniform<i8:f32:0, {0.0201931, 0.0151379, 0.0102837, 0.0249173}>
!u = !quant.uniform<i8:f32:0, {0.0101719, 0.0203117, 0.0148931, 0.0097127}>
!act = !quant.uniform<i8:f32, 0.0297313:-128>
!sum = !quant.uniform<u8:f32, 0.0503911:100>
!gate = !quant.uniform<u8:f32, 0.00390625:0>
!cat = !quant.uniform<u8:f32, 0.0600713:90>
!pool = !quant.uniform<u8:f32, 0.0398731:80>

func.func @main(%x: tensor<1x4x8x8xf32>) -> (tensor<1x3xf32>, tensor<1x8x4x4xf32>) {
  %wq = "qcc.constant"() <{value = dense<[[[[90]], [[-40]], [[17]], [[-128]]], [[[-7]], [[120]], [[-33]], [[64]]], [[[127]], [[5]], [[-90]], [[21]]], [[[11]], [[-60]], [[70]], [[-25]]]]> : tensor<4x4x1x1xi8>}> : () -> tensor<4x4x1x1x!w>
  %w = "qcc.dequantize"(%wq) : (tensor<4x4x1x1x!w>) -> tensor<4x4x1x1xf32>
  %uq = "qcc.constant"() <{value = dense<[[[[9, -40, 3], [17, 100, -20], [5, -70, 8]]], [[[-7, 12, 30], [-33, 64, 2], [1, 50, -9]]], [[[27, 5, -90], [21, 60, 13], [-4, 40, 7]]], [[[11, -60, 70], [-25, 33, 44], [90, -8, 6]]]]> : tensor<4x1x3x3xi8>}> : () -> tensor<4x1x3x3x!u>
  %u = "qcc.dequantize"(%uq) : (tensor<4x1x3x3x!u>) -> tensor<4x1x3x3xf32>
  %b = "qcc.constant"() <{value = dense<[0.3, -0.2, 0.05, 0.7]> : tensor<4xf32>}> : () -> tensor<4xf32>
  %fc = "qcc.constant"() <{value = dense<[[10, -20, 30, -40, 50, -60, 70, -80], [-5, 15, -25, 35, -45, 55, -65, 75], [1, 2, 3, 4, 5, 6, 7, 8]]> : tensor<3x8xi8>}> : () -> tensor<3x8x!quant.uniform<i8:f32, 0.01>>
  %fw = "qcc.dequantize"(%fc) : (tensor<3x8x!quant.uniform<i8:f32, 0.01>>) -> tensor<3x8xf32>

  %0 = "qcc.quantize"(%x) : (tensor<1x4x8x8xf32>) -> tensor<1x4x8x8x!in>
  %1 = "qcc.dequantize"(%0) : (tensor<1x4x8x8x!in>) -> tensor<1x4x8x8xf32>
  // Convolution, relu.
  %2 = "qcc.conv"(%1, %w, %b) <{operandSegmentSizes = array<i32: 1, 1, 1, 0, 0, 0>, pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, kernel_shape = array<i64: 1, 1>}> : (tensor<1x4x8x8xf32>, tensor<4x4x1x1xf32>, tensor<4xf32>) -> tensor<1x4x8x8xf32>
  %3 = "qcc.relu"(%2) : (tensor<1x4x8x8xf32>) -> tensor<1x4x8x8xf32>
  %4 = "qcc.quantize"(%3) : (tensor<1x4x8x8xf32>) -> tensor<1x4x8x8x!act>
  %5 = "qcc.dequantize"(%4) : (tensor<1x4x8x8x!act>) -> tensor<1x4x8x8xf32>
  // Depthwise, rounded before the residual is added.
  %6 = "qcc.conv"(%5, %u) <{operandSegmentSizes = array<i32: 1, 1, 0, 0, 0, 0>, group = 4 : i64, pads = array<i64: 1, 1, 1, 1>, strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, kernel_shape = array<i64: 3, 3>}> : (tensor<1x4x8x8xf32>, tensor<4x1x3x3xf32>) -> tensor<1x4x8x8xf32>
  %7 = "qcc.quantize"(%6) : (tensor<1x4x8x8xf32>) -> tensor<1x4x8x8x!sum>
  %8 = "qcc.dequantize"(%7) : (tensor<1x4x8x8x!sum>) -> tensor<1x4x8x8xf32>
  %9 = "qcc.add"(%8, %5) : (tensor<1x4x8x8xf32>, tensor<1x4x8x8xf32>) -> tensor<1x4x8x8xf32>
  %10 = "qcc.clip"(%9) <{min = -1.0 : f64, max = 6.0 : f64}> : (tensor<1x4x8x8xf32>) -> tensor<1x4x8x8xf32>
  %11 = "qcc.quantize"(%10) : (tensor<1x4x8x8xf32>) -> tensor<1x4x8x8x!cat>
  %12 = "qcc.dequantize"(%11) : (tensor<1x4x8x8x!cat>) -> tensor<1x4x8x8xf32>
  %13 = "qcc.max_pool"(%12) <{kernel_shape = array<i64: 2, 2>, strides = array<i64: 2, 2>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>}> : (tensor<1x4x8x8xf32>) -> tensor<1x4x4x4xf32>
  // A gate: a table and a product.
  %14 = "qcc.sigmoid"(%13) : (tensor<1x4x4x4xf32>) -> tensor<1x4x4x4xf32>
  %15 = "qcc.quantize"(%14) : (tensor<1x4x4x4xf32>) -> tensor<1x4x4x4x!gate>
  %16 = "qcc.dequantize"(%15) : (tensor<1x4x4x4x!gate>) -> tensor<1x4x4x4xf32>
  %17 = "qcc.mul"(%13, %16) : (tensor<1x4x4x4xf32>, tensor<1x4x4x4xf32>) -> tensor<1x4x4x4xf32>
  %18 = "qcc.quantize"(%17) : (tensor<1x4x4x4xf32>) -> tensor<1x4x4x4x!sum>
  %19 = "qcc.dequantize"(%18) : (tensor<1x4x4x4x!sum>) -> tensor<1x4x4x4xf32>
  // Two scales into one.
  %20 = "qcc.concat"(%19, %13) <{axis = 1 : i64}> : (tensor<1x4x4x4xf32>, tensor<1x4x4x4xf32>) -> tensor<1x8x4x4xf32>
  %21 = "qcc.quantize"(%20) : (tensor<1x8x4x4xf32>) -> tensor<1x8x4x4x!cat>
  %22 = "qcc.dequantize"(%21) : (tensor<1x8x4x4x!cat>) -> tensor<1x8x4x4xf32>
  // Pool, logits.
  %23 = "qcc.global_average_pool"(%22) : (tensor<1x8x4x4xf32>) -> tensor<1x8x1x1xf32>
  %24 = "qcc.flatten"(%23) <{axis = 1 : i64}> : (tensor<1x8x1x1xf32>) -> tensor<1x8xf32>
  %25 = "qcc.quantize"(%24) : (tensor<1x8xf32>) -> tensor<1x8x!pool>
  %26 = "qcc.dequantize"(%25) : (tensor<1x8x!pool>) -> tensor<1x8xf32>
  %27 = "qcc.gemm"(%26, %fw) <{operandSegmentSizes = array<i32: 1, 1, 0, 0, 0>, transB = 1 : i64}> : (tensor<1x8xf32>, tensor<3x8xf32>) -> tensor<1x3xf32>
  return %27, %22 : tensor<1x3xf32>, tensor<1x8x4x4xf32>
}
