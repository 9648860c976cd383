"""--precision=fp16 and bf16: weights of 16 bits in memory. Every variant against ONNX Runtime on the network whose
weights are rounded before."""

import onnx
from onnx import TensorProto, helper, numpy_helper
from emulated import *

RNG = np.random.default_rng(5)
BEGIN = RNG.bit_generator.state  # of each case
SMALLEST = 2.0**-14  # of the normal numbers of float16


def number(*shape):
    """Some of them are too small to be normal numbers of float16."""
    value = RNG.standard_normal(shape) / np.sqrt(shape[-1])
    value.reshape(-1)[::50] *= SMALLEST
    return value.astype(np.float32)


def save(path, nodes, weights, x, outputs, kind=TensorProto.FLOAT):
    ends = [helper.make_tensor_value_info("x", kind, x)]
    results = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in outputs.items()]
    constants = [numpy_helper.from_array(value, name) for name, value in weights.items()]
    made = [helper.make_node(op, i.split(), o.split(), name=o.split()[-1], **attributes) for op, i, o, attributes in nodes]
    graph = helper.make_graph(made, "halves", ends, results, constants)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path


def vision():
    """Padding, strides, groups, a depthwise filter, a transposed convolution, a residual, dense layers."""
    RNG.bit_generator.state = BEGIN
    nodes = [
        ("Conv", "x stem stem_b", "1", {"pads": [1] * 4, "strides": [2, 2]}),
        ("Relu", "1", "2", {}),
        ("Conv", "2 depthwise", "3", {"pads": [1] * 4, "group": 24}),
        ("Conv", "3 grouped", "4", {"group": 2, "pads": [2] * 4, "dilations": [2, 2]}),
        ("Add", "4 2", "5", {}),
        ("ConvTranspose", "5 up", "6", {"strides": [2, 2]}),
        ("GlobalAveragePool", "6", "7", {}),
        ("Flatten", "7", "8", {}),
        ("Gemm", "8 dense dense_b", "9", {"transB": 1}),
        ("MatMul", "9 last", "y", {}),
    ]
    weights = {"stem": number(24, 3, 3, 3), "stem_b": number(24), "grouped": number(24, 12, 3, 3), "up": number(24, 40, 2, 2),
               "dense": number(50, 40), "dense_b": number(50), "last": number(50, 7)}  # fmt: skip
    weights["depthwise"] = number(24, 1, 3, 3)
    return nodes, weights, [1, 3, 18, 18], {"y": [1, 7]}


def sequence():
    """A table of words, an LSTM in both directions, a GRU of either kind."""
    RNG.bit_generator.state = BEGIN
    nodes = [
        ("Gather", "table x", "1", {}),
        ("LSTM", "1 w1 r1 b1", "2", {"hidden_size": 40, "direction": "bidirectional"}),
        ("Transpose", "2", "3", {"perm": [0, 2, 1, 3]}),
        ("Reshape", "3 shape", "4", {}),
        ("GRU", "4 w2 r2", "5", {"hidden_size": 33}),
        ("Squeeze", "5 axis", "6", {}),
        ("GRU", "6 w3 r3", "y", {"hidden_size": 200, "linear_before_reset": 1}),
    ]
    weights = {"table": number(1000, 70), "w1": number(2, 160, 70), "r1": number(2, 160, 40), "b1": number(2, 320), "w2": number(1, 99, 80),
               "r2": number(1, 99, 33), "w3": number(1, 600, 33), "r3": number(1, 600, 200)}  # fmt: skip
    weights.update(shape=np.array([5, 2, 80]), axis=np.array([1]))
    return nodes, weights, [5, 2], {"y": [5, 1, 2, 200]}


def rounded(weights, kind):
    """What stays float32: biases, depthwise filters."""

    def one(name, value):
        if value.dtype != np.float32 or name.endswith("_b") or name in ("b1", "depthwise"):
            return value
        if kind == "fp16":
            return np.clip(value, -65504, 65504).astype(np.float16).astype(np.float32)
        bits = value.view(np.uint32)
        return ((bits + 0x7FFF + (bits >> 16 & 1)) & 0xFFFF0000).astype(np.uint32).view(np.float32)

    return {name: one(name, value) for name, value in weights.items()}


def prepared(network, kind="fp16"):
    """A model, an input, and what ONNX Runtime makes of the rounded weights and of the exact ones."""
    nodes, weights, x, outputs = network
    words = "Gather" == nodes[0][0]
    value = RNG.integers(0, 1000, x) if words else RNG.standard_normal(x).astype(np.float32)
    data = TensorProto.INT64 if words else TensorProto.FLOAT
    model = save(scratch() / "m.onnx", nodes, weights, x, outputs, data)
    other = save(scratch() / "rounded.onnx", nodes, rounded(weights, kind), x, outputs, data)
    return model, value, run_onnxruntime(other, {"x": value})["y"], run_onnxruntime(model, {"x": value})["y"]


