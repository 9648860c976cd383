//===- QccOps.td - The table of operations --------------------*- tablegen -*-===//
//
// One record per operation: the ONNX operator it comes from, its operands and
// attributes, its results, how it is quantised and how it takes a channels-last
// layout. The importer, the documentation and the lint's table are generated
// from these records; see docs/adding-an-op.md.
//
//===----------------------------------------------------------------------===//
#ifndef QCC_OPS_TD
#define QCC_OPS_TD

include "mlir/IR/OpBase.td"
include "mlir/IR/Properties.td"
include "mlir/Interfaces/SideEffectInterfaces.td"
include "dialects/QccInterfaces.td"

def Qcc_Dialect : Dialect {
  let name = "qcc";
  let cppNamespace = "::qcc";
  let summary = "A neural network, from ONNX's operators to integer ones";
  let description = [{
    Operations on ranked tensors of static shape. They have ONNX's semantics and
    layout until stage `layout`; from stage `fuse` on, operations whose operands
    have `!quant.uniform` types compute on the stored integers (docs/numerics.md).
  }];
  let usePropertiesForAttributes = 1;
  let dependentDialects = ["::mlir::quant::QuantDialect"];
}

//===----------------------------------------------------------------------===//
// Columns of the table
//===----------------------------------------------------------------------===//

/// Where an operation comes from. `inputs` lists ONNX's inputs in order: `name`
/// is an operand, `@name` an attribute whose value must be a constant input.
/// An empty list means: the operands, in order. `ignored` are ONNX attributes
/// that have no meaning for inference.
class Onnx<string n, list<string> ins = [], list<string> ignore = [], string dom = ""> {
  string name = n;
  string domain = dom;
  list<string> inputs = ins;
  list<string> ignored = ignore;
}
def NotOnnx : Onnx<"">;

/// How stage `quantize` treats an operation.
class QuantRule<string k> { string kind = k; } // an enumerator of qcc::QuantRule
def Q_Float     : QuantRule<"Float">;      // stays in float; the report says so
def Q_Weighted  : QuantRule<"Weighted">;   // multiply-accumulate with constant weights, int8
def Q_Product   : QuantRule<"Product">;    // multiply-accumulate of two activations, int8
def Q_Pointwise : QuantRule<"Pointwise">;  // joins its producer's chain, else a table (q8)
def Q_Binary    : QuantRule<"Binary">;     // add and multiply of two quantised tensors (q7, q8)
def Q_Average   : QuantRule<"Average">;    // averages of quantised values (q8)
def Q_SameScale : QuantRule<"SameScale">; // moves or selects values: keeps its input's scale
def Q_Concat    : QuantRule<"Concat">;     // keeps the scales of its inputs where they agree
def Q_Boundary  : QuantRule<"Boundary">;   // is itself a change of representation

class Qcc_Op<string mnemonic, Onnx source, QuantRule q, list<string> methods = [],
             list<Trait> traits = []>
    : Op<Qcc_Dialect, mnemonic,
         !listconcat([Pure, DeclareOpInterfaceMethods<Qcc_OpInterface, methods>], traits)> {
  Onnx onnx = source;
  QuantRule quant = q;
  /// Attributes that no ONNX attribute sets: decisions of later stages.
  list<string> decisions = [];
  let extraClassDeclaration = "static ::qcc::QuantRule getQuantRule() { return ::qcc::QuantRule::" # q.kind # "; }";
}

def Qcc_Tensor : AnyTypeOf<[AnyStaticShapeTensor]>;
def Qcc_I64s : ConfinedAttr<DenseI64ArrayAttr, []>;

class Qcc_Default<Attr attr, string value> : DefaultValuedAttr<attr, value>;
class Qcc_IntDefault<string value> : DefaultValuedAttr<I64Attr, value>;
class Qcc_FloatDefault<string value> : DefaultValuedAttr<F32Attr, value>;
class Qcc_StrDefault<string value> : DefaultValuedStrAttr<StrAttr, value>;

//===----------------------------------------------------------------------===//
// Constants and changes of representation (ops/Quant.cpp)
//===----------------------------------------------------------------------===//

def Qcc_ConstantOp : Qcc_Op<"constant", NotOnnx, Q_Boundary, [], [ConstantLike]> {
  let summary = "A tensor known at compile time";
  let description = [{
    The value of a quantised result has its storage type: `ui8` for `u8`, `i8` for
    `i8`. Values over 1 KiB are resources.
  }];
  let arguments = (ins ElementsAttr:$value);
  let results = (outs Qcc_Tensor:$result);
  let hasFolder = 1;
}

def Qcc_QuantizeOp : Qcc_Op<"quantize", NotOnnx, Q_Boundary, ["toChannelsLast"]> {
  let summary = "Real numbers to the stored integers of the result's quantised type";
  let description = [{ `saturate(rint(x / s) + z)`, half to even; NaN gives `z` (q1). }];
  let arguments = (ins Qcc_Tensor:$input);
  let results = (outs Qcc_Tensor:$result);
}

def Qcc_DequantizeOp : Qcc_Op<"dequantize", NotOnnx, Q_Boundary, ["toChannelsLast"]> {
  let summary = "Stored integers of a quantised type to real numbers";
  let description = [{ `(q - z) * s`, in float32. }];
  let arguments = (ins Qcc_Tensor:$input);
  let results = (outs Qcc_Tensor:$result);
}

def Qcc_ScastOp : Qcc_Op<"scast", NotOnnx, Q_Boundary, ["toChannelsLast"]> {
  let summary = "The same bytes under a quantised type, or its storage type";
  let arguments = (ins Qcc_Tensor:$input);
  let results = (outs Qcc_Tensor:$result);
}

def Qcc_ObserveOp : Qcc_Op<"observe", NotOnnx, Q_Boundary, ["toChannelsLast"]> {
  let summary = "A tensor that calibration measures, and what it found";
  let description = [{
    The operand, unchanged. Stage `quantize` marks with it what it decided to
    quantise, calibration fills in what it measured, and the end of the stage
    replaces it; the float model that calibration runs stops here.

    Without `axis`: the tensor becomes 8-bit integers that stand for the numbers
    of `range`, [lo, hi].

    With `axis`: the result of a convolution or product with weights, whose mean
    for each index along `axis` the integer model should keep. `correction` is
    what has to be added to its bias.
  }];
  let arguments = (ins Qcc_Tensor:$input, I64Attr:$id, OptionalAttr<DenseF32ArrayAttr>:$range,
                       OptionalAttr<I64Attr>:$axis, OptionalAttr<DenseF32ArrayAttr>:$correction);
  let results = (outs Qcc_Tensor:$result);
  let decisions = ["id", "range", "axis", "correction"];
}

def Qcc_QuantizeLinearOp : Qcc_Op<"quantize_linear",
    Onnx<"QuantizeLinear", ["input", "scale", "zero_point"]>, Q_Boundary, ["normalize"]> {
  let summary = "QuantizeLinear with a scale that is no constant, or a type MLIR's quantised types lack";
  let arguments = (ins Qcc_Tensor:$input, Qcc_Tensor:$scale, Optional<Qcc_Tensor>:$zero_point,
                       Qcc_IntDefault<"1">:$axis, Qcc_IntDefault<"0">:$block_size,
                       Qcc_IntDefault<"0">:$output_dtype, Qcc_IntDefault<"1">:$saturate,
                       Qcc_IntDefault<"0">:$precision);
  let results = (outs Qcc_Tensor:$result);
}

