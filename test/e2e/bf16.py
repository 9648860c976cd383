"""--precision=bf16: every variant gives what the reference makes of the network with bf16 in its types."""

import onnx
from onnx import TensorProto, helper, numpy_helper
from emulated import *
from gpu import TARGET, assemble, check_interpreted


def network(path):
    """Padding, a stride, an odd depth, a residual, a depthwise filter, a pool and a dense layer."""
    rng = np.random.default_rng(3)
    nodes, weights = [], []

    def weight(name, *shape):
        value = rng.standard_normal(shape) / np.sqrt(np.prod(shape[1:]))
        weights.append(numpy_helper.from_array(value.astype(np.float32), name))
        return name

    def conv(x, name, inputs, outputs, kernel, act="Relu", **attributes):
        pads = [kernel // 2] * 4
        operands = [x, weight(f"{name}.w", outputs, inputs, kernel, kernel), weight(f"{name}.b", outputs)]
        nodes.append(helper.make_node("Conv", operands, [name], name=name, pads=pads, **attributes))
        if act:
            nodes.append(helper.make_node(act, [name], [f"{name}.act"], name=f"{name}.act"))
        return f"{name}.act" if act else name

    x = conv("x", "stem", 3, 21, 3, strides=[2, 2])
    y = conv(x, "a", 21, 40, 1, "HardSwish")
    y = conv(y, "dw", 1, 40, 3, group=40)
    y = conv(y, "b", 40, 21, 3, None)
    nodes.append(helper.make_node("Add", [x, y], ["sum"], name="sum"))
    nodes.append(helper.make_node("MaxPool", ["sum"], ["pool"], name="pool", kernel_shape=[3, 3], strides=[2, 2], pads=[1] * 4))
    y = conv("pool", "c", 21, 32, 1)
    nodes.append(helper.make_node("GlobalAveragePool", [y], ["mean"], name="mean"))
    nodes.append(helper.make_node("Flatten", ["mean"], ["flat"], name="flat"))
    nodes.append(helper.make_node("Gemm", ["flat", weight("d.w", 10, 32), weight("d.b", 10)], ["y"], name="d", transB=1))
    inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, 18, 18])]
    outputs = [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 10])]
    graph = helper.make_graph(nodes, "bf16", inputs, outputs, weights)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return rng.standard_normal((1, 3, 18, 18)).astype(np.float32)


def attention(path):
    """Two heads of 16 numbers, 37 tokens that see those before them; a product in front of each operand and behind."""
    rng = np.random.default_rng(5)
    weights = {f"w{i}": rng.standard_normal((32, 32)) / 6 for i in range(4)}
    weights |= {"mask": np.where(np.tri(37), 0, -np.inf), "half": np.array(0.5)}
    constants = [numpy_helper.from_array(value.astype(np.float32), name) for name, value in weights.items()]
    constants += [numpy_helper.from_array(np.array(shape), name) for name, shape in (("split", [1, 37, 2, 16]), ("join", [1, 37, 32]))]
    nodes = []
    node = lambda op, inputs, output, **more: nodes.append(helper.make_node(op, inputs, [output], output, **more))
    for i, perm in enumerate(([0, 2, 1, 3], [0, 2, 3, 1], [0, 2, 1, 3])):
        node("MatMul", ["x", f"w{i}"], f"p{i}")
        node("Reshape", [f"p{i}", "split"], f"s{i}")
        node("Transpose", [f"s{i}"], f"t{i}", perm=perm)
    node("MatMul", ["t0", "t1"], "products")
    node("Mul", ["products", "half"], "scaled")
    node("Add", ["scaled", "mask"], "scores")
    node("Softmax", ["scores"], "weights", axis=-1)
    node("MatMul", ["weights", "t2"], "sums")
    node("Transpose", ["sums"], "turned", perm=[0, 2, 1, 3])
    node("Reshape", ["turned", "join"], "joined")
    node("MatMul", ["joined", "w3"], "y")
    info = lambda name: helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 37, 32])
    graph = helper.make_graph(nodes, "attention", [info("x")], [info("y")], constants)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return rng.standard_normal((1, 37, 32)).astype(np.float32)


