"""Integer operators as models bring them along, against ONNX Runtime; and what calibration makes of usual blocks."""

from support import *

import onnx
from onnx import TensorProto, helper, numpy_helper

rng = np.random.default_rng(3)
node = helper.make_node


def save(name, nodes, inputs, outputs, constants, opset=17):
    """`inputs` and `outputs`: {name: (shape, dtype)}; gives the model's path."""
    def info(values):
        types = {name: helper.np_dtype_to_tensor_dtype(np.dtype(dtype)) for name, (_, dtype) in values.items()}
        return [helper.make_tensor_value_info(name, types[name], shape) for name, (shape, _) in values.items()]

    tensors = [numpy_helper.from_array(np.asarray(value), key) for key, value in constants.items()]
    graph = helper.make_graph(nodes, name, info(inputs), info(outputs), tensors)
    path = scratch() / f"{name}.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8), path)
    return path


def compare(model, inputs, steps=0, isas=(None,)):
    """Integer outputs differ from ONNX Runtime's by at most `steps`, and hardly ever; gives them."""
    expected = run_onnxruntime(model, inputs, optimise=False)
    library = qcc(model, "--emit=shared", output=f"{model.stem}.so")
    for isa in isas:
        got = run_model(library, inputs, env={"QCC_ISA": isa} if isa else None)
        for name, want in expected.items():
            check(got[name].dtype == want.dtype, f"{name} is {got[name].dtype}, not {want.dtype}")
            difference = np.abs(got[name].astype(np.int64) - want.astype(np.int64))
            check(difference.max() <= steps, f"{model.stem}, {name}: differs by {difference.max()}")
            check(np.mean(difference > 0) <= 0.02, f"{model.stem}, {name}: {np.mean(difference > 0):.2%} differ")
    return got


def random_bytes(shape, dtype=np.uint8, low=None, high=None):
    limits = np.iinfo(dtype)
    return rng.integers(limits.min if low is None else low, (limits.max if high is None else high) + 1, shape, dtype)


def qlinear_conv(name, x, w, w_zero, group=1, constant=True, w_scale=0.02, pads=1):
    channels = w.shape[0]
    inputs = {"x": (x.shape, x.dtype)}
    constants = {"xs": np.float32(0.05), "xz": x.dtype.type(7), "ws": np.float32(w_scale), "wz": w.dtype.type(w_zero),
                 "ys": np.float32(0.7), "yz": np.uint8(120), "b": rng.integers(-900, 900, channels).astype(np.int32)}
    if constant:
        constants["w"] = w
    else:
        inputs["w"] = (w.shape, w.dtype)
    conv = node("QLinearConv", ["x", "xs", "xz", "w", "ws", "wz", "ys", "yz", "b"], ["y"], name, group=group, pads=[pads] * 4)
    return save(name, [conv], inputs, {"y": ([x.shape[0], channels, x.shape[2], x.shape[3]], np.uint8)}, constants)


@case
def weights_may_have_any_zero_point():
    x = random_bytes((1, 8, 6, 6))
    for zero in (0, 100, 128, 255):
        w = random_bytes((5, 8, 3, 3))
        w.flat[:2] = 0, 255
        compare(qlinear_conv(f"zero_{zero}", x, w, zero), {"x": x}, 1, ("x86-64", None))
    grouped = random_bytes((8, 2, 3, 3))
    compare(qlinear_conv("grouped", x, grouped, 90, group=4), {"x": x}, 1)
    depthwise = random_bytes((8, 1, 3, 3))
    compare(qlinear_conv("depthwise", x, depthwise, 0, group=8), {"x": x}, 1)


@case
def weights_beyond_eight_bits_are_still_bytes():
    x = random_bytes((1, 8, 6, 6))
    model = qlinear_conv("wide", x, random_bytes((5, 8, 3, 3)), 0)
    text = qcc(model, "--until=fuse", output="wide.mlir").read_text()
    for operation in ("dequantize", "quantize"):
        check(f'"qcc.{operation}"' not in text, f"qcc.{operation} is left:\n{text}")


