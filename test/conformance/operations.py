#!/usr/bin/env python3
"""usage: operations.py [--build=DIR]

Operations written as MLIR text, run by qcc-eval and compared with NumPy: the
quantised forms byte for byte, and every operation that has a layout in both."""

import argparse
import math
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import features

f32 = np.float32
MLIR_TYPES = {"float32": "f32", "uint8": "ui8", "int8": "i8", "int32": "i32", "int64": "i64", "bool": "i1"}


def tensor_type(shape, element):
    return "tensor<" + "x".join([*map(str, shape), element]) + ">"


class Runner:
    def __init__(self, build):
        self.tool = build / "test/bin/qcc-eval"
        self.scratch = tempfile.TemporaryDirectory()
        self.folder = Path(self.scratch.name)

    def run(self, op, operands, result, attributes="", segments=None):
        """`operands` are (array, quantised element type or None), `result` (shape, element type)."""
        if segments:
            attributes += (", " if attributes else "") + f"operandSegmentSizes = array<i32: {segments}>"
        raw = [tensor_type(a.shape, MLIR_TYPES[a.dtype.name]) for a, _ in operands]
        types = [tensor_type(a.shape, q) if q else t for (a, q), t in zip(operands, raw)]
        body, names = [], []
        for i, (t, r) in enumerate(zip(types, raw)):
            names.append(f"%a{i}" if t == r else f"%q{i}")
            if t != r:
                body.append(f'  %q{i} = "qcc.scast"(%a{i}) : ({r}) -> {t}')
        several = isinstance(result, list)
        to = "(" + ", ".join(tensor_type(*r) for r in result) + ")" if several else tensor_type(*result)
        if several:
            return self.run_several(op, attributes, names, types, raw, body, result, to, operands)
        body.append(f'  %y = "{op}"({", ".join(names)}) {{{attributes}}} : ({", ".join(types)}) -> {to}')
        out = to
        if "quant" in to:
            out = tensor_type(result[0], "ui8" if "<u8" in to else "i8")
            body.append(f'  %z = "qcc.scast"(%y) : ({to}) -> {out}')
        arguments = ", ".join(f"%a{i}: {t}" for i, t in enumerate(raw))
        last = "%z" if out != to else "%y"
        text = f"func.func @main({arguments}) -> {out} {{\n" + "\n".join(body) + f"\n  return {last} : {out}\n}}\n"
        self.evaluate(text, operands)
        return np.load(self.folder / "out0.npy")

    def evaluate(self, text, operands):
        (self.folder / "m.mlir").write_text(text)
        files = []
        for i, (array, _) in enumerate(operands):
            files.append(self.folder / f"in{i}.npy")
            np.save(files[-1], array)
        command = [self.tool, self.folder / "m.mlir", self.folder / "out", *files]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr + text

    def run_several(self, op, attributes, names, types, raw, body, results, to, operands):
        arguments = ", ".join(f"%a{i}: {t}" for i, t in enumerate(raw))
        values = ", ".join(f"%y#{i}" for i in range(len(results)))
        body.append(f'  %y:{len(results)} = "{op}"({", ".join(names)}) {{{attributes}}} : ({", ".join(types)}) -> {to}')
        text = f"func.func @main({arguments}) -> {to} {{\n" + "\n".join(body) + f"\n  return {values} : {to[1:-1]}\n}}\n"
        self.evaluate(text, operands)
        return [np.load(self.folder / f"out{i}.npy") for i in range(len(results))]


def quant(storage, scale, zero):
    return f"!quant.uniform<{storage}:f32, {float(f32(scale))!r}:{zero}>"


def per_axis(axis, scales):
    return f"!quant.uniform<i8:f32:{axis}, {{{', '.join(repr(float(f32(s))) for s in scales)}}}>"


def saturate(values, zero, low=0, high=255):
    return np.clip(np.rint(values) + zero, low, high).astype(np.uint8)


def random(shape, dtype, seed):
    generator = np.random.default_rng(seed)
    if dtype == "float32":
        return generator.standard_normal(shape).astype(f32)
    return generator.integers(np.iinfo(dtype).min, np.iinfo(dtype).max, shape, dtype, endpoint=True)


