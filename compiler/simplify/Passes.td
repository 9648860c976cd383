//===- Passes.td - Passes of stage simplify ---------------------*- tablegen -*-===//
#ifndef QCC_COMPILER_SIMPLIFY_PASSES_TD
#define QCC_COMPILER_SIMPLIFY_PASSES_TD

include "mlir/Pass/PassBase.td"

def WidenHalf : Pass<"qcc-widen-half", "mlir::func::FuncOp"> {
  let summary = "Models of float16 compute in float32; their inputs and outputs keep their type";
  let description = [{
    What changes the representation (quantize_linear and its like) keeps its types, too.

    ```mlir
    %1 = matmul(%0, %w) : f16  ==>  %1 = matmul(cast(%0), %w) : f32
    return %1 : f16            ==>  return cast(%1) : f16
    ```
  }];
}

def MaskLengths : Pass<"qcc-mask-lengths", "mlir::func::FuncOp"> {
  let summary = "Nothing depends on what lies behind the length of a run";
  let description = [{
    For inputs of bounded shape, which become arguments of their own, as results do. Positions of a tensor that
    do not count are filled before an operation that would mix them with the others; an operation without a rule
    for that is refused. LengthRules.cpp has the table.

    ```mlir
    softmax(x: 1xL)      ==>  softmax(where(position < length, x, -infinity))
    reduce_mean(x: 1xL)  ==>  reduce_sum(where(position < length, x, 0)) / length
    lstm(x: Lx1x8)       ==>  lstm(x, sequence_lens = length)
    ```
  }];
}

def FoldConstants : Pass<"qcc-fold-constants", "mlir::func::FuncOp"> {
  let summary = "Compute at compile time what depends on constants only";
  let description = [{
    Through the reference, so that the result is the definition's. Stays: the
    dequantize of a constant, which says that the weights are stored quantised.

    ```mlir
    %0 = qcc.quantize(constant f32)  ==>  qcc.constant of the quantised type
    %1 = qcc.transpose(constant)     ==>  qcc.constant
    ```
  }];
  let options = [Option<"maxBytes", "max-bytes", "int64_t", "int64_t(64) << 20",
                        "largest result, in bytes, that is computed">];
}

def RemoveIdentities : Pass<"qcc-remove-identities", "mlir::func::FuncOp"> {
  let summary = "Drop operations that hand their operand on unchanged";
  let description = [{
    ```mlir
    %0 = qcc.identity(%x)                      ==>  %x
    %1 = qcc.reshape(%x) to its own shape      ==>  %x
    %2 = qcc.transpose(%x) {perm = [0, 1, 2]}  ==>  %x
    ```
  }];
}

def UnifyReshapes : Pass<"qcc-unify-reshapes", "mlir::func::FuncOp"> {
  let summary = "One spelling of reshape; compose and cancel transposes";
  let description = [{
    ```mlir
    qcc.flatten, qcc.squeeze, qcc.unsqueeze       ==>  qcc.reshape
    qcc.transpose of qcc.transpose                ==>  one transpose, or none
    qcc.transpose that moves only axes of size 1  ==>  qcc.reshape
    qcc.reshape of qcc.reshape                    ==>  one reshape
    ```
  }];
}

def RecognizeActivations : Pass<"qcc-recognize-activations", "mlir::func::FuncOp"> {
  let summary = "Find activation functions that exporters spell out";
  let description = [{
    ```mlir
    x * clip(x + 3, 0, 6) / 6   ==>  qcc.hard_swish(x)   (and its permutations)
    clip(x + 3, 0, 6) / 6       ==>  qcc.hard_sigmoid(x) {alpha = 1/6, beta = 0.5}
    x * sigmoid(x)              ==>  qcc.silu(x)
    max(x, 0)                   ==>  qcc.relu(x)
    relu, then clip to [a, b]   ==>  one qcc.clip
    prelu with one slope        ==>  qcc.leaky_relu
    ```
  }];
}

