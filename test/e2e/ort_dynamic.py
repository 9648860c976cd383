"""Networks as onnxruntime.quantization.quantize_dynamic writes them: ONNX Runtime's own numbers."""

import logging

import onnx
from onnx import TensorProto, helper, numpy_helper
from support import *

RNG = np.random.default_rng(5)
ISAS = ("x86-64", "avx2", "avxvnni", "avx512vnni")


def number(*shape):
    return (RNG.standard_normal(shape) / np.sqrt(np.prod(shape[1:]))).astype(np.float32)


def save(nodes, weights, x, y):
    value = lambda name, shape: helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
    constants = [numpy_helper.from_array(w, n) for n, w in weights.items()]
    graph = helper.make_graph(nodes, "float", [value("x", x)], [value("y", y)], constants)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), scratch() / "float.onnx")
    return scratch() / "float.onnx"


def quantized(model, **options):
    from onnxruntime.quantization import quantize_dynamic

    logging.disable(logging.WARNING)
    quantize_dynamic(model, scratch() / "m.onnx", op_types_to_quantize=["Conv", "MatMul", "Gemm"], **options)
    return scratch() / "m.onnx"


def slow(model):
    """How many products of a model are left to plain loops."""
    text = qcc(model, "--until=fuse", output="m.mlir").read_text()
    return text.count('"qcc.conv_integer"') + text.count('"qcc.matmul_integer"')


def check_each_variant(model, x, want, **tolerance):
    library = qcc(model, "--emit=shared", output="m.so")
    for isa in ISAS:
        if isa == "x86-64" or isa in FEATURES:
            for threads in (1, 3):
                got = run_model(library, {"x": x}, f"--threads={threads}", env={"QCC_ISA": isa})["y"]
                check_close(got, want, **tolerance)


@case
def single_layers_give_the_same_floats():
    """Borders of a zero point that only the run knows, strides, groups, dilations, depthwise filters, products."""
    conv = lambda *inputs, **more: [helper.make_node("Conv", ["x", *inputs], ["y"], "layer", **more)]
    layers = [
        (conv("w", "b", pads=[1, 1, 1, 1], strides=[2, 2]), {"w": number(40, 5, 3, 3), "b": number(40)}, [1, 5, 17, 19]),
        (conv("w"), {"w": number(33, 20, 1, 1)}, [1, 20, 9, 7]),
        (conv("w", "b", pads=[1, 0, 2, 3], dilations=[1, 2], group=2), {"w": number(24, 6, 2, 3), "b": number(24)}, [1, 12, 8, 11]),
        (conv("w", "b", pads=[1, 1, 1, 1], group=72), {"w": number(72, 1, 3, 3), "b": number(72)}, [1, 72, 14, 15]),
        (conv("w", pads=[2, 2, 2, 2], strides=[2, 2], group=20), {"w": number(20, 1, 5, 5)}, [1, 20, 13, 9]),
        ([helper.make_node("MatMul", ["x", "w"], ["y"], "layer")], {"w": number(70, 45)}, [2, 13, 70]),
    ]  # fmt: skip
    for nodes, weights, shape in layers:
        for offset in (0, 3):  # a zero point in the middle, and one near an end
            model = quantized(save(nodes, weights, shape, None))
            x = (RNG.standard_normal(shape) + offset).astype(np.float32)
            want = run_onnxruntime(model, {"x": x})["y"]
            check(slow(model) == 0, "a product is left to plain loops")
            check_each_variant(model, x, want, rtol=0, atol=0)


@case
def all_positive_and_all_equal_images():
    model = quantized(save([helper.make_node("Conv", ["x", "w"], ["y"], "layer", pads=[1] * 4)], {"w": number(16, 3, 3, 3)}, [1, 3, 8, 8], None))
    for x in (np.full((1, 3, 8, 8), 2.5), np.zeros((1, 3, 8, 8)), -np.ones((1, 3, 8, 8)), np.arange(192).reshape(1, 3, 8, 8)):
        x = x.astype(np.float32)
        want = run_onnxruntime(model, {"x": x})["y"]
        check_each_variant(model, x, want, rtol=0, atol=0)


