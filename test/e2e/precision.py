"""--precision=auto with samples: what float layers lose by 16 bits, on Arm and on x86."""

import onnx
from onnx import TensorProto, helper, numpy_helper
from emulated import *

RNG = np.random.default_rng(11)


def number(*shape):
    return (RNG.standard_normal(shape) / np.sqrt(shape[-1])).astype(np.float32)


def save(nodes, weights, x, outputs, samples=None):
    """A model of one input and samples of it; `samples` is their shape where that of the input is open."""
    value = lambda name, shape: helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
    graph = helper.make_graph(nodes, "auto", [value("x", x)], [value(n, s) for n, s in outputs.items()],
                              [numpy_helper.from_array(w, n) for n, w in weights.items()])  # fmt: skip
    model = scratch() / "m.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), model)
    data = RNG.standard_normal((4, *(samples or x))).astype(np.float32)
    np.save(scratch() / "samples.npy", data)
    return model, ["--quantize=none", f"--calib={scratch() / 'samples.npy'}"], data[0]


def vision():
    """Convolutions with a residual between them, a depthwise one, a dense layer."""
    node = helper.make_node
    nodes = [
        node("Conv", ["x", "w1"], ["1"], "first", pads=[1] * 4),
        node("Relu", ["1"], ["2"]),
        node("Conv", ["2", "w2"], ["3"], "depthwise", pads=[1] * 4, group=40),
        node("Conv", ["3", "w3"], ["4"], "pointwise"),
        node("Add", ["4", "2"], ["5"]),
        node("Relu", ["5"], ["6"]),
        node("Conv", ["6", "w4"], ["7"], "last", strides=[2, 2]),
        node("GlobalAveragePool", ["7"], ["8"]),
        node("Flatten", ["8"], ["9"]),
        node("MatMul", ["9", "w5"], ["y"], "dense"),
    ]
    weights = {"w1": number(40, 4, 3, 3), "w2": number(40, 1, 3, 3), "w3": number(40, 40, 1, 1), "w4": number(48, 40, 3, 3), "w5": number(48, 10)}
    return save(nodes, weights, [1, 4, 16, 16], {"y": [1, 10]})


@case
def arm_multiplies_bf16():
    require("aarch64")
    model, options, x = vision()
    app = program(model, *options)
    want = run_onnxruntime(model, {"x": x})["y"]
    text = qcc(model, ARM, *options, "--until=fuse", output="m.mlir")
    check(text.read_text().count('type = "bf16"') == 3, "three convolutions")
    np.save(scratch() / "x.npy", x)
    run([BUILD / "test/bin/qcc-eval", text, scratch() / "reference", scratch() / "x.npy"])
    reference = np.load(scratch() / "reference0.npy")
    for level in PROCESSORS:
        got = emulate(app, x.tobytes(), level, chosen="bf16" if level == "i8mm" else level).reshape(want.shape)
        check(sqnr(got, reference) > 50, f"{level}: {sqnr(got, reference):.1f} dB of the reference")
        check_close(got, want, rtol=2e-2, atol=1e-2 * np.abs(want).max())
        check(45 < sqnr(got, want) < 70, f"{level}: {sqnr(got, want):.1f} dB")


@case
def x86_stores_weights_that_it_waits_for():
    """What streams its weights has them in float16, whose error is measured; all else is float32."""
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["1"], "large"),
        helper.make_node("MatMul", ["1", "v"], ["y"], "small"),
    ]
    model, options, x = save(nodes, {"w": number(600, 700), "v": number(700, 9)}, [2, 600], {"y": [2, 9]})
    report = scratch() / "report.json"
    library = qcc(model, "--emit=shared", *options, f"--report={report}", output="m.so")
    want = run_onnxruntime(model, {"x": x})["y"]
    types = {layer["name"]: layer["type"] for layer in json.loads(report.read_text())["layers"]}
    check(types == {"large": "float, fp16 weights", "small": "float"}, types)
    noise = sqnr(run_model(library, {"x": x})["y"], want)
    check(65 < noise < 90, f"{noise:.1f} dB")
    exact = qcc(model, "--emit=shared", "--quantize=none", output="exact.so")  # without samples nothing is rounded
    check_close(run_model(exact, {"x": x})["y"], want, rtol=1e-5, atol=1e-6)


@case
def bounded_lengths_are_decided_at_their_longest():
    nodes = [helper.make_node("MatMul", ["x", "w"], ["y"], "product")]
    model, options, _ = save(nodes, {"w": number(64, 96)}, ["n", 64], {"y": ["n", 96]}, samples=[12, 64])
    text = qcc(model, ARM, *options, "--shape=x:1..12x64", "--until=fuse", output="m.mlir").read_text()
    check('type = "bf16"' in text and "qcc.shape_outputs" in text, text)


main()