X, SX, ZX = random((5, 32), "uint8", 1), f32(0.021), 117
W, SW = random((32, 6), "int8", 2), (np.arange(6, dtype=f32) + 1) * f32(0.003)
B = random((6,), "int32", 3) >> 20
R, SR, ZR = random((5, 6), "uint8", 4), f32(0.5), 9
SY, ZY = f32(0.37), 31
ACC = (X.astype(np.int64) - ZX) @ W.astype(np.int64) + B
OPERANDS = [(X, quant("u8", SX, ZX)), (W, per_axis(1, SW)), (B, None)]
RESULT = ((5, 6), quant("u8", SY, ZY))


def check_q2_gemm(run):
    want = saturate(ACC.astype(f32) * ((SX * SW) / SY), ZY)
    np.testing.assert_array_equal(run("qcc.gemm", OPERANDS, RESULT, segments="1, 1, 1, 0, 0"), want)
    np.testing.assert_array_equal(run("qcc.matmul", OPERANDS, RESULT, segments="1, 1, 1, 0, 0"), want)


def check_q7_residual(run):
    chain = 'chain = [{op = "residual"}, {op = "relu"}]'
    t = ACC.astype(f32) * ((SX * SW) / SY) + (R.astype(f32) - f32(ZR)) * (SR / SY)
    got = run("qcc.gemm", [*OPERANDS, (R, quant("u8", SR, ZR))], RESULT, chain, "1, 1, 1, 1, 0")
    np.testing.assert_array_equal(got, saturate(t, ZY, ZY))


def check_q7_rounds_to_its_own_type_first(run):
    chain = 'chain = [{op = "requantize", scale = 0.25 : f32, zero_point = 128 : i64}]'
    own = saturate(ACC.astype(f32) * ((SX * SW) / f32(0.25)), 128)
    t = (own.astype(f32) - f32(128)) * (f32(0.25) / SY) + (R.astype(f32) - f32(ZR)) * (SR / SY)
    got = run("qcc.gemm", [*OPERANDS, (R, quant("u8", SR, ZR))], RESULT, chain, "1, 1, 1, 1, 0")
    np.testing.assert_array_equal(got, saturate(t, ZY))


def check_q8_table(run):
    table = random((256,), "uint8", 5)
    chain = 'chain = [{op = "requantize", scale = 0.25 : f32, zero_point = 128 : i64}]'
    own = saturate(ACC.astype(f32) * ((SX * SW) / f32(0.25)), 128)
    got = run("qcc.gemm", [*OPERANDS, (table, None)], RESULT, chain, "1, 1, 1, 0, 1")
    np.testing.assert_array_equal(got, table[own])
    np.testing.assert_array_equal(run("qcc.lookup", [(X, None), (table, None)], (X.shape, "ui8")), table[X])


def check_q8_float_result(run):
    bias = random((6,), "float32", 6)
    want = (ACC - B).astype(f32) * (SX * SW) + bias
    got = run("qcc.matmul", [*OPERANDS[:2], (bias, None)], ((5, 6), "f32"), segments="1, 1, 1, 0, 0")
    np.testing.assert_array_equal(got, want)


def check_q8a_chain(run):
    chain = 'chain = [{op = "hard_swish"}]'
    v = ACC.astype(f32) * (SX * SW)
    gate = np.maximum(np.minimum(v * (f32(1) / f32(6)) + f32(0.5), f32(1)), f32(0))
    want = saturate((v * gate) * (f32(1) / SY), ZY)
    np.testing.assert_array_equal(run("qcc.gemm", OPERANDS, RESULT, chain, "1, 1, 1, 0, 0"), want)


