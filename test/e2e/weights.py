"""Weights stored as integers while everything computes in float: --quantize=weights, and models that say so themselves."""

from support import *


def node(op, inputs, output, **attributes):
    from onnx import helper

    return helper.make_node(op, inputs, [output], f"node {output}", **attributes)


def save(nodes, shape, constants, result, opset=17):
    """Writes x: `shape` -> y: `result` with normally distributed constants, or arrays; gives the path and an input."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    rng = np.random.default_rng(3)
    number = lambda size: rng.standard_normal(size).astype(np.float32)
    describe = lambda name, size: helper.make_tensor_value_info(name, TensorProto.FLOAT, size)
    arrays = {name: value if isinstance(value, np.ndarray) else number(value) for name, value in constants.items()}
    initializers = [numpy_helper.from_array(value, name) for name, value in arrays.items()]
    graph = helper.make_graph(nodes, "weights", [describe("x", shape)], [describe("y", result)], initializers)
    path = scratch() / "m.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=10), path)
    return path, {"x": number(shape)}


def check_stored(model, inputs, *options, says="", floats=None):
    """Every variant against ONNX Runtime on the graph that the same options export; `floats`: the least factor by
    which the object is smaller than that of floats."""
    library = scratch() / "m.so"
    said = run([BUILD / "bin" / "qcc", model, "--emit=shared", *options, "-o", library]).stderr
    check(says in said, said)
    graph = qcc(model, "--emit=onnx", *options, output="m.qdq.onnx")
    expected = run_onnxruntime(graph, inputs, optimise=False)
    for isa in ("x86-64", "avx2", "avx512vnni"):
        if isa == "x86-64" or isa in FEATURES:
            for name, value in run_model(library, inputs, env={"QCC_ISA": isa}).items():
                scale = np.abs(expected[name]).max()
                check_close(value / scale, expected[name] / scale, rtol=1e-4, atol=1e-5)
    if floats:
        plain = qcc(model, "--emit=shared", "--quantize=none", output="float.so")
        smaller = plain.stat().st_size - library.stat().st_size
        check(smaller > floats, f"only {smaller} bytes smaller")


@case
def convolutions():
    nodes = [
        node("Conv", ["x", "w1", "b1"], "1", pads=[1] * 4),
        node("Relu", ["1"], "2"),
        node("Conv", ["2", "w2", "b2"], "3", pads=[1] * 4, group=70, strides=[2, 2]),  # depthwise
        node("HardSwish", ["3"], "4"),
        node("Conv", ["4", "w3"], "5", pads=[2] * 4, group=2, dilations=[2, 2]),
        node("Conv", ["5", "w4", "b4"], "6"),
        node("Add", ["6", "5"], "7"),
        node("Relu", ["7"], "y"),
    ]
    constants = {"w1": [70, 3, 3, 3], "b1": [70], "w2": [70, 1, 3, 3], "b2": [70], "w3": [40, 35, 3, 3],
                 "w4": [40, 40, 1, 1], "b4": [40]}  # fmt: skip
    model, inputs = save(nodes, [2, 3, 15, 13], constants, [2, 40, 8, 7])
    check_stored(model, inputs, "--quantize=weights", says="4 products of floats with weights of int8")


@case
def transposed_and_one_dimensional_convolutions():
    nodes = [
        node("Conv", ["x", "w1", "b1"], "1", pads=[1, 1]),
        node("ConvTranspose", ["1", "w2", "b2"], "2", strides=[2], pads=[1, 0]),
        node("ConvTranspose", ["2", "w3"], "3", group=3),  # one scale for all
        node("LeakyRelu", ["3"], "y"),
    ]
    constants = {"w1": [8, 5, 3], "b1": [8], "w2": [8, 12, 3], "b2": [12], "w3": [12, 5, 4]}
    model, inputs = save(nodes, [1, 5, 11], constants, [1, 15, 25])
    check_stored(model, inputs, "--quantize=weights")


@case
def matrix_products():
    nodes = [
        node("MatMul", ["x", "w1"], "1"),
        node("Add", ["1", "b1"], "2"),
        node("Reshape", ["2", "rows"], "3"),
        node("Gemm", ["3", "w2", "b2"], "4", transB=1),
        node("Gemm", ["4", "w3"], "5", alpha=0.5),
        node("Reshape", ["5", "batches"], "6"),
        node("MatMul", ["6", "w4"], "y"),
    ]
    constants = {"w1": [24, 33], "b1": [33], "rows": np.array([12, 33]), "w2": [20, 33], "b2": [20], "w3": [20, 16],
                 "batches": np.array([2, 6, 16]), "w4": [2, 16, 300]}  # fmt: skip
    model, inputs = save(nodes, [2, 6, 24], constants, [2, 6, 300])
    check_stored(model, inputs, "--quantize=weights",
                 says="its weights become floats each time it runs: its weights are more than one matrix")  # fmt: skip


@case
def a_row_of_products():
    model, inputs = save([node("Gemm", ["x", "w", "b"], "y", transB=1)], [1, 1000], {"w": [700, 1000], "b": [700]}, [1, 700])
    check_stored(model, inputs, "--quantize=weights", floats=2_000_000)


@case
def weights_that_the_model_stores_itself():
    rng = np.random.default_rng(4)
    integers = lambda type, low, high, *shape: rng.integers(low, high, shape).astype(type)
    scales = lambda *shape: rng.uniform(0.01, 0.02, shape).astype(np.float32)
    nodes = [
        node("DequantizeLinear", ["w1", "s1", "z1"], "d1", axis=0),
        node("Conv", ["x", "d1", "b1"], "1"),
        node("DequantizeLinear", ["w2", "s2", "z2"], "d2"),
        node("Conv", ["1", "d2"], "2"),  # 9 bits
        node("DequantizeLinear", ["w3", "s3"], "d3", axis=1),
        node("Conv", ["2", "d3"], "3"),  # along the wrong axis
        node("DequantizeLinear", ["w4", "s4"], "d4", axis=1, block_size=4),
        node("Conv", ["3", "d4"], "y"),  # of blocks
    ]
    constants = {
        "w1": integers(np.uint8, 0, 256, 16, 4, 1, 1), "s1": scales(16), "z1": np.full(16, 128, np.uint8), "b1": [16],
        "w2": integers(np.uint8, 0, 256, 16, 16, 3, 3), "s2": scales(), "z2": np.array(3, np.uint8),
        "w3": integers(np.int8, -128, 128, 8, 16, 1, 1), "s3": scales(16),
        "w4": integers(np.int8, -128, 128, 8, 8, 1, 1), "s4": scales(8, 2, 1, 1),
    }  # fmt: skip
    model, inputs = save(nodes, [1, 4, 9, 9], constants, [1, 8, 7, 7], opset=21)
    check_stored(model, inputs, says="its weights are stored as floats: ")


@case
def real_networks():
    require("shared-models")
    models = {
        "fashion-mnist/models/fm_cnn_ts_b1": ((1, 1, 28, 28), 0),
        "squeezenet11/squeezenet11_224": ((1, 3, 224, 224), 3_000_000),
        "kws_dscnn/kws_dscnn_b1": ((1, 1, 49, 10), 0),
    }
    for name, (shape, smaller) in models.items():
        import onnx

        model = MODELS / f"{name}.onnx"
        first = onnx.load(model, load_external_data=False).graph.input[0].name
        inputs = {first: np.random.default_rng(1).uniform(-1, 1, shape).astype(np.float32)}
        check_stored(model, inputs, "--quantize=weights", floats=smaller)


main()