def Qcc_DequantizeLinearOp : Qcc_Op<"dequantize_linear",
    Onnx<"DequantizeLinear", ["input", "scale", "zero_point"]>, Q_Boundary, ["normalize"]> {
  let summary = "DequantizeLinear with a scale that is no constant, or a type MLIR's quantised types lack";
  let arguments = (ins Qcc_Tensor:$input, Qcc_Tensor:$scale, Optional<Qcc_Tensor>:$zero_point,
                       Qcc_IntDefault<"1">:$axis, Qcc_IntDefault<"0">:$block_size,
                       Qcc_IntDefault<"0">:$output_dtype);
  let results = (outs Qcc_Tensor:$result);
}

def Qcc_DynamicQuantizeLinearOp : Qcc_Op<"dynamic_quantize_linear",
    Onnx<"DynamicQuantizeLinear">, Q_Boundary> {
  let summary = "uint8 values, scale and zero point from the range of the input";
  let arguments = (ins Qcc_Tensor:$input);
  let results = (outs Qcc_Tensor:$result, Qcc_Tensor:$scale, Qcc_Tensor:$zero_point);
}

def Qcc_DynamicQuantizeOp : Qcc_Op<"dynamic_quantize", NotOnnx, Q_Boundary, ["toChannelsLast"]> {
  let summary = "uint8 values with a scale and a zero point for each row, measured from the operand (q11)";
  let description = [{
    A row is what lies behind one index of the axes before `axis`. With lo = min(0, smallest) and
    hi = max(0, largest): `scale = (hi - lo) / 255`, `r = 255 / (hi - lo)`, `zero = rint(-lo * r)`,
    `result = saturate(rint(x * r) + zero)`. With `zero_point` the zero is that one, the range is as
    wide as both sides of it need, and the result may be declared as `!quant.uniform<u8:f32, 1.0:zero_point>`,
    of which `scale` is the unit. A row of zeros, and one whose range is not finite, has scale 1, r = 1.
    Stage `quantize` makes it in front of what computes on measured values.
  }];
  let arguments = (ins Qcc_Tensor:$input, I64Attr:$axis, OptionalAttr<I64Attr>:$zero_point);
  let results = (outs Qcc_Tensor:$result, Qcc_Tensor:$scale, Qcc_Tensor:$zero);
}

def Qcc_CastOp : Qcc_Op<"cast", Onnx<"Cast">, Q_Float, ["toChannelsLast"]> {
  let summary = "Conversion of the element type (`to` is ONNX's TensorProto.DataType)";
  let arguments = (ins Qcc_Tensor:$input, I64Attr:$to, Qcc_IntDefault<"1">:$saturate,
                       Qcc_StrDefault<"up">:$round_mode);
  let results = (outs Qcc_Tensor:$result);
}

//===----------------------------------------------------------------------===//
// Convolutions and products (ops/Conv.cpp, ops/MatMul.cpp)
//===----------------------------------------------------------------------===//

/// What stage `fuse` may attach to an operation that accumulates: a chain of
/// pointwise steps on the sums, a residual that one of them adds, and a table.
/// A step is a dictionary: {op = "hard_swish"}, or the name of any other row of
/// reference/Pointwise.cpp with its parameters ({op = "clip", min, max},
/// {op = "mul", value}), or one of
///   {op = "residual"}                      adds the residual; without it, the
///       residual is added first, but behind a `requantize` at the front
///   {op = "requantize", scale, zero_point} rounds and saturates to a u8 type
/// On float operands the steps run on the rounded sums, in float32.
/// On quantised ones `t` is, in float32, each operation rounded, m = (sx * sw[c]) / sy:
///   q2   float(acc) * m                              no step but Relu and Clip at the end
///   q7   float(acc) * m + float(r - zr) * (sr / sy)  the residual, then Relu and Clip; after a
///        `requantize` (s, z) at the front, float(q - z) * (s / sy) in place of the product
///   q8a  real * (1 / sy)                             any other chain; real is float(acc) *
///        (sx * sw[c]), plus a float bias, then step by step; a residual adds float(r - zr) * sr
/// and the result is saturate(rint(t) + zy), limited to [Q(lo), Q(hi)] of the Relu
/// and Clip steps at the chain's end (q8). A `table` then maps the byte; it reads
/// values of the type that a `requantize` at the chain's end names (in place of
/// sy, zy), else of the result's own. A float result is `real` after all steps.
defvar fusedArguments = (ins
    Optional<Qcc_Tensor>:$residual,      // of the result's shape; float, or quantised per tensor
    Optional<Qcc_Tensor>:$table,         // 256 bytes, indexed by the stored byte
    OptionalAttr<ArrayAttr>:$chain);     // steps, in order

def Qcc_ConvOp : Qcc_Op<"conv", Onnx<"Conv", ["input", "filter", "bias"]>, Q_Weighted,
                        ["normalize", "toChannelsLast"], [AttrSizedOperandSegments]> {
  let summary = "1-D or 2-D convolution";
  let description = [{
    `input` is (N, C, spatial...) or, with `layout = "nhwc"`, (N, spatial..., C);
    `filter` is (M, C/group, kernel...) in both. `pads` are begins, then ends.
    On quantised operands (the filter along axis 0) the sums are exact, padding is
    the input's zero point, `bias` is int32 and the result requantised (q2), or
    float (q8) with a float or int32 bias.

    `image_scale`, (N), is the unit of each image of a measured `input` (q11): the result is float, and so is
    the bias; `real` is `float(acc) * (sx * sw[c]) * image_scale[n]`, from left to right.
  }];
  let arguments = !con((ins Qcc_Tensor:$input, Qcc_Tensor:$filter, Optional<Qcc_Tensor>:$bias),
    fusedArguments, (ins Optional<Qcc_Tensor>:$image_scale),
    (ins Qcc_StrDefault<"NOTSET">:$auto_pad, OptionalAttr<DenseI64ArrayAttr>:$dilations,
         Qcc_IntDefault<"1">:$group, OptionalAttr<DenseI64ArrayAttr>:$kernel_shape,
         OptionalAttr<DenseI64ArrayAttr>:$pads, OptionalAttr<DenseI64ArrayAttr>:$strides,
         Qcc_StrDefault<"nchw">:$layout));
  let results = (outs Qcc_Tensor:$result);
  let decisions = ["residual", "table", "chain", "image_scale", "layout"];
}