def check_q7_q8_binary(run):
    a, b = random((4, 5), "uint8", 7), random((5,), "uint8", 8)
    types = quant("u8", 0.3, 3), quant("u8", 0.7, 200)
    left, right = a.astype(np.int64) - 3, b.astype(np.int64) - 200
    ra, rb = f32(0.3) / SY, f32(0.7) / SY
    operands, result = [(a, types[0]), (b, types[1])], ((4, 5), quant("u8", SY, ZY))
    added = left.astype(f32) * ra + right.astype(f32) * rb
    np.testing.assert_array_equal(run("qcc.add", operands, result), saturate(added, ZY))
    np.testing.assert_array_equal(run("qcc.add", operands, result, 'chain = [{op = "relu"}]'), saturate(added, ZY, ZY))
    subtracted = left.astype(f32) * ra - right.astype(f32) * rb
    np.testing.assert_array_equal(run("qcc.sub", operands, result), saturate(subtracted, ZY))
    product = (left * right).astype(f32) * ((f32(0.3) * f32(0.7)) / SY)
    np.testing.assert_array_equal(run("qcc.mul", operands, result), saturate(product, ZY))


def check_q8_averages(run):
    x = random((1, 3, 4, 4), "uint8", 9)
    operand = [(x, quant("u8", 0.3, 3))]
    total = (x.astype(np.int64) - 3).sum((2, 3), keepdims=True)
    want = saturate(total.astype(f32) * (f32(0.3) / (SY * f32(16))), ZY)
    result = ((1, 3, 1, 1), quant("u8", SY, ZY))
    np.testing.assert_array_equal(run("qcc.global_average_pool", operand, result), want)
    np.testing.assert_array_equal(run("qcc.average_pool", operand, result, "kernel_shape = array<i64: 4, 4>"), want)
    np.testing.assert_array_equal(run("qcc.reduce_mean", operand, result, "axes = array<i64: 2, 3>"), want)
    real = total.astype(f32) * (f32(0.3) / f32(16))
    np.testing.assert_array_equal(run("qcc.global_average_pool", operand, ((1, 3, 1, 1), "f32")), real)


def check_moves_keep_bytes(run):
    x = random((1, 2, 3, 3), "uint8", 10)
    operand, element = [(x, quant("u8", 0.3, 3))], quant("u8", 0.3, 3)
    got = run("qcc.pad", operand, ((1, 2, 4, 3), element), "pads = array<i64: 0, 0, 0, 0, 0, 0, 1, 0>")
    np.testing.assert_array_equal(got, np.pad(x, ((0, 0), (0, 0), (0, 1), (0, 0)), constant_values=3))
    got = run("qcc.max_pool", operand, ((1, 2, 1, 1), element), "kernel_shape = array<i64: 3, 3>")
    np.testing.assert_array_equal(got, x.max((2, 3), keepdims=True))
    got = run("qcc.transpose", operand, ((1, 3, 3, 2), element), "perm = array<i64: 0, 2, 3, 1>")
    np.testing.assert_array_equal(got, x.transpose(0, 2, 3, 1))


def last(array_or_shape):
    """Channels last, of an array or of a shape."""
    if isinstance(array_or_shape, tuple):
        n, c, *spatial = array_or_shape
        return (n, *spatial, c)
    return np.moveaxis(array_or_shape, 1, -1)


# op, shape of the input, the other operands, shape of the result, attributes, segments
LAYOUTS = [
    ("qcc.conv", (2, 4, 7, 6), [(6, 2, 3, 2), (6,)], (2, 6, 4, 5),
     "group = 2 : i64, strides = array<i64: 2, 1>, pads = array<i64: 1, 0, 1, 0>", "1, 1, 1, 0, 0, 0"),
    ("qcc.conv", (1, 3, 9), [(5, 3, 3)], (1, 5, 5), "dilations = array<i64: 2>", "1, 1, 0, 0, 0, 0"),
    ("qcc.conv_transpose", (1, 4, 3, 3), [(4, 3, 2, 2), (6,)], (1, 6, 6, 6),
     "group = 2 : i64, strides = array<i64: 2, 2>", "1, 1, 1, 0, 0"),
    ("qcc.max_pool", (1, 3, 6, 5), [], (1, 3, 3, 2),
     "kernel_shape = array<i64: 2, 3>, strides = array<i64: 2, 2>", None),
    ("qcc.average_pool", (1, 3, 5, 5), [], (1, 3, 3, 3),
     "kernel_shape = array<i64: 2, 2>, strides = array<i64: 2, 2>, ceil_mode = 1 : i64", None),
    ("qcc.global_average_pool", (2, 3, 4, 5), [], (2, 3, 1, 1), "", None),
    ("qcc.global_max_pool", (2, 3, 4, 5), [], (2, 3, 1, 1), "", None),
    ("qcc.batch_normalization", (2, 3, 4, 5), [(3,)] * 3, (2, 3, 4, 5), "", None),
    ("qcc.depth_to_space", (1, 8, 2, 3), [], (1, 2, 4, 6), 'blocksize = 2 : i64, mode = "CRD"', None),
]