def DecomposeNormalization : Pass<"qcc-decompose-normalization", "mlir::func::FuncOp"> {
  let summary = "Batch normalisation with given statistics is a multiply and an add per channel";
  let description = [{
    ```mlir
    qcc.batch_normalization(x)  ==>  x * (scale / sqrt(var + eps)) + (bias - mean * ...)
    ```
    Stage's next pass folds both into a convolution before it.
  }];
}

def FoldAffine : Pass<"qcc-fold-affine", "mlir::func::FuncOp"> {
  let summary = "Fold multiplies and adds by constants into the weights before them";
  let description = [{
    Needs float constant weights and no other user: between a model's own
    quantize and dequantize nothing is folded.

    ```mlir
    conv(x, w, b) * c + d   ==>  conv(x, w * c, b * c + d)
    matmul(x, w) + d        ==>  matmul(x, w, bias = d)
    x - c, x / c            ==>  x + (-c), x * (1 / c)
    x + x * s               ==>  x * (s + 1)              (s smaller than x)
    ```
  }];
}

def DecomposeProducts : Pass<"qcc-decompose-products", "mlir::func::FuncOp"> {
  let summary = "A bias that only the run knows, or beside such a filter, leaves its convolution";
  let description = [{
    ```mlir
    conv(x, w, b), one of w and b no constant  ==>  conv(x, w) + b
    ```
  }];
}

def FoldPads : Pass<"qcc-fold-pads", "mlir::func::FuncOp"> {
  let summary = "A pad with zeros becomes padding of the convolution or pooling after it";
  let description = [{
    ```mlir
    conv(pad(x, 1), pads = 0)          ==>  conv(x, pads = 1)
    average_pool(pad(x, 1), pads = 0)  ==>  average_pool(x, pads = 1, count_include_pad = 1)
    ```
  }];
}

def DropUnseenTaps : Pass<"qcc-drop-unseen-taps", "mlir::func::FuncOp"> {
  let summary = "A filter loses the taps at its edges that see padding alone";
  let description = [{
    As those of a dilated filter on a small image do.

    ```mlir
    conv(x: 1x1x8x8, w: 1x1x3x3, pads = 12, dilations = 12)  ==>  conv(x, w[:, :, 1:2, 1:2], pads = 0)
    ```
  }];
}

def FlattenVolumes : Pass<"qcc-flatten-volumes", "mlir::func::FuncOp"> {
  let summary = "Convolutions of volumes are ones of images, with a channel for each tap along the depth";
  let description = [{
    Between them volumes stay images, through element-wise operations and sums.

    ```mlir
    conv(x: N x C x D x H x W, w: M x C x 3 x k x k)
      ==>  transpose(reshape(conv(concat(layers 0, 1, .. of x, layers 1, 2, .., layers 2, 3, ..), w: M x 3C x k x k)))
    ```
  }];
}

def UnifyPools : Pass<"qcc-unify-pools", "mlir::func::FuncOp"> {
  let summary = "Reductions over all of an image are global pools";
  let description = [{
    ```mlir
    reduce_mean(x: N x C x H x W) {axes = [2, 3]}  ==>  global_average_pool (and a reshape without keepdims)
    reduce_max(x: N x C x H x W) {axes = [2, 3]}   ==>  global_max_pool
    average_pool over the whole image              ==>  global_average_pool
    ```
  }];
}

def AdoptDynamic : Pass<"qcc-adopt-dynamic", "mlir::func::FuncOp"> {
  let summary = "What ONNX Runtime quantises without data becomes products of measured activations";
  let description = [{
    With a scale and a zero point for the whole tensor, as the model says. Convolutions of one image; weights
    that fit into signed bytes less their zero point.

    ```mlir
    q, s, z = dynamic_quantize_linear(x)      q, sz, z = dynamic_quantize(x) {zero_point = -1}
    cast(conv_integer(q, w, z)) * (s * c) + b ==> conv(q, w : i8 in units of c, b, sz)
    cast(matmul_integer(q, w, z)) * (s * c)   ==> dynamic_matmul(q, expand(s), expand(z), w)
    ```
  }];
  let options = [Option<"convolutions", "convolutions", "bool", "true", "convolutions, too">];
}

#endif // QCC_COMPILER_SIMPLIFY_PASSES_TD
