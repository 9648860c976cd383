//===- Passes.td - Passes of stage fuse -------------------------*- tablegen -*-===//
#ifndef QCC_COMPILER_FUSE_PASSES_TD
#define QCC_COMPILER_FUSE_PASSES_TD

include "mlir/Pass/PassBase.td"

def MakeActivationsUnsigned : Pass<"qcc-make-activations-unsigned", "mlir::func::FuncOp"> {
  let summary = "Activations of 8 bits are unsigned inside: i8 with zero point z becomes u8 with z + 128";
  let description = [{
    Every x86 dot product takes unsigned activations. Weights stay; what the user
    hands over or gets as i8 passes through a table.

    ```mlir
    quantize x -> i8, s:z    ==>  quantize x -> u8, s:(z + 128)
    scast %input -> i8, s:z  ==>  lookup(scast %input) -> u8, s:(z + 128)
    ```
  }];
}

def MoveQuantization : Pass<"qcc-move-quantization", "mlir::func::FuncOp"> {
  let summary = "Operations that only move or select values work on the stored integers";
  let description = [{
    ```mlir
    max_pool(dequantize(x))             ==>  dequantize(max_pool(x))
    quantize(reshape(x))                ==>  reshape(quantize(x))
    quantize(concat(x, y))              ==>  concat(quantize(x), quantize(y))
    quantize(dequantize(x)) of one type ==>  x
    ```
  }];
}

def FuseProducts : Pass<"qcc-fuse-products", "mlir::func::FuncOp"> {
  let summary = "Convolutions and matrix products between dequantize and quantize compute on integers";
  let description = [{
    Takes in the pointwise steps up to the quantize, a residual addition among
    them (q2, q7, q8a, q9).

    ```mlir
    quantize(relu(conv(dequantize(x), dequantize(w), b)))
      ==>  conv(x, w, i32 bias) {chain = [relu]} on quantised types
    quantize(add(dequantize(quantize(conv(...))), dequantize(r)))
      ==>  conv(..., residual = r) {chain = [requantize, residual]}
    conv(dequantize(x), dequantize(w)) with float users
      ==>  conv(x, w) with a float result
    conv(x : f32, dequantize(w))
      ==>  conv(x : f32, w), which decodes w as it reads it (q8b)
    ```
  }];
}

def FuseArithmetic : Pass<"qcc-fuse-arithmetic", "mlir::func::FuncOp"> {
  let summary = "Additions, multiplications and averages between dequantize and quantize compute on integers";
  let description = [{
    ```mlir
    quantize(relu(add(dequantize(x), dequantize(y))))  ==>  add(x, y) {chain = [relu]}   (q7)
    quantize(average_pool(dequantize(x)))              ==>  average_pool(x)                        (q8)
    ```
  }];
}

def FuseLookups : Pass<"qcc-fuse-lookups", "mlir::func::FuncOp"> {
  let summary = "Functions of one 8-bit tensor become tables of 256 entries";
  let description = [{
    The reference fills the table (q8). A table right after an integer product
    becomes its operand.

    ```mlir
    quantize(sigmoid(dequantize(x)))      ==>  lookup(x, table)
    quantize(dequantize(x)), other scale  ==>  lookup(x, table)
    lookup(conv(...), table)              ==>  conv(..., table)
    ```
  }];
}

def FuseAttention : Pass<"qcc-fuse-attention", "mlir::func::FuncOp"> {
  let summary = "Two products around a softmax become one attention";
  let description = [{
    On float tensors (batch, heads, tokens, numbers), or with batch and heads in one axis. What turns
    the axes around goes where it cancels.

    ```mlir
    matmul(softmax(matmul(q, k) * c + mask), v)  ==>  attention(q, k, v, mask) {scale = c}
    ```
  }];
}

def FuseFloatChains : Pass<"qcc-fuse-float-chains", "mlir::func::FuncOp"> {
  let summary = "Pointwise operations after a product with a float result become its steps";
  let description = [{
    ```mlir
    relu(conv(x, w)) : f32              ==>  conv(x, w) {chain = [relu]}
    relu(add(conv(x, w), y)) : f32      ==>  conv(x, w, residual = y) {chain = [residual, relu]}
    sigmoid(mul(x, y)) : f32            ==>  mul(x, y) {chain = [sigmoid]}
    ```
  }];
}

def StoreBf16 : Pass<"qcc-store-bf16", "mlir::func::FuncOp"> {
  let summary = "Float products multiply bf16 and add up in f32 (--precision=bf16)"
                "; tensors between them are stored as bf16";
  let description = [{
    Weights and activations are rounded half to even. Depthwise convolutions
    compute in f32. Residuals have the type of the result they are added to.

    ```mlir
    relu = conv(x, w) : f32, conv(relu, v)
      ==>  relu = conv(cast(x) : bf16, w : bf16) : bf16, conv(relu, v : bf16)
    ```
  }];
  let options = [Option<"decided", "decided", "bool", "false",
                        "only products that --precision=auto has decided so about (qcc.precision)">];
}

def StoreHalves : Pass<"qcc-store-halves", "mlir::func::FuncOp"> {
  let summary = "Weights of float products, of recurrent layers, and large tables have 16 bits in memory (--precision=fp16)";
  let description = [{
    Activations and sums stay f32: kernels widen what they read. Weights that float16
    does not hold well stay f32, with a reason.

    ```mlir
    conv(x, w) : f32    ==>  conv(x : f32, w : f16) : f32
    gather(table, i)    ==>  cast(gather(table : f16, i))
    ```
  }];
  let options = [Option<"type", "type", "std::string", "\"f16\"", "f16 or bf16">,
                 Option<"onlyStreamed", "only-streamed", "bool", "false",
                        "only where that changes no number, of layers that wait for more weights than a cache near the "
                        "processor holds, and where --precision=auto has decided so (qcc.precision)">];
}

def ReportFloat : Pass<"qcc-report-float", "mlir::func::FuncOp"> {
  let summary = "Say which operations next to quantised tensors stay in float, and why";
  let description = [{
    ```mlir
    softmax(dequantize(x))  ==>  remark: left in float: ..., and qcc.float_reason = "..."
    ```
  }];
}

#endif // QCC_COMPILER_FUSE_PASSES_TD