def check_layouts_agree(run):
    for op, shape, others, result, attributes, segments in LAYOUTS:
        x = random(shape, "float32", 11)
        rest = [(random(s, "float32", 12 + i), None) for i, s in enumerate(others)]
        if op == "qcc.batch_normalization":
            rest.append((np.full(shape[1:2], 0.5, f32), None))
        first = run(op, [(x, None), *rest], (result, "f32"), attributes, segments)
        nhwc = attributes + (", " if attributes else "") + 'layout = "nhwc"'
        got = run(op, [(last(x), None), *rest], (last(result), "f32"), nhwc, segments)
        np.testing.assert_array_equal(got, last(first), err_msg=op)


U, V = random((3, 4), "float32", 20), random((3, 4), "float32", 21)
P, Q = random((3, 4), "uint8", 22) > 128, random((3, 4), "uint8", 23) > 128
I, J = random((3, 4), "int32", 24) >> 24, (random((3, 4), "int32", 25) >> 24) | 1

# op -> function of one float
UNARY = {
    "qcc.abs": np.abs, "qcc.ceil": np.ceil, "qcc.floor": np.floor, "qcc.neg": np.negative, "qcc.exp": np.exp,
    "qcc.tanh": np.tanh, "qcc.reciprocal": np.reciprocal, "qcc.relu": lambda x: np.maximum(x, 0),
    "qcc.sigmoid": lambda x: 1 / (1 + np.exp(-x)), "qcc.silu": lambda x: x / (1 + np.exp(-x)),
    "qcc.softplus": lambda x: np.log1p(np.exp(x)), "qcc.elu": lambda x: np.where(x < 0, np.expm1(x), x),
    "qcc.leaky_relu": lambda x: np.where(x < 0, x * 0.01, x),
    "qcc.hard_sigmoid": lambda x: np.clip(x * 0.2 + 0.5, 0, 1),
    "qcc.hard_swish": lambda x: x * np.clip(x / 6 + 0.5, 0, 1),
    "qcc.erf": np.vectorize(math.erf), "qcc.identity": lambda x: x,
}  # fmt: skip
POSITIVE = {"qcc.log": np.log, "qcc.sqrt": np.sqrt}
FLOATS = {
    "qcc.div": np.divide, "qcc.sub": np.subtract, "qcc.min": np.minimum, "qcc.max": np.maximum,
    "qcc.prelu": lambda x, slope: np.where(x < 0, x * slope, x),
}  # fmt: skip
COMPARISONS = {
    "qcc.equal": np.equal, "qcc.greater": np.greater, "qcc.greater_or_equal": np.greater_equal,
    "qcc.less": np.less, "qcc.less_or_equal": np.less_equal,
}  # fmt: skip
REDUCTIONS = {
    "qcc.reduce_max": np.max, "qcc.reduce_min": np.min, "qcc.reduce_sum": np.sum,
    "qcc.reduce_l2": lambda x, axis, keepdims: np.sqrt(np.sum(x * x, axis=axis, keepdims=keepdims)),
}  # fmt: skip


def near(got, want):
    np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-6)


def check_functions_of_one_float(run):
    for op, function in UNARY.items():
        near(run(op, [(U, None)], (U.shape, "f32")), function(U))
    for op, function in POSITIVE.items():
        near(run(op, [(np.abs(U), None)], (U.shape, "f32")), function(np.abs(U)))