@case
def unsigned_weights_that_fit():
    """Less a zero point of 128 they are signed bytes, less 0 they are not; then plain loops remain, and the summary says so."""
    w = number(16, 3, 3, 3)
    w.flat[0] = -1.01 * np.abs(w).max()  # the larger side: a zero point of 128
    layer = [helper.make_node("Conv", ["x", "w"], ["y"], "layer", pads=[1] * 4)]
    from onnxruntime.quantization import QuantType

    for weights, left in ((w, 0), (np.abs(w), 1)):
        model = quantized(save(layer, {"w": weights}, [1, 3, 8, 8], None), weight_type=QuantType.QUInt8)
        x = RNG.standard_normal((1, 3, 8, 8)).astype(np.float32)
        want = run_onnxruntime(model, {"x": x})["y"]
        check(slow(model) == left, "unsigned weights")
        said = run([BUILD / "bin/qcc", model, "-o", scratch() / "m.o"]).stderr
        check(("on plain loops: 'layer_quant': no int8 kernel" in said) == bool(left), f"the summary: {said}")
        check_each_variant(model, x, want, rtol=0, atol=0)


def small_network():
    """A convolution, a depthwise one and a product."""
    node = helper.make_node
    nodes = [
        node("Conv", ["x", "w", "b"], ["1"], "first", pads=[1] * 4),
        node("HardSwish", ["1"], ["2"]),
        node("Conv", ["2", "d"], ["3"], "depthwise", pads=[1] * 4, group=32, strides=[2, 2]),
        node("Relu", ["3"], ["4"]),
        node("Flatten", ["4"], ["5"]),
        node("MatMul", ["5", "m"], ["y"], "dense"),
    ]
    weights = {"w": number(32, 3, 3, 3), "b": number(32), "d": number(32, 1, 3, 3), "m": number(10, 512).T.copy()}
    return quantized(save(nodes, weights, [1, 3, 8, 8], [1, 10])), RNG.standard_normal((1, 3, 8, 8)).astype(np.float32)


@case
def the_quantised_graph_keeps_its_operators():
    model, x = small_network()
    graph = qcc(model, "--emit=onnx", output="q.onnx")
    kinds = [node.op_type for node in onnx.load(graph).graph.node]
    check(kinds.count("ConvInteger") == 2 and kinds.count("MatMulInteger") == 1, kinds)
    check_equal(run_onnxruntime(graph, {"x": x}, optimise=False)["y"], run_onnxruntime(model, {"x": x}, optimise=False)["y"])


@case
def gpus_take_products_alone():
    require("avx2")
    model, x = small_network()
    library = qcc(model, "--target=nvptx64-nvidia-cuda", "--march=emulated", "--emit=shared", output="gpu.so")
    check_close(run_model(library, {"x": x})["y"], run_onnxruntime(model, {"x": x})["y"], rtol=1e-5, atol=1e-5)


@case
def several_images_are_measured_together():
    """As the model says, on plain loops."""
    model = quantized(save([helper.make_node("Conv", ["x", "w"], ["y"], "layer")], {"w": number(16, 3, 3, 3)}, [2, 3, 8, 8], None))
    check(slow(model) == 1, "two images have one scale")
    x = (RNG.standard_normal((2, 3, 8, 8)) * [[[[1]]], [[[20]]]]).astype(np.float32)
    check_each_variant(model, x, run_onnxruntime(model, {"x": x})["y"], rtol=0, atol=0)


def check_network(name, x):
    """Where a float before the end is another (an average), a byte on an edge may fall to the other side."""
    require("shared-models")
    model = quantized(MODELS / name)
    feed = onnx.load(model).graph.input[0].name
    want = next(iter(run_onnxruntime(model, {feed: x}).values()))
    check(slow(model) == 0, "a product is left to plain loops")
    library = qcc(model, "--emit=shared", output="m.so")
    got = next(iter(run_model(library, {feed: x}).values()))
    check(np.argmax(got) == np.argmax(want), "another class")
    check(sqnr(got, want) > 100, f"{sqnr(got, want):.1f} dB")


@case
def a_small_network():
    check_network("fashion-mnist/models/fm_cnn_ts_b1.onnx", RNG.standard_normal((1, 1, 28, 28)).astype(np.float32))


@case
def squeezenet_and_mobilenet():
    require("shared-models")
    picture = np.load(MODELS / "images_cc/images36_u8_nhwc.npy")[:1].astype(np.float32).transpose(0, 3, 1, 2)
    check_network("squeezenet11/squeezenet11_224.onnx", np.ascontiguousarray(picture[:, ::-1] - np.float32([104, 117, 123]).reshape(1, 3, 1, 1)))
    check_network("mobilenetv2/mobilenetv2_10_224.onnx", picture / np.float32(127.5) - 1)


main()