OPTIONS = ["--quantize=none", "--precision=bf16"]


def network_and_wanted(write=network, *more):
    """The model, an input, and what the reference makes of the network in the IR."""
    folder = scratch()
    image = write(folder / "m.onnx")
    np.save(folder / "x.npy", image)
    text = qcc(folder / "m.onnx", *OPTIONS, *more, "--until=fuse", output="m.mlir")
    check("bf16" in Path(text).read_text(), "no bf16 in the IR")
    run([BUILD / "test/bin/qcc-eval", text, folder / "want", folder / "x.npy"])
    return folder / "m.onnx", image, np.load(folder / "want0.npy")


def check_near(got, want, isa):
    # A sum that is a little off may be rounded to the neighbour.
    check(sqnr(got, want) > 50, f"{isa}: {sqnr(got, want)} dB")


def check_variants(model, image, want, *more):
    library = qcc(model, *OPTIONS, *more, "--emit=shared", output="m.so")
    for isa in ("x86-64", "avx2", "avx512vnni", "avx512bf16"):
        if isa == "x86-64" or isa in FEATURES:
            check_near(run_model(library, {"x": image}, env={"QCC_ISA": isa})["y"], want, isa)


@case
def every_variant_equals_the_reference():
    check_variants(*network_and_wanted())


@case
def attention_in_every_variant_equals_the_reference():
    check_variants(*network_and_wanted(attention))
    text = (scratch() / "m.mlir").read_text()
    check("tensor<1x37x2x16xbf16>" in text and text.count("qcc.cast") == 1, "attention does not pass bf16 on")


@case
def attention_of_bf16_behind_products_of_int8_equals_the_reference():
    network = network_and_wanted(attention, "--quantize=dynamic")
    text = (scratch() / "m.mlir").read_text()
    check("tensor<1x37x2x16xbf16>" in text and text.count('"qcc.dynamic_matmul"') == 4, "attention is not of bf16, or products are not of int8")
    check_variants(*network, "--quantize=dynamic")
    gpu = qcc(network[0], *OPTIONS, "--quantize=dynamic", TARGET, "--march=emulated", "--emit=shared", output="gpu.so")
    check_near(run_model(gpu, {"x": network[1]})["y"], network[2], "emulated")


def check_levels(model, image, want):
    require("aarch64")
    app = program(model, *OPTIONS)
    for level in PROCESSORS:
        chosen = "bf16" if level == "i8mm" else level
        check_near(emulate(app, image.tobytes(), level, chosen=chosen).reshape(want.shape), want, chosen)
    check_near(emulate(app, image.tobytes(), "i8mm", QCC_ISA="i8mm").reshape(want.shape), want, "i8mm")


@case
def every_level_of_arm_equals_the_reference():
    check_levels(*network_and_wanted())


@case
def attention_in_every_level_of_arm_equals_the_reference():
    check_levels(*network_and_wanted(attention))


@case
def kernels_of_gpus_equal_the_reference():
    model, image, want = network_and_wanted()
    library = qcc(model, *OPTIONS, TARGET, "--march=emulated", "--emit=shared", output="gpu.so")
    check_near(run_model(library, {"x": image})["y"], want, "emulated")
    near = lambda got, expected: check_near(got, expected, "PTX")
    check_interpreted(model, {"x": image}, *OPTIONS, generations=["sm_75", "sm_80"], compare=near)
    assemble(model, *OPTIONS)
    text = qcc(model, *OPTIONS, TARGET, "--march=sm_80", "--emit=ptx", output="m.ptx").read_text()
    check("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32" in text, "nothing is multiplied in tensor cores")


@case
def rounding_costs_less_than_a_percent():
    image = network(scratch() / "m.onnx")
    exact = qcc(scratch() / "m.onnx", "--quantize=none", "--emit=shared", output="f.so")
    rounded = qcc(scratch() / "m.onnx", *OPTIONS, "--emit=shared", output="m.so")
    noise = sqnr(run_model(rounded, {"x": image})["y"], run_model(exact, {"x": image})["y"])
    check(35 < noise < 80, f"{noise} dB")


main()