def check_every_variant(network, kind, least, says):
    model, x, want, exact = prepared(network, kind)
    library = scratch() / "m.so"
    said = run([BUILD / "bin/qcc", model, "--quantize=none", f"--precision={kind}", "--emit=shared", "-o", library]).stderr
    check(says in said, said)
    for isa in ("x86-64", "avx2", "avx512vnni"):
        if isa == "x86-64" or isa in FEATURES:
            got = run_model(library, {"x": x}, env={"QCC_ISA": isa})["y"]
            check_close(got, want, rtol=1e-4, atol=1e-5)
            check(sqnr(got, exact) > least, f"{isa}: {sqnr(got, exact)} dB")
    plain = qcc(model, "--quantize=none", "--precision=fp32", "--emit=shared", output="float.so")
    constants = sum(w.size for w in network[1].values() if w.size > 1000)
    saved = plain.stat().st_size - library.stat().st_size
    check(saved > 1.5 * constants, f"{saved} bytes saved of {constants} weights")


@case
def vision_in_fp16():
    check_every_variant(vision(), "fp16", 60, "5 with weights or tables of fp16")


@case
def sequences_in_fp16():
    check_every_variant(sequence(), "fp16", 60, "4 with weights or tables of fp16")


@case
def sequences_in_bf16():
    check_every_variant(sequence(), "bf16", 40, "4 with weights or tables of bf16")


@case
def what_waits_for_its_weights_without_being_asked():
    """--precision=auto: a recurrent layer and a dense one of more than a megabyte whose weights are float16 numbers; no
    convolution, no small layer, nothing that would lose anything."""
    RNG.bit_generator.state = BEGIN
    nodes = [
        ("Conv", "x conv", "1", {}),
        ("Squeeze", "1 axis", "s", {}),
        ("Transpose", "s", "2", {"perm": [2, 1, 0]}),
        ("GRU", "2 w r", "3 last", {"hidden_size": 288}),
        ("Squeeze", "last axis", "4", {}),
        ("MatMul", "4 dense", "5", {}),
        ("MatMul", "5 small", "y", {}),
    ]
    weights = {"conv": number(64, 64, 1, 1), "w": number(1, 864, 64), "r": number(1, 864, 288), "dense": number(288, 1101), "small": number(1101, 7)}
    weights["axis"] = np.array([0])
    x = RNG.standard_normal((1, 64, 1, 6)).astype(np.float32)
    for used, precision, count in (rounded(weights, "fp16"), "auto", 2), (rounded(weights, "fp16"), "fp32", 0), (weights, "auto", 0):
        model = save(scratch() / "m.onnx", nodes, used, [1, 64, 1, 6], {"y": [1, 7]})
        library = scratch() / "m.so"
        said = run([BUILD / "bin/qcc", model, "--quantize=none", f"--precision={precision}", "--emit=shared", "-o", library]).stderr
        check((f"  {count} with weights" in said) == (count > 0) and ("of fp16" in said) == (count > 0), said)
        check_close(run_model(library, {"x": x})["y"], run_onnxruntime(model, {"x": x})["y"], rtol=1e-4, atol=1e-5)


@case
def sequences_on_arm():
    require("aarch64")
    for network in (sequence(), vision()):
        model, x, want, _ = prepared(network)
        app = program(model, "--quantize=none", "--precision=fp16")
        for level in PROCESSORS:
            check_close(emulate(app, x.tobytes(), level).reshape(want.shape), want, rtol=1e-4, atol=1e-5)


@case
def kernels_of_gpus():
    for network in (sequence(), vision()):
        model, x, want, _ = prepared(network)
        library = qcc(model, "--target=nvptx64-nvidia-cuda", "--march=emulated", "--quantize=none", "--precision=fp16", "--emit=shared", output="m.so")
        check_close(run_model(library, {"x": x})["y"], want, rtol=1e-4, atol=1e-5)


@case
def beside_int8():
    """A transposed convolution, which stays in float without data, next to int8 products."""
    model, x, _, exact = prepared(vision())
    library = scratch() / "m.so"
    said = run([BUILD / "bin/qcc", model, "--precision=fp16", "--emit=shared", "-o", library]).stderr
    check("1 with weights or tables of fp16" in said and "4 operations in int8" in said, said)
    check(sqnr(run_model(library, {"x": x})["y"], exact) > 30, "too far from float")


@case
def what_float16_cannot_hold_is_told():
    nodes, weights, x, outputs = vision()
    weights["dense"][3, 4] = 1e5
    weights["last"][:, 2] *= 1e-6
    model, value, _, exact = prepared((nodes, weights, x, outputs))
    library = scratch() / "m.so"
    report = scratch() / "report.json"
    command = [BUILD / "bin/qcc", model, "--quantize=none", "--precision=fp16", "--emit=shared", f"--report={report}", "-o", library]
    said = run(command).stderr
    check("'9': its weights stay float32: 100000 is beyond float16" in said, said)
    check("'y': its weights stay float32: float16 would change those of channel 2 by" in said, said)
    noise = sqnr(run_model(library, {"x": value})["y"], exact)
    check(noise > 45, f"{noise} dB")  # the largest weight meets one number, whatever error that has
    types = {layer["name"]: layer["type"] for layer in json.loads(report.read_text())["layers"]}
    check(types["1"] == "float, fp16 weights" and types["9"] == "float", types)


main()