def check_functions_of_two(run):
    row = V[:1]
    for op, function in FLOATS.items():
        near(run(op, [(U, None), (row, None)], (U.shape, "f32")), function(U, row))
    near(run("qcc.pow", [(np.abs(U), None), (V, None)], (U.shape, "f32")), np.abs(U) ** V)
    for op, function in COMPARISONS.items():
        np.testing.assert_array_equal(run(op, [(I, None), (J, None)], (I.shape, "i1")), function(I, J))
    for op, function in {"qcc.and": np.logical_and, "qcc.or": np.logical_or}.items():
        np.testing.assert_array_equal(run(op, [(P, None), (Q, None)], (P.shape, "i1")), function(P, Q))
    np.testing.assert_array_equal(run("qcc.not", [(P, None)], (P.shape, "i1")), ~P)
    np.testing.assert_array_equal(run("qcc.mod", [(I, None), (J, None)], (I.shape, "i32")), I % J)
    near(run("qcc.where", [(P, None), (U, None), (V, None)], (U.shape, "f32")), np.where(P, U, V))


def check_reductions(run):
    for op, function in REDUCTIONS.items():
        got = run(op, [(U, None)], ((3, 1), "f32"), "axes = array<i64: -1>")
        near(got, function(U, axis=1, keepdims=True))


def check_shapes(run):
    operand = [(U, None)]
    near(run("qcc.expand", operand, ((2, 3, 4), "f32"), "shape = array<i64: 2, 1, 4>"), np.broadcast_to(U, (2, 3, 4)))
    near(run("qcc.tile", operand, ((6, 4), "f32"), "repeats = array<i64: 2, 1>"), np.tile(U, (2, 1)))
    near(run("qcc.unsqueeze", operand, ((3, 1, 4), "f32"), "axes = array<i64: 1>"), U[:, None])
    np.testing.assert_array_equal(run("qcc.shape", operand, ((2,), "i64")), U.shape)
    np.testing.assert_array_equal(run("qcc.size", operand, ((), "i64")), U.size)
    np.testing.assert_array_equal(run("qcc.cast", operand, (U.shape, "i32"), "to = 6 : i64"), U.astype(np.int32))
    bounds = "start = dense<5> : tensor<i64>, limit = dense<0> : tensor<i64>, delta = dense<-2> : tensor<i64>"
    np.testing.assert_array_equal(run("qcc.range", [], ((3,), "i64"), bounds), [5, 3, 1])


def check_integer_products(run):
    zero = np.array(ZX, np.uint8)
    got = run("qcc.matmul_integer", [(X, None), (W, None), (zero, None)], ((5, 6), "i32"), segments="1, 1, 1, 0")
    np.testing.assert_array_equal(got, ACC - B)
    image, taps = X.reshape(1, 1, 5, 32), W[:2, :2].reshape(1, 1, 2, 2).astype(np.int8)
    got = run("qcc.conv_integer", [(image, None), (taps, None), (zero, None)], ((1, 1, 4, 31), "i32"),
              segments="1, 1, 1, 0")
    windows = np.lib.stride_tricks.sliding_window_view(X.astype(np.int64) - ZX, (2, 2))
    np.testing.assert_array_equal(got[0, 0], (windows * taps[0, 0]).sum((2, 3)))


def erf(x):
    return np.vectorize(math.erf)(x)


def check_gelu(run):
    near(run("qcc.gelu", [(U, None)], (U.shape, "f32")), U / 2 * (1 + erf(U / math.sqrt(2))))
    inner = math.sqrt(2 / math.pi) * (U + 0.044715 * U**3)
    near(run("qcc.gelu_tanh", [(U, None)], (U.shape, "f32")), U / 2 * (1 + np.tanh(inner)))


def check_layer_normalization(run):
    x, scale, bias = random((2, 3, 8), "float32", 26), random((8,), "float32", 27), random((8,), "float32", 28)
    normal = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-5)
    operands = [(x, None), (scale, None), (bias, None)]
    near(run("qcc.layer_normalization", operands, (x.shape, "f32")), normal * scale + bias)