def Qcc_ConvTransposeOp : Qcc_Op<"conv_transpose", Onnx<"ConvTranspose", ["input", "filter", "bias"]>,
    Q_Weighted, ["normalize", "toChannelsLast"], [AttrSizedOperandSegments]> {
  let summary = "Transposed convolution; `filter` is (C, M/group, kernel...)";
  let description = [{ Quantised like `conv`, with the filter's scales along axis 1. }];
  let arguments = !con((ins Qcc_Tensor:$input, Qcc_Tensor:$filter, Optional<Qcc_Tensor>:$bias),
    fusedArguments,
    (ins Qcc_StrDefault<"NOTSET">:$auto_pad, OptionalAttr<DenseI64ArrayAttr>:$dilations,
         Qcc_IntDefault<"1">:$group, OptionalAttr<DenseI64ArrayAttr>:$kernel_shape,
         OptionalAttr<DenseI64ArrayAttr>:$output_padding, OptionalAttr<DenseI64ArrayAttr>:$output_shape,
         OptionalAttr<DenseI64ArrayAttr>:$pads, OptionalAttr<DenseI64ArrayAttr>:$strides,
         Qcc_StrDefault<"nchw">:$layout));
  let results = (outs Qcc_Tensor:$result);
  let decisions = ["residual", "table", "chain", "layout"];
}

def Qcc_GemmOp : Qcc_Op<"gemm", Onnx<"Gemm", ["a", "b", "c"]>, Q_Weighted, [], [AttrSizedOperandSegments]> {
  let summary = "alpha * a * b + beta * c, with optional transposition of a and b";
  let description = [{
    Quantised like `conv`: the scales of `b` go along its columns, `c` is the bias,
    alpha and beta are 1.
  }];
  let arguments = !con((ins Qcc_Tensor:$a, Qcc_Tensor:$b, Optional<Qcc_Tensor>:$c), fusedArguments,
    (ins Qcc_FloatDefault<"1.0f">:$alpha, Qcc_FloatDefault<"1.0f">:$beta,
         Qcc_IntDefault<"0">:$transA, Qcc_IntDefault<"0">:$transB));
  let results = (outs Qcc_Tensor:$result);
  let decisions = ["residual", "table", "chain"];
}

def Qcc_MatMulOp : Qcc_Op<"matmul", Onnx<"MatMul", ["a", "b"]>, Q_Weighted, [], [AttrSizedOperandSegments]> {
  let summary = "Matrix product with numpy's broadcasting of the leading axes";
  let description = [{ Quantised like `conv`; the scales of `b` go along its last axis. }];
  let arguments = !con((ins Qcc_Tensor:$a, Qcc_Tensor:$b, Optional<Qcc_Tensor>:$bias), fusedArguments);
  let results = (outs Qcc_Tensor:$result);
  let decisions = ["bias", "residual", "table", "chain"];
}

def Qcc_DynamicMatMulOp : Qcc_Op<"dynamic_matmul", NotOnnx, Q_Boundary, [], [AttrSizedOperandSegments]> {
  let summary = "Matrix product of measured activations and constant 8-bit weights, in float32 (q11)";
  let description = [{
    `a`, `scale` and `zero` are a dynamic_quantize along a's last axis. `b`, (K, N), is quantised with
    zero points of 0. `real` is `float(sum of (a - zero) * b) * sb[n] * scale[row]`, from left to right;
    then `bias`, and the chain as on float operands. There is no table.
  }];
  let arguments = !con((ins Qcc_Tensor:$a, Qcc_Tensor:$scale, Qcc_Tensor:$zero, Qcc_Tensor:$b,
                            Optional<Qcc_Tensor>:$bias), fusedArguments);
  let results = (outs Qcc_Tensor:$result);
}

def Qcc_MatMulIntegerOp : Qcc_Op<"matmul_integer",
    Onnx<"MatMulInteger", ["a", "b", "a_zero_point", "b_zero_point"]>, Q_Boundary, [], [AttrSizedOperandSegments]> {
  let summary = "Integer matrix product with int32 result";
  let arguments = (ins Qcc_Tensor:$a, Qcc_Tensor:$b, Optional<Qcc_Tensor>:$a_zero_point,
                       Optional<Qcc_Tensor>:$b_zero_point);
  let results = (outs Qcc_Tensor:$result);
}

def Qcc_ConvIntegerOp : Qcc_Op<"conv_integer",
    Onnx<"ConvInteger", ["input", "filter", "x_zero_point", "w_zero_point"]>, Q_Boundary, ["normalize"],
    [AttrSizedOperandSegments]> {
  let summary = "Integer convolution with int32 result";
  let arguments = (ins Qcc_Tensor:$input, Qcc_Tensor:$filter, Optional<Qcc_Tensor>:$x_zero_point,
    Optional<Qcc_Tensor>:$w_zero_point, Qcc_StrDefault<"NOTSET">:$auto_pad,
    OptionalAttr<DenseI64ArrayAttr>:$dilations, Qcc_IntDefault<"1">:$group,
    OptionalAttr<DenseI64ArrayAttr>:$kernel_shape, OptionalAttr<DenseI64ArrayAttr>:$pads,
    OptionalAttr<DenseI64ArrayAttr>:$strides);
  let results = (outs Qcc_Tensor:$result);
}

//===----------------------------------------------------------------------===//
// Pooling (ops/Pool.cpp)
//===----------------------------------------------------------------------===//

def Qcc_MaxPoolOp : Qcc_Op<"max_pool", Onnx<"MaxPool", [], ["storage_order"]>, Q_SameScale,
                           ["normalize", "toChannelsLast"]> {
  let summary = "Maximum over a window (padding never wins)";
  let arguments = (ins Qcc_Tensor:$input, Qcc_StrDefault<"NOTSET">:$auto_pad,
    Qcc_IntDefault<"0">:$ceil_mode, OptionalAttr<DenseI64ArrayAttr>:$dilations,
    DenseI64ArrayAttr:$kernel_shape, OptionalAttr<DenseI64ArrayAttr>:$pads,
    OptionalAttr<DenseI64ArrayAttr>:$strides, Qcc_StrDefault<"nchw">:$layout);
  let results = (outs Qcc_Tensor:$result);
  let decisions = ["layout"];
}

def Qcc_AveragePoolOp : Qcc_Op<"average_pool", Onnx<"AveragePool">, Q_Average,
                               ["normalize", "toChannelsLast"]> {
  let summary = "Mean over a window";
  let description = [{
    The divisor counts the operand's elements, with `count_include_pad` those of
    its pads as well, never what `ceil_mode` reaches beyond. On a quantised
    operand the sum of (x - zx) is exact and the result follows q8.
  }];
  let arguments = (ins Qcc_Tensor:$input, Qcc_StrDefault<"NOTSET">:$auto_pad,
    Qcc_IntDefault<"0">:$ceil_mode, Qcc_IntDefault<"0">:$count_include_pad,
    OptionalAttr<DenseI64ArrayAttr>:$dilations, DenseI64ArrayAttr:$kernel_shape,
    OptionalAttr<DenseI64ArrayAttr>:$pads, OptionalAttr<DenseI64ArrayAttr>:$strides,
    Qcc_StrDefault<"nchw">:$layout);
  let results = (outs Qcc_Tensor:$result);
  let decisions = ["layout"];
}

def Qcc_GlobalAveragePoolOp : Qcc_Op<"global_average_pool", Onnx<"GlobalAveragePool">, Q_Average,
                                     ["toChannelsLast"]> {
  let summary = "Mean over all spatial axes, which stay with size 1";
  let arguments = (ins Qcc_Tensor:$input, Qcc_StrDefault<"nchw">:$layout);
  let results = (outs Qcc_Tensor:$result);
  let decisions = ["layout"];
}

def Qcc_GlobalMaxPoolOp : Qcc_Op<"global_max_pool", Onnx<"GlobalMaxPool">, Q_SameScale,
                                 ["toChannelsLast"]> {
  let summary = "Maximum over all spatial axes, which stay with size 1";
  let arguments = (ins Qcc_Tensor:$input, Qcc_StrDefault<"nchw">:$layout);
  let results = (outs Qcc_Tensor:$result);
  let decisions = ["layout"];
}

//===----------------------------------------------------------------------===//
// Elementwise (ops/Elementwise.cpp)
//===----------------------------------------------------------------------===//

/// A function of the reference's table (reference/Pointwise.cpp) on each element;
/// a new one needs this record and its row there.
class Qcc_Unary<string mnemonic, string onnxName, dag attributes = (ins)>
    : Qcc_Op<mnemonic, Onnx<onnxName>, Q_Pointwise, ["toChannelsLast"]> {
  let arguments = !con((ins Qcc_Tensor:$input), attributes);
  let results = (outs Qcc_Tensor:$result);
  let extraClassDefinition = [{
    ::llvm::LogicalResult $cppClass::inferTypes(::llvm::SmallVectorImpl<::mlir::Type> &results) {
      return ::qcc::ops::inferUnary(*this, results);
    }
    ::llvm::LogicalResult $cppClass::evaluate(::llvm::ArrayRef<const ::qcc::reference::Tensor *> operands,
                                              ::llvm::SmallVectorImpl<::qcc::reference::Tensor> &results) {
      return ::qcc::ops::evaluateUnary(*this, operands, results);
    }
    ::llvm::LogicalResult $cppClass::toChannelsLast() { return ::qcc::ops::elementwiseToChannelsLast(*this); }
  }];
}

def Qcc_ReluOp : Qcc_Unary<"relu", "Relu">;
def Qcc_LeakyReluOp : Qcc_Unary<"leaky_relu", "LeakyRelu", (ins Qcc_FloatDefault<"0.01f">:$alpha)>;
def Qcc_EluOp : Qcc_Unary<"elu", "Elu", (ins Qcc_FloatDefault<"1.0f">:$alpha)>;
def Qcc_SeluOp : Qcc_Unary<"selu", "Selu",
    (ins Qcc_FloatDefault<"1.67326319217681884765625f">:$alpha, Qcc_FloatDefault<"1.05070102214813232421875f">:$gamma)>;
def Qcc_CeluOp : Qcc_Unary<"celu", "Celu", (ins Qcc_FloatDefault<"1.0f">:$alpha)>;
def Qcc_SoftsignOp : Qcc_Unary<"softsign", "Softsign">;
def Qcc_ThresholdedReluOp : Qcc_Unary<"thresholded_relu", "ThresholdedRelu", (ins Qcc_FloatDefault<"1.0f">:$alpha)>;
def Qcc_SigmoidOp : Qcc_Unary<"sigmoid", "Sigmoid">;
def Qcc_HardSigmoidOp : Qcc_Unary<"hard_sigmoid", "HardSigmoid",
    (ins Qcc_FloatDefault<"0.2f">:$alpha, Qcc_FloatDefault<"0.5f">:$beta)>;
def Qcc_HardSwishOp : Qcc_Unary<"hard_swish", "HardSwish">;
def Qcc_SiluOp : Qcc_Unary<"silu", ""> { let summary = "x * sigmoid(x)"; }
def Qcc_TanhOp : Qcc_Unary<"tanh", "Tanh">;
def Qcc_ExpOp : Qcc_Unary<"exp", "Exp">;
def Qcc_LogOp : Qcc_Unary<"log", "Log">;
def Qcc_SqrtOp : Qcc_Unary<"sqrt", "Sqrt">;
def Qcc_ReciprocalOp : Qcc_Unary<"reciprocal", "Reciprocal">;
def Qcc_ErfOp : Qcc_Unary<"erf", "Erf">;
def Qcc_AbsOp : Qcc_Unary<"abs", "Abs">;
def Qcc_NegOp : Qcc_Unary<"neg", "Neg">;
def Qcc_FloorOp : Qcc_Unary<"floor", "Floor">;
def Qcc_CeilOp : Qcc_Unary<"ceil", "Ceil">;
def Qcc_RoundOp : Qcc_Unary<"round", "Round"> { let summary = "To the nearest integer, half to even"; }
def Qcc_SignOp : Qcc_Unary<"sign", "Sign"> { let summary = "-1, 0 or 1"; }
def Qcc_SinOp : Qcc_Unary<"sin", "Sin">;
def Qcc_CosOp : Qcc_Unary<"cos", "Cos">;
def Qcc_TanOp : Qcc_Unary<"tan", "Tan">;
def Qcc_AsinOp : Qcc_Unary<"asin", "Asin">;
def Qcc_AcosOp : Qcc_Unary<"acos", "Acos">;
def Qcc_AtanOp : Qcc_Unary<"atan", "Atan">;
def Qcc_SinhOp : Qcc_Unary<"sinh", "Sinh">;
def Qcc_CoshOp : Qcc_Unary<"cosh", "Cosh">;
def Qcc_AsinhOp : Qcc_Unary<"asinh", "Asinh">;
def Qcc_AcoshOp : Qcc_Unary<"acosh", "Acosh">;
def Qcc_AtanhOp : Qcc_Unary<"atanh", "Atanh">;
def Qcc_SoftplusOp : Qcc_Unary<"softplus", "Softplus">;
// Gelu's attribute `approximate` says which (compiler/import/Special.cpp).
def Qcc_GeluOp : Qcc_Unary<"gelu", ""> { let summary = "x / 2 * (1 + erf(x / sqrt(2)))"; }
def Qcc_GeluTanhOp : Qcc_Unary<"gelu_tanh", ""> {
  let summary = "x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 x^3)))";
}

def Qcc_NotOp : Qcc_Op<"not", Onnx<"Not">, Q_Float, ["toChannelsLast"]> {
  let arguments = (ins Qcc_Tensor:$input);
  let results = (outs Qcc_Tensor:$result);
}

def Qcc_ClipOp : Qcc_Op<"clip", Onnx<"Clip", ["input", "@min", "@max"]>, Q_Pointwise, ["toChannelsLast"]> {
  let summary = "Limits to [min, max]; an absent bound is none";
  let arguments = (ins Qcc_Tensor:$input, OptionalAttr<F64Attr>:$min, OptionalAttr<F64Attr>:$max);
  let results = (outs Qcc_Tensor:$result);
}

/// Two operands under numpy's broadcasting. `add`, `sub` and `mul` take quantised
/// ones, each with its own scale: the result follows q7 and q8, and a chain of
/// Relu and Clip limits it to [Q(lo), Q(hi)].
class Qcc_Binary<string mnemonic, string onnxName, QuantRule q = Q_Float, dag attributes = (ins)>
    : Qcc_Op<mnemonic, Onnx<onnxName>, q, ["toChannelsLast"]> {
  let arguments = !con((ins Qcc_Tensor:$lhs, Qcc_Tensor:$rhs), attributes);
  let results = (outs Qcc_Tensor:$result);
  let extraClassDefinition = [{
    ::llvm::LogicalResult $cppClass::inferTypes(::llvm::SmallVectorImpl<::mlir::Type> &results) {
      return ::qcc::ops::inferBinary(*this, results);
    }
    ::llvm::LogicalResult $cppClass::evaluate(::llvm::ArrayRef<const ::qcc::reference::Tensor *> operands,
                                              ::llvm::SmallVectorImpl<::qcc::reference::Tensor> &results) {
      return ::qcc::ops::evaluateBinary(*this, operands, results);
    }
    ::llvm::LogicalResult $cppClass::toChannelsLast() { return ::qcc::ops::elementwiseToChannelsLast(*this); }
  }];
}

def Qcc_AddOp : Qcc_Binary<"add", "Add", Q_Binary, (ins OptionalAttr<ArrayAttr>:$chain)> { let decisions = ["chain"]; }
def Qcc_SubOp : Qcc_Binary<"sub", "Sub", Q_Binary>;
def Qcc_MulOp : Qcc_Binary<"mul", "Mul", Q_Binary, (ins OptionalAttr<ArrayAttr>:$chain)> { let decisions = ["chain"]; }
def Qcc_DivOp : Qcc_Binary<"div", "Div">;
def Qcc_PowOp : Qcc_Binary<"pow", "Pow">;
def Qcc_ModOp : Qcc_Binary<"mod", "Mod", Q_Float, (ins Qcc_IntDefault<"0">:$fmod)>;
def Qcc_PReluOp : Qcc_Binary<"prelu", "PRelu", Q_Pointwise> {
  let summary = "x < 0 ? slope * x : x; the slope broadcasts to x";
}
def Qcc_EqualOp : Qcc_Binary<"equal", "Equal">;
def Qcc_GreaterOp : Qcc_Binary<"greater", "Greater">;
def Qcc_GreaterOrEqualOp : Qcc_Binary<"greater_or_equal", "GreaterOrEqual">;
def Qcc_LessOp : Qcc_Binary<"less", "Less">;
def Qcc_LessOrEqualOp : Qcc_Binary<"less_or_equal", "LessOrEqual">;
def Qcc_AndOp : Qcc_Binary<"and", "And">;
def Qcc_OrOp : Qcc_Binary<"or", "Or">;
def Qcc_BitwiseAndOp : Qcc_Binary<"bitwise_and", "BitwiseAnd">;
def Qcc_BitwiseOrOp : Qcc_Binary<"bitwise_or", "BitwiseOr">;
def Qcc_BitwiseXorOp : Qcc_Binary<"bitwise_xor", "BitwiseXor">;
def Qcc_BitShiftOp : Qcc_Binary<"bit_shift", "BitShift", Q_Float, (ins Qcc_StrDefault<"LEFT">:$direction)> {
  let summary = "Unsigned integers shifted LEFT or RIGHT; by their width and more: 0";
}

class Qcc_Variadic<string mnemonic, string onnxName>
    : Qcc_Op<mnemonic, Onnx<onnxName>, Q_Float, ["toChannelsLast"]> {
  let arguments = (ins Variadic<Qcc_Tensor>:$inputs);
  let results = (outs Qcc_Tensor:$result);
  let extraClassDefinition = [{
    ::llvm::LogicalResult $cppClass::inferTypes(::llvm::SmallVectorImpl<::mlir::Type> &results) {
      return ::qcc::ops::inferVariadic(*this, results);
    }
    ::llvm::LogicalResult $cppClass::evaluate(::llvm::ArrayRef<const ::qcc::reference::Tensor *> operands,
                                              ::llvm::SmallVectorImpl<::qcc::reference::Tensor> &results) {
      return ::qcc::ops::evaluateVariadic(*this, operands, results);
    }
    ::llvm::LogicalResult $cppClass::toChannelsLast() { return ::qcc::ops::elementwiseToChannelsLast(*this); }
  }];
}
def Qcc_MinOp : Qcc_Variadic<"min", "Min">;
def Qcc_MaxOp : Qcc_Variadic<"max", "Max">;

def Qcc_WhereOp : Qcc_Op<"where", Onnx<"Where">, Q_Float, ["toChannelsLast"]> {
  let summary = "condition ? lhs : rhs, broadcast";
  let arguments = (ins Qcc_Tensor:$condition, Qcc_Tensor:$lhs, Qcc_Tensor:$rhs);
  let results = (outs Qcc_Tensor:$result);
}

def Qcc_LookupOp : Qcc_Op<"lookup", NotOnnx, Q_Boundary, ["toChannelsLast"]> {
  let summary = "A one-input operator on 8-bit values as a table of 256 entries (q8)";
  let description = [{ `table[byte]`; a negative i8 counts as its two's complement, 128 to 255. }];
  let arguments = (ins Qcc_Tensor:$input, Qcc_Tensor:$table);
  let results = (outs Qcc_Tensor:$result);
}

//===----------------------------------------------------------------------===//
// Normalisation and reductions (ops/Normalize.cpp)
//===----------------------------------------------------------------------===//

def Qcc_BatchNormalizationOp : Qcc_Op<"batch_normalization",
    Onnx<"BatchNormalization", [], ["momentum", "spatial"]>, Q_Float, ["toChannelsLast"]> {
  let summary = "(x - mean) / sqrt(var + epsilon) * scale + bias, per channel, with given statistics";
  let arguments = (ins Qcc_Tensor:$input, Qcc_Tensor:$scale, Qcc_Tensor:$bias, Qcc_Tensor:$mean,
                       Qcc_Tensor:$var, Qcc_FloatDefault<"1e-5f">:$epsilon, Qcc_IntDefault<"0">:$training_mode,
                       Qcc_StrDefault<"nchw">:$layout);
  let results = (outs Qcc_Tensor:$result);
  let decisions = ["layout"];
}

def Qcc_LayerNormalizationOp : Qcc_Op<"layer_normalization",
    Onnx<"LayerNormalization", [], ["stash_type"]>, Q_Float, ["normalize"]> {
  let summary = "(x - mean) / sqrt(var + epsilon) * scale + bias over the axes from `axis` on";
  let description = [{
    `scale` and `bias` have the shape of those axes, or broadcast to it. Nodes that use ONNX's further results (mean
    and deviation) are imported by the body that ONNX defines.
  }];
  let arguments = (ins Qcc_Tensor:$input, Qcc_Tensor:$scale, Optional<Qcc_Tensor>:$bias,
                       Qcc_IntDefault<"-1">:$axis, Qcc_FloatDefault<"1e-5f">:$epsilon);
  let results = (outs Qcc_Tensor:$result);
}

def Qcc_SoftmaxOp : Qcc_Op<"softmax", Onnx<"Softmax">, Q_Float, ["normalize", "toChannelsLast"]> {
  let summary = "exp(x - max) / sum along one axis";
  let arguments = (ins Qcc_Tensor:$input, Qcc_IntDefault<"-1">:$axis);
  let results = (outs Qcc_Tensor:$result);
}

class Qcc_Reduce<string mnemonic, string onnxName, QuantRule q>
    : Qcc_Op<mnemonic, Onnx<onnxName, ["input", "@axes"]>, q, ["normalize", "toChannelsLast"]> {
  let arguments = (ins Qcc_Tensor:$input, OptionalAttr<DenseI64ArrayAttr>:$axes,
                       Qcc_IntDefault<"1">:$keepdims, Qcc_IntDefault<"0">:$noop_with_empty_axes);
  let results = (outs Qcc_Tensor:$result);
  let extraClassDefinition = [{
    ::llvm::LogicalResult $cppClass::inferTypes(::llvm::SmallVectorImpl<::mlir::Type> &results) {
      return ::qcc::ops::inferReduce(*this, results);
    }
    ::llvm::LogicalResult $cppClass::evaluate(::llvm::ArrayRef<const ::qcc::reference::Tensor *> operands,
                                              ::llvm::SmallVectorImpl<::qcc::reference::Tensor> &results) {
      return ::qcc::ops::evaluateReduce(*this, operands, results);
    }
    ::llvm::LogicalResult $cppClass::toChannelsLast() { return ::qcc::ops::reduceToChannelsLast(*this); }
    ::llvm::LogicalResult $cppClass::normalize() { return ::qcc::ops::normalizeReduce(*this); }
  }];
}
def Qcc_ReduceMeanOp : Qcc_Reduce<"reduce_mean", "ReduceMean", Q_Average>;
def Qcc_ReduceMaxOp : Qcc_Reduce<"reduce_max", "ReduceMax", Q_SameScale>;
def Qcc_ReduceMinOp : Qcc_Reduce<"reduce_min", "ReduceMin", Q_SameScale>;
def Qcc_ReduceSumOp : Qcc_Reduce<"reduce_sum", "ReduceSum", Q_Float>;
def Qcc_ReduceL2Op : Qcc_Reduce<"reduce_l2", "ReduceL2", Q_Float>;
def Qcc_ReduceProdOp : Qcc_Reduce<"reduce_prod", "ReduceProd", Q_Float>;

class Qcc_ArgReduce<string mnemonic, string onnxName>
    : Qcc_Op<mnemonic, Onnx<onnxName>, Q_Float, ["normalize", "toChannelsLast"]> {
  let arguments = (ins Qcc_Tensor:$input, Qcc_IntDefault<"0">:$axis, Qcc_IntDefault<"1">:$keepdims,
                       Qcc_IntDefault<"0">:$select_last_index);
  let results = (outs Qcc_Tensor:$result);
  let extraClassDefinition = [{
    ::llvm::LogicalResult $cppClass::inferTypes(::llvm::SmallVectorImpl<::mlir::Type> &results) {
      return ::qcc::ops::inferArgReduce(*this, results);
    }
    ::llvm::LogicalResult $cppClass::evaluate(::llvm::ArrayRef<const ::qcc::reference::Tensor *> operands,
                                              ::llvm::SmallVectorImpl<::qcc::reference::Tensor> &results) {
      return ::qcc::ops::evaluateArgReduce(*this, operands, results);
    }
    ::llvm::LogicalResult $cppClass::toChannelsLast() { return ::qcc::ops::argReduceToChannelsLast(*this); }
    ::llvm::LogicalResult $cppClass::normalize() { return ::qcc::ops::normalizeArgReduce(*this); }
  }];
}
def Qcc_ArgMaxOp : Qcc_ArgReduce<"arg_max", "ArgMax"> {
  let summary = "Where the largest element along an axis is; a NaN counts as larger than every number";
}
def Qcc_ArgMinOp : Qcc_ArgReduce<"arg_min", "ArgMin"> {
  let summary = "Where the smallest element along an axis is; a NaN counts as smaller than every number";
}

def Qcc_CumSumOp : Qcc_Op<"cum_sum", Onnx<"CumSum", ["input", "@axis"]>, Q_Float, ["normalize", "toChannelsLast"]> {
  let summary = "Sums of the elements up to each one along an axis";
  let arguments = (ins Qcc_Tensor:$input, I64Attr:$axis, Qcc_IntDefault<"0">:$exclusive,
                       Qcc_IntDefault<"0">:$reverse);
  let results = (outs Qcc_Tensor:$result);
}

def Qcc_TopKOp : Qcc_Op<"top_k", Onnx<"TopK", ["input", "@k"]>, Q_Float, ["normalize"]> {
  let summary = "The k largest (or smallest) elements along an axis and where they are, in order";
  let description = [{
    Of equal elements the first comes first. A NaN counts as larger than every number. The results are in
    order whatever `sorted` says.
  }];
  let arguments = (ins Qcc_Tensor:$input, I64Attr:$k, Qcc_IntDefault<"-1">:$axis,
                       Qcc_IntDefault<"1">:$largest, Qcc_IntDefault<"1">:$sorted);
  let results = (outs Qcc_Tensor:$values, Qcc_Tensor:$indices);
}

//===----------------------------------------------------------------------===//
// Moving values about (ops/Shape.cpp)
//===----------------------------------------------------------------------===//

def Qcc_IdentityOp : Qcc_Op<"identity", Onnx<"Identity">, Q_SameScale, ["toChannelsLast"]> {
  let arguments = (ins Qcc_Tensor:$input);
  let results = (outs Qcc_Tensor:$result);
}

def Qcc_ConcatOp : Qcc_Op<"concat", Onnx<"Concat">, Q_Concat, ["normalize", "toChannelsLast"]> {
  let arguments = (ins Variadic<Qcc_Tensor>:$inputs, I64Attr:$axis);
  let results = (outs Qcc_Tensor:$result);
}

def Qcc_SplitOp : Qcc_Op<"split", Onnx<"Split", ["input", "@split"]>, Q_SameScale,
                         ["normalize", "toChannelsLast"]> {
  let summary = "Equal or given parts along an axis";
  let arguments = (ins Qcc_Tensor:$input, OptionalAttr<DenseI64ArrayAttr>:$split,
                       Qcc_IntDefault<"0">:$axis, Qcc_IntDefault<"0">:$num_outputs);
  let results = (outs Variadic<Qcc_Tensor>:$results);
}

def Qcc_SliceOp : Qcc_Op<"slice", Onnx<"Slice", ["input", "@starts", "@ends", "@axes", "@steps"]>,
                         Q_SameScale, ["normalize", "toChannelsLast"]> {
  let arguments = (ins Qcc_Tensor:$input, DenseI64ArrayAttr:$starts, DenseI64ArrayAttr:$ends,
                       OptionalAttr<DenseI64ArrayAttr>:$axes, OptionalAttr<DenseI64ArrayAttr>:$steps);
  let results = (outs Qcc_Tensor:$result);
}

def Qcc_PadOp : Qcc_Op<"pad", Onnx<"Pad", ["input", "@pads", "@value", "@axes"]>, Q_SameScale,
                       ["normalize", "toChannelsLast"]> {
  let summary = "mode: constant, reflect, edge or wrap; negative pads crop";
  let arguments = (ins Qcc_Tensor:$input, DenseI64ArrayAttr:$pads, OptionalAttr<F64Attr>:$value,
                       OptionalAttr<DenseI64ArrayAttr>:$axes, Qcc_StrDefault<"constant">:$mode);
  let results = (outs Qcc_Tensor:$result);
}

def Qcc_ResizeOp : Qcc_Op<"resize", Onnx<"Resize", ["input", "@roi", "@scales", "@sizes"]>, Q_SameScale,
                          ["normalize", "toChannelsLast"]> {
  let summary = "Interpolation to a new size";
  let arguments = (ins Qcc_Tensor:$input, OptionalAttr<DenseF32ArrayAttr>:$roi,
    OptionalAttr<DenseF32ArrayAttr>:$scales, OptionalAttr<DenseI64ArrayAttr>:$sizes,
    Qcc_IntDefault<"0">:$antialias, OptionalAttr<DenseI64ArrayAttr>:$axes,
    Qcc_StrDefault<"half_pixel">:$coordinate_transformation_mode,
    Qcc_FloatDefault<"-0.75f">:$cubic_coeff_a, Qcc_IntDefault<"0">:$exclude_outside,
    Qcc_FloatDefault<"0.0f">:$extrapolation_value,
    Qcc_StrDefault<"stretch">:$keep_aspect_ratio_policy, Qcc_StrDefault<"nearest">:$mode,
    Qcc_StrDefault<"round_prefer_floor">:$nearest_mode);
  let results = (outs Qcc_Tensor:$result);
}

def Qcc_ReshapeOp : Qcc_Op<"reshape", Onnx<"Reshape", ["input", "@shape"]>, Q_SameScale, ["normalize"]> {
  let summary = "The same values in row-major order under another shape";
  let arguments = (ins Qcc_Tensor:$input, DenseI64ArrayAttr:$shape, Qcc_IntDefault<"0">:$allowzero);
  let results = (outs Qcc_Tensor:$result);
}

def Qcc_FlattenOp : Qcc_Op<"flatten", Onnx<"Flatten">, Q_SameScale, ["normalize"]> {
  let arguments = (ins Qcc_Tensor:$input, Qcc_IntDefault<"1">:$axis);
  let results = (outs Qcc_Tensor:$result);
}

def Qcc_SqueezeOp : Qcc_Op<"squeeze", Onnx<"Squeeze", ["input", "@axes"]>, Q_SameScale, ["normalize"]> {
  let arguments = (ins Qcc_Tensor:$input, OptionalAttr<DenseI64ArrayAttr>:$axes);
  let results = (outs Qcc_Tensor:$result);
}

def Qcc_UnsqueezeOp : Qcc_Op<"unsqueeze", Onnx<"Unsqueeze", ["input", "@axes"]>, Q_SameScale, ["normalize"]> {
  let arguments = (ins Qcc_Tensor:$input, DenseI64ArrayAttr:$axes);
  let results = (outs Qcc_Tensor:$result);
}

def Qcc_TransposeOp : Qcc_Op<"transpose", Onnx<"Transpose">, Q_SameScale, ["normalize"]> {
  let arguments = (ins Qcc_Tensor:$input, OptionalAttr<DenseI64ArrayAttr>:$perm);
  let results = (outs Qcc_Tensor:$result);
}

def Qcc_ExpandOp : Qcc_Op<"expand", Onnx<"Expand", ["input", "@shape"]>, Q_SameScale, ["normalize", "toChannelsLast"]> {
  let arguments = (ins Qcc_Tensor:$input, DenseI64ArrayAttr:$shape);
  let results = (outs Qcc_Tensor:$result);
}

def Qcc_TileOp : Qcc_Op<"tile", Onnx<"Tile", ["input", "@repeats"]>, Q_SameScale, ["toChannelsLast"]> {
  let arguments = (ins Qcc_Tensor:$input, DenseI64ArrayAttr:$repeats);
  let results = (outs Qcc_Tensor:$result);
}

def Qcc_GatherOp : Qcc_Op<"gather", Onnx<"Gather">, Q_SameScale, ["normalize"]> {
  let summary = "Slices picked by index along one axis; negative indices count from the end";
  let arguments = (ins Qcc_Tensor:$input, Qcc_Tensor:$indices, Qcc_IntDefault<"0">:$axis);
  let results = (outs Qcc_Tensor:$result);
}

def Qcc_GatherNDOp : Qcc_Op<"gather_nd", Onnx<"GatherND">, Q_SameScale> {
  let summary = "Slices picked by tuples of indices along the axes behind `batch_dims`; negative ones count from the end";
  let arguments = (ins Qcc_Tensor:$input, Qcc_Tensor:$indices, Qcc_IntDefault<"0">:$batch_dims);
  let results = (outs Qcc_Tensor:$result);
}

def Qcc_GatherElementsOp : Qcc_Op<"gather_elements", Onnx<"GatherElements">, Q_SameScale, ["normalize"]> {
  let summary = "Elements picked by their index along one axis; negative indices count from the end";
  let arguments = (ins Qcc_Tensor:$input, Qcc_Tensor:$indices, Qcc_IntDefault<"0">:$axis);
  let results = (outs Qcc_Tensor:$result);
}

def Qcc_ScatterElementsOp : Qcc_Op<"scatter_elements", Onnx<"ScatterElements">, Q_Float, ["normalize"]> {
  let summary = "The input with single elements replaced, in order of the updates";
  let description = [{
    `reduction` (none, add, mul, max, min) says how an update meets what is there. Negative indices count
    from the end.
  }];
  let arguments = (ins Qcc_Tensor:$input, Qcc_Tensor:$indices, Qcc_Tensor:$updates, Qcc_IntDefault<"0">:$axis,
                       Qcc_StrDefault<"none">:$reduction);
  let results = (outs Qcc_Tensor:$result);
}

def Qcc_ScatterNDOp : Qcc_Op<"scatter_nd", Onnx<"ScatterND">, Q_Float> {
  let summary = "The input with slices replaced that tuples of indices name, in order of the updates";
  let arguments = (ins Qcc_Tensor:$input, Qcc_Tensor:$indices, Qcc_Tensor:$updates,
                       Qcc_StrDefault<"none">:$reduction);
  let results = (outs Qcc_Tensor:$result);
}

def Qcc_TensorScatterOp : Qcc_Op<"tensor_scatter", Onnx<"TensorScatter">, Q_Float, ["normalize"]> {
  let summary = "Rows of a cache replaced from one position on, which each sample has its own of";
  let description = [{
    `result[b, ..., write_indices[b] + i, ...] = updates[b, ..., i, ...]` along `axis`, which is not the first; without
    indices from 0 on. `mode` is linear or circular: then the rows behind the last one are the first ones again.
  }];
  let arguments = (ins Qcc_Tensor:$input, Qcc_Tensor:$updates, Optional<Qcc_Tensor>:$write_indices,
                       Qcc_IntDefault<"-2">:$axis, Qcc_StrDefault<"linear">:$mode);
  let results = (outs Qcc_Tensor:$result);
}

def Qcc_GridSampleOp : Qcc_Op<"grid_sample", Onnx<"GridSample">, Q_Float, ["toChannelsLast"]> {
  let summary = "Interpolation at given places: grid (N, H, W, 2) holds x and y from -1 to 1";
  let description = [{
    Images only. `mode` is linear, nearest or cubic; `padding_mode` (zeros, border, reflection) says what is
    outside. The grid keeps its layout in every `layout`.
  }];
  let arguments = (ins Qcc_Tensor:$input, Qcc_Tensor:$grid, Qcc_IntDefault<"0">:$align_corners,
                       Qcc_StrDefault<"linear">:$mode, Qcc_StrDefault<"zeros">:$padding_mode,
                       Qcc_StrDefault<"nchw">:$layout);
  let results = (outs Qcc_Tensor:$result);
  let decisions = ["layout"];
}

def Qcc_DepthToSpaceOp : Qcc_Op<"depth_to_space", Onnx<"DepthToSpace">, Q_SameScale, ["toChannelsLast"]> {
  let arguments = (ins Qcc_Tensor:$input, I64Attr:$blocksize, Qcc_StrDefault<"DCR">:$mode,
                       Qcc_StrDefault<"nchw">:$layout);
  let results = (outs Qcc_Tensor:$result);
  let decisions = ["layout"];
}

def Qcc_ShapeOp : Qcc_Op<"shape", Onnx<"Shape">, Q_Float> {
  let summary = "The operand's shape as int64; always folds";
  let arguments = (ins Qcc_Tensor:$input, Qcc_IntDefault<"0">:$start, OptionalAttr<I64Attr>:$end);
  let results = (outs Qcc_Tensor:$result);
}

def Qcc_SizeOp : Qcc_Op<"size", Onnx<"Size">, Q_Float> {
  let summary = "The operand's number of elements as int64; always folds";
  let arguments = (ins Qcc_Tensor:$input);
  let results = (outs Qcc_Tensor:$result);
}

def Qcc_RangeOp : Qcc_Op<"range", Onnx<"Range", ["@start", "@limit", "@delta"]>, Q_Float> {
  let summary = "start, start + delta, ... below limit; always folds";
  let arguments = (ins ElementsAttr:$start, ElementsAttr:$limit, ElementsAttr:$delta);
  let results = (outs Qcc_Tensor:$result);
}

def Qcc_ConstantOfShapeOp : Qcc_Op<"constant_of_shape", Onnx<"ConstantOfShape", ["@shape"]>, Q_Float> {
  let summary = "One value (float 0 if absent) in a given shape; always folds";
  let arguments = (ins DenseI64ArrayAttr:$shape, OptionalAttr<ElementsAttr>:$value);
  let results = (outs Qcc_Tensor:$result);
}

//===----------------------------------------------------------------------===//
// Attention (ops/Attention.cpp)
//===----------------------------------------------------------------------===//

def Qcc_AttentionOp : Qcc_Op<"attention", NotOnnx, Q_Float, [], [AttrSizedOperandSegments]> {
  let summary = "softmax(query * key^T * scale + mask) * value for each head";
  let description = [{
    `query` (batch, queries, heads, depth), `key` (batch, keys, heads, depth) and `value` (batch, keys,
    heads, width) give (batch, queries, heads, width). With a `softcap` c other than 0 the scaled scores become
    `c * tanh(score / c)`. `mask` broadcasts to (batch, heads, queries, keys) and is added to the scores. With `count`, one i64, only the first so many keys are there: what lies
    behind them is not read.
  }];
  let arguments = (ins Qcc_Tensor:$query, Qcc_Tensor:$key, Qcc_Tensor:$value, Optional<Qcc_Tensor>:$mask,
                       Optional<Qcc_Tensor>:$count, F32Attr:$scale, Qcc_FloatDefault<"0.0f">:$softcap);
  let results = (outs Qcc_Tensor:$result);
}

//===----------------------------------------------------------------------===//
// Recurrent networks (ops/Recurrent.cpp)
//===----------------------------------------------------------------------===//

/// Operands and attributes have ONNX's meaning and layout. `normalize` resolves
/// `activations` with its lists of parameters into `functions`: for each direction
/// the steps f, g and h (as many as the cell has), as in a chain.
///
/// With quantised `weights` and `recurrence` (along axis 1, zero points 0) each row of
/// the input and of the state is measured before it is multiplied, as
/// dynamic_quantize and dynamic_matmul do (q11).
class Qcc_Recurrent<string mnemonic, string onnxName, dag operands, dag attributes, dag outputs>
    : Qcc_Op<mnemonic, Onnx<onnxName>, Q_Float, ["normalize"], [AttrSizedOperandSegments]> {
  let arguments = !con(operands, attributes,
    (ins OptionalAttr<DenseF32ArrayAttr>:$activation_alpha, OptionalAttr<DenseF32ArrayAttr>:$activation_beta,
         OptionalAttr<StrArrayAttr>:$activations, OptionalAttr<F32Attr>:$clip,
         Qcc_StrDefault<"forward">:$direction, OptionalAttr<I64Attr>:$hidden_size,
         Qcc_IntDefault<"0">:$layout, OptionalAttr<ArrayAttr>:$functions));
  let results = outputs;
  let decisions = ["functions"];
  let extraClassDefinition = [{
    ::llvm::LogicalResult $cppClass::normalize() { return ::qcc::ops::normalizeRecurrent(*this); }
    ::llvm::LogicalResult $cppClass::inferTypes(::llvm::SmallVectorImpl<::mlir::Type> &results) {
      return ::qcc::ops::inferRecurrent(*this, results);
    }
    ::llvm::LogicalResult $cppClass::evaluate(::llvm::ArrayRef<const ::qcc::reference::Tensor *> operands,
                                              ::llvm::SmallVectorImpl<::qcc::reference::Tensor> &results) {
      return ::qcc::ops::evaluateRecurrent(*this, operands, results);
    }
  }];
}

defvar recurrentOperands = (ins Qcc_Tensor:$input, Qcc_Tensor:$weights, Qcc_Tensor:$recurrence,
    Optional<Qcc_Tensor>:$bias, Optional<Qcc_Tensor>:$sequence_lens, Optional<Qcc_Tensor>:$initial_h);

def Qcc_RnnOp : Qcc_Recurrent<"rnn", "RNN", recurrentOperands, (ins),
                              (outs Qcc_Tensor:$all, Qcc_Tensor:$last_h)>;
def Qcc_GruOp : Qcc_Recurrent<"gru", "GRU", recurrentOperands,
                              (ins Qcc_IntDefault<"0">:$linear_before_reset),
                              (outs Qcc_Tensor:$all, Qcc_Tensor:$last_h)>;
def Qcc_LstmOp : Qcc_Recurrent<"lstm", "LSTM",
    !con(recurrentOperands, (ins Optional<Qcc_Tensor>:$initial_c, Optional<Qcc_Tensor>:$peepholes)),
    (ins Qcc_IntDefault<"0">:$input_forget),
    (outs Qcc_Tensor:$all, Qcc_Tensor:$last_h, Qcc_Tensor:$last_c)>;

include "dialects/QccProgram.td"

#endif // QCC_OPS_TD