@case
def a_filter_of_the_run_is_right():
    x, w = random_bytes((1, 4, 7, 7)), random_bytes((6, 4, 3, 3), np.int8)
    model = qlinear_conv("filter", x, w, 0, constant=False)
    compare(model, {"x": x, "w": w}, 1)
    inputs = {"x": ([1, 4, 7, 7], np.float32), "w": ([6, 2, 3, 3], np.float32), "b": ([6], np.float32)}
    conv = node("Conv", ["x", "w", "b"], ["c"], "conv", group=2, strides=[2, 1], pads=[1, 0, 1, 2])
    model = save("float", [conv, node("Relu", ["c"], ["y"])], inputs, {"y": ([1, 6, 4, 7], np.float32)}, {})
    values = {name: rng.standard_normal(shape, np.float32) for name, (shape, _) in inputs.items()}
    library = qcc(model, "--emit=shared", output="float.so")
    check_close(run_model(library, values)["y"], run_onnxruntime(model, values)["y"])


@case
def products_of_two_activations_are_integers():
    a, b = random_bytes((2, 3, 5, 33)), random_bytes((3, 33, 17), np.int8)
    constants = {"as": np.float32(0.03), "az": np.uint8(111), "bs": np.float32(0.02), "bz": np.int8(-9),
                 "ys": np.float32(0.4), "yz": np.uint8(99)}
    product = node("QLinearMatMul", ["a", "as", "az", "b", "bs", "bz", "ys", "yz"], ["y"], "product")
    ends = {"a": (a.shape, np.uint8), "b": (b.shape, np.int8)}, {"y": ([2, 3, 5, 17], np.uint8)}
    model = save("product", [product], *ends, constants)
    compare(model, {"a": a, "b": b}, 1, ("x86-64", "avx2", None))
    text = qcc(model, "--until=fuse", output="product.mlir").read_text()
    check('"qcc.dequantize"' not in text, f"the product is left in float:\n{text}")


@case
def integer_operators_take_zero_points():
    x, w = random_bytes((1, 4, 6, 6)), random_bytes((6, 2, 3, 3))
    conv = node("ConvInteger", ["x", "w", "xz", "wz"], ["y"], "conv", group=2, pads=[1] * 4)
    for constants in ({"w": w, "xz": np.uint8(3), "wz": np.uint8(200)}, {"xz": np.uint8(3), "wz": np.uint8(0)}):
        inputs = {"x": (x.shape, np.uint8)} | ({} if "w" in constants else {"w": (w.shape, np.uint8)})
        model = save(f"conv{len(constants)}", [conv], inputs, {"y": ([1, 6, 6, 6], np.int32)}, constants)
        compare(model, {"x": x} | ({} if "w" in constants else {"w": w}))
    a, b = random_bytes((4, 20)), random_bytes((20, 9), np.int8)
    product = node("MatMulInteger", ["a", "b", "az", "bz"], ["y"], "product")
    constants = {"az": np.uint8(77), "bz": np.int8(-5)}
    ends = {"a": (a.shape, np.uint8), "b": (b.shape, np.int8)}, {"y": ([4, 9], np.int32)}
    compare(save("matmul", [product], *ends, constants), {"a": a, "b": b})


@case
def an_average_with_a_float_result_reads_bytes():
    x = random_bytes((1, 16, 7, 7))
    constants = {"s": np.float32(0.1), "z": np.uint8(13), "w": rng.standard_normal((16, 3), np.float32)}
    nodes = [node("DequantizeLinear", ["x", "s", "z"], ["d"]), node("GlobalAveragePool", ["d"], ["p"], "pool"),
             node("Flatten", ["p"], ["f"]), node("MatMul", ["f", "w"], ["y"], "fc")]
    model = save("average", nodes, {"x": (x.shape, np.uint8)}, {"y": ([1, 3], np.float32)}, constants)
    text = qcc(model, "--until=fuse", output="average.mlir").read_text()
    check('"qcc.dequantize"' not in text, f"the whole image is dequantised:\n{text}")
    library = qcc(model, "--emit=shared", output="average.so")
    check_close(run_model(library, {"x": x})["y"], run_onnxruntime(model, {"x": x})["y"])