def check_attention(run):
    q, k, v = (random(s, "float32", 30 + i) for i, s in enumerate([(2, 3, 2, 4), (2, 5, 2, 4), (2, 5, 2, 6)]))
    mask = random((2, 1, 1, 5), "float32", 33)
    scores = np.einsum("bqhd,bkhd->bhqk", q, k) * 0.5 + mask
    weights = np.exp(scores - scores.max(-1, keepdims=True))
    weights /= weights.sum(-1, keepdims=True)
    want = np.einsum("bhqk,bkhd->bqhd", weights, v)
    operands = [(q, None), (k, None), (v, None), (mask, None)]
    attributes = "operandSegmentSizes = array<i32: 1, 1, 1, 1, {}>, scale = 0.5 : f32"
    near(run("qcc.attention", operands, ((2, 3, 2, 6), "f32"), attributes.format(0)), want)
    # With a count, the keys behind it do not count, not even as NaN.
    longer = [np.concatenate([x, np.full_like(x[:, :2], np.nan)], 1) for x in (k, v)]
    operands = [(q, None), *((x, None) for x in longer), (np.pad(mask, [(0, 0)] * 3 + [(0, 2)]), None)]
    operands.append((np.array([5]), None))
    near(run("qcc.attention", operands, ((2, 3, 2, 6), "f32"), attributes.format(1)), want)


def measure(rows):
    """q11: values, scales and zero points of rows along the last axis."""
    low, high = np.minimum(rows.min(-1), f32(0)), np.maximum(rows.max(-1), f32(0))
    scale, factor = (high - low) / f32(255), f32(255) / (high - low)
    zero = np.rint(-low * factor)
    values = np.clip(np.rint(rows * factor[..., None]) + zero[..., None], 0, 255).astype(np.uint8)
    return values, scale, zero.astype(np.int32)


def check_q11_measured_products(run):
    x = random((2, 5, 32), "float32", 34)
    values, scale, zero = measure(x)
    results = [(x.shape, "ui8"), ((2, 5), "f32"), ((2, 5), "i32")]
    for got, want in zip(run("qcc.dynamic_quantize", [(x, None)], results, "axis = 2 : i64"), (values, scale, zero)):
        np.testing.assert_array_equal(got, want)
    bias = random((6,), "float32", 35)
    sums = (values.astype(np.int64) - zero[..., None]) @ W.astype(np.int64)
    want = np.maximum((sums.astype(f32) * SW) * scale[..., None] + bias, 0)
    operands = [(values, None), (scale, None), (zero, None), (W, per_axis(1, SW)), (bias, None)]
    got = run("qcc.dynamic_matmul", operands, ((2, 5, 6), "f32"), 'chain = [{op = "relu"}]', "1, 1, 1, 1, 1, 0, 0")
    np.testing.assert_array_equal(got, want)


def check_q11_measured_states(run):
    """A layer whose every step measures its input and its state: one step of a plain RNN."""
    x, w, r = random((1, 2, 8), "float32", 36), random((1, 3, 8), "int8", 37), random((1, 3, 3), "int8", 38)
    h, scales = random((1, 2, 3), "float32", 39), [0.001, 0.002, 0.003]
    product = lambda rows, matrix: (((v := measure(rows))[0].astype(np.int64) - v[2][..., None]) @ matrix[0].T.astype(
        np.int64)).astype(f32) * np.array(scales, f32) * v[1][..., None]  # fmt: skip
    want = np.tanh(product(x[0], w) + product(h[0], r))
    operands = [(x, None), (w, per_axis(1, scales)), (r, per_axis(1, scales)), (h, None)]
    results = [((1, 1, 2, 3), "f32"), ((1, 2, 3), "f32")]
    got = run("qcc.rnn", operands, results, 'functions = [{op = "tanh"}]', "1, 1, 1, 0, 0, 1")
    near(got[0][0, 0], want)
    near(got[1][0], want)


def check_observe_changes_nothing(run):
    near(run("qcc.observe", [(U, None)], (U.shape, "f32"), "id = 0 : i64"), U)


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--build", type=Path, default=features.build_folder())
    runner = Runner(parser.parse_args().build)
    failed = 0
    for name, check in sorted(globals().items()):
        if not name.startswith("check_"):
            continue
        try:
            check(runner.run)
        except AssertionError as error:
            print(f"{name}: {error}")
            failed += 1
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
