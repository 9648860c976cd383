//===- Passes.td - Passes of stage quantize ---------------------*- tablegen -*-===//
#ifndef QCC_COMPILER_QUANTIZE_PASSES_TD
#define QCC_COMPILER_QUANTIZE_PASSES_TD

include "mlir/Pass/PassBase.td"

def PlanQuantization : Pass<"qcc-plan-quantization", "mlir::func::FuncOp"> {
  let summary = "Decide which tensors become 8-bit integers, and mark them";
  let description = [{
    A tensor is quantised if a convolution or matrix product with an integer form
    reads it, directly or through operations that can compute on integers. What
    only leads to the results stays in float.

    Of a chain of pointwise operations only the end is quantised: what an
    accumulator, a float operation or a table hands on to the next step of its
    chain is not. So is a sum that one residual addition takes in.

    ```mlir
    %1 = qcc.conv %x, %w          ==>  %0 = qcc.observe %x {id = 0}
    %2 = qcc.relu %1                   %1 = qcc.conv %0, %w
    %3 = qcc.conv %2, %v               %m = qcc.observe %1 {id = 1, axis = 1}
    return %3                          %2 = qcc.relu %m
                                       %q = qcc.observe %2 {id = 2}
                                       %3 = qcc.conv %q, %v
                                       %n = qcc.observe %3 {id = 3, axis = 1}
                                       return %n
    ```
  }];
  let options = [ListOption<"keepFloat", "keep-float", "std::string",
                            "names or globs of nodes that are not quantised">,
                 ListOption<"precise", "precise", "std::string",
                            "names of nodes that are not quantised for the sake of accuracy">,
                 ListOption<"outer", "outer", "std::string",
                            "names of inputs and outputs that are quantised whoever reads them">,
                 Option<"outputsOnly", "outputs-only", "bool", "false", "of `outer` only the outputs">,
                 Option<"rows", "rows", "bool", "true",
                        "recurrent layers and large tables are measured, or stored, by row (q11)">,
                 ListOption<"byRow", "by-row", "std::string",
                            "names of products whose input is measured by row, too">,
                 Option<"int4", "int4", "bool", "false",
                        "weights of 4 bits for what is measured by row, and so are all matrices that are worth it">,
                 Option<"leastGrouped", "int4-from", "int64_t", "262144",
                        "smaller matrices stay int8">];
}

def ShareScales : Pass<"qcc-share-scales", "mlir::func::FuncOp"> {
  let summary = "Give the inputs of a concat its scale";
  let description = [{
    Its result has one scale, so what goes there alone loses nothing by having
    that scale right away. What others read too keeps its own scale if the common
    one were more than twice as coarse.

    ```mlir
    observe %a {range = [0, 1]}, observe %b {range = [0, 1.5]}
      into a concat observed with {range = [0, 1.5]}
      ==>  observe %a {range = [0, 1.5]}, ...
    ```

    Where products alone read the concat, and have much larger weights for an input of
    much smaller numbers, that input would lose most of its bits. It is multiplied by a
    power of two, and its weights are divided by it (Balance.cpp).

    ```mlir
    observe %a {range = [0, 1]}, observe %b {range = [0, 64]}; conv(concat, [10, 1])
      ==>  observe (%a * 8) {range = [0, 64]}, observe %b; conv(concat, [1.25, 1])
    ```
  }];
}

def ApplyQuantization : Pass<"qcc-apply-quantization", "mlir::func::FuncOp"> {
  let summary = "Replace the marks by quantize and dequantize, weights by 8-bit constants";
  let description = [{
    ```mlir
    observe %x {range = [-1, 1]}            ==>  dequantize(quantize %x : u8, 0.00784:128)
    observe conv(%x, %w, %b) {axis = 1,     ==>  conv(%x, dequantize(i8 constant), %b + c)
                              correction = c}
    ```
  }];
  let options = [Option<"keepMarks", "keep-marks", "bool", "false",
                        "leave the marks, where calibration rounds and measures; weights become the numbers "
                        "that their integers stand for">];
}

def QuantizeDynamic : Pass<"qcc-quantize-dynamic", "mlir::func::FuncOp"> {
  let summary = "Products and recurrent layers on activations that are measured at run time (q11)";
  let description = [{
    ```mlir
    matmul(%x, %w)       ==>  %q, %s, %z = dynamic_quantize %x
                              dynamic_matmul(%q, %s, %z, i8 constant)
    lstm(%x, %w, %r)     ==>  lstm(%x, i8 constant, i8 constant)
    ```
    With `int4` the constants are i4 in groups of 32 along the depth (q13).
  }];
  let options = [ListOption<"keepFloat", "keep-float", "std::string",
                            "names or globs of nodes that are not quantised">,
                 Option<"planned", "planned", "bool", "false",
                        "only what qcc-plan-quantization has given to rows (qcc.by_row)">,
                 Option<"int4", "int4", "bool", "false", "weights of 4 bits">,
                 Option<"leastGrouped", "int4-from", "int64_t", "262144",
                        "smaller matrices stay int8">];
}

def QuantizeWeights : Pass<"qcc-quantize-weights", "mlir::func::FuncOp"> {
  let summary = "Store constant weights as 8-bit integers; everything computes in float";
  let description = [{
    ```mlir
    conv(%x, %w)  ==>  conv(%x, dequantize(i8 constant))
    ```
    With `int4` those of matrix products are i4 in groups of 32 along the depth (q13).
  }];
  let options = [ListOption<"keepFloat", "keep-float", "std::string",
                            "names or globs of nodes whose weights stay as they are">,
                 Option<"int4", "int4", "bool", "false", "weights of 4 bits">,
                 Option<"leastGrouped", "int4-from", "int64_t", "262144",
                        "smaller matrices stay int8">];
}

def SetOuterTypes : Pass<"qcc-set-outer-types", "mlir::func::FuncOp"> {
  let summary = "Inputs and outputs become 8-bit integers, and channels last, as --io asks";
  let description = [{
    With `mean` or `std` an input is an image's pixels, which are normalised (q12).

    ```mlir
    main(%x: f32), quantize %x -> !q      ==>  main(%x: !q), dequantize %x
    return dequantize %y : !q             ==>  return quantize(dequantize %y : !q)
    main(%x: f32), mean and std           ==>  main(%x: ui8), (cast %x - mean) / std
    nhwc                                  ==>  main(%x: NHWC), transpose %x
    ```
  }];
  let options = [Option<"tensors", "tensors", "std::string", "\"\"", "NAME:u8[,nhwc], by ';'">,
                 ListOption<"mean", "mean", "float", "of the channels">,
                 ListOption<"std", "std", "float", "of the channels">];
}

def VerifyQuantized : Pass<"qcc-verify-quantized", "mlir::func::FuncOp"> {
  let summary = "Gate: no marks are left, and no notes of how much of a tensor counts";
}

#endif // QCC_COMPILER_QUANTIZE_PASSES_TD