@case
def transposed_convolutions_have_gaps_and_one_dimension():
    for shape, kernel, stride in (((1, 3, 9), [4], [2]), ((1, 3, 9), [2], [3]), ((1, 3, 4, 5), [1, 2], [2, 3])):
        w = rng.standard_normal((3, 4, *kernel), np.float32)
        out = [(n - 1) * s + k for n, s, k in zip(shape[2:], stride, kernel)]
        conv = node("ConvTranspose", ["x", "w", "b"], ["c"], "up", strides=stride)
        ends = {"x": (shape, np.float32)}, {"y": ([1, 4, *out], np.float32)}
        constants = {"w": w, "b": rng.standard_normal(4, np.float32)}
        model = save("up", [conv, node("Relu", ["c"], ["y"])], *ends, constants)
        x = rng.standard_normal(shape, np.float32)
        library = qcc(model, "--emit=shared", output="up.so")
        check_close(run_model(library, {"x": x})["y"], run_onnxruntime(model, {"x": x})["y"])


def weights(**shapes):
    return {name: (0.3 * rng.standard_normal(shape)).astype(np.float32) for name, shape in shapes.items()}


def calibration(shape):
    data = scratch() / "data.npy"
    np.save(data, rng.standard_normal((16, *shape[1:])).astype(np.float32))
    return f"--calib={data}"


@case
def squeeze_and_excite_stays_in_bytes():
    nodes = [
        node("Conv", ["x", "w0", "b0"], ["c0"], "conv", pads=[1] * 4),
        node("HardSwish", ["c0"], ["h"], "act"),
        node("GlobalAveragePool", ["h"], ["p"], "squeeze"),
        node("Conv", ["p", "w1", "b1"], ["s1"], "reduce"),
        node("Relu", ["s1"], ["r1"], "relu"),
        node("Conv", ["r1", "w2", "b2"], ["s2"], "expand"),
        node("HardSigmoid", ["s2"], ["g"], "gate"),
        node("Mul", ["h", "g"], ["m"], "excite"),
        node("Conv", ["m", "w3", "b3"], ["y"], "project"),
    ]
    constants = weights(w0=(16, 3, 3, 3), b0=16, w1=(4, 16, 1, 1), b1=4, w2=(16, 4, 1, 1), b2=16, w3=(8, 16, 1, 1), b3=8)
    model = save("se", nodes, {"x": ([1, 3, 16, 16], np.float32)}, {"y": ([1, 8, 16, 16], np.float32)}, constants)
    data = calibration((1, 3, 16, 16))
    lines = qcc(model, data, "--until=fuse", output="se.mlir").read_text().splitlines()
    found = [line.split('"')[1].removeprefix("qcc.") for line in lines if ' = "qcc.' in line and "constant" not in line]
    want = ["quantize", "transpose", "conv", "global_average_pool", "conv", "conv", "mul", "conv", "transpose"]
    check(found == want, f"found {found}, expected {want}")


@case
def boxes_and_scores_in_one_concat_keep_their_precision():
    nodes = [
        node("Conv", ["x", "w0", "b0"], ["c"], "body", pads=[1] * 4),
        node("Relu", ["c"], ["r"], "relu"),
        node("Conv", ["r", "w1", "b1"], ["n"], "boxes"),
        node("Mul", ["n", "size"], ["boxes"], "size"),
        node("Conv", ["r", "w2", "b2"], ["l"], "logits"),
        node("Sigmoid", ["l"], ["scores"], "scores"),
        node("Concat", ["boxes", "scores"], ["all"], "join", axis=1),
        node("Reshape", ["all", "shape"], ["y"], "flat"),
    ]
    constants = weights(w0=(16, 3, 3, 3), b0=16, w1=(4, 16, 1, 1), b1=4, w2=(2, 16, 1, 1), b2=2)
    constants |= {"size": np.float32(640), "shape": np.array([1, 6, 64], np.int64)}
    model = save("detector", nodes, {"x": ([1, 3, 8, 8], np.float32)}, {"y": ([1, 6, 64], np.float32)}, constants)
    data, x = calibration((1, 3, 8, 8)), rng.standard_normal((1, 3, 8, 8)).astype(np.float32)
    exact, quantised = (run_model(qcc(model, mode, "--emit=shared", output="d.so"), {"x": x})["y"]
                        for mode in ("--quantize=none", data))
    for name, part in (("boxes", slice(0, 4)), ("scores", slice(4, 6))):
        noise = sqnr(quantised[:, part], exact[:, part])
        check(noise >= 25, f"signal to noise of the {name} is {noise:.1f} dB")


main()
