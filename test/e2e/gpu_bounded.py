"""Inputs of bounded shape on GPUs: their kernels emulated, and their PTX interpreted."""

import onnx
from gpu import *
from onnx import TensorProto, helper, numpy_helper
from shared_networks import networks

MOST = 40


def attention(path):
    """Two heads of four numbers between dense layers, and a mean over the positions."""
    rng = np.random.default_rng(5)
    constants = {f"w{i}": rng.standard_normal((8, 8)).astype(np.float32) for i in range(4)}
    constants |= {"heads": np.array([1, -1, 2, 4]), "joined": np.array([1, -1, 8]), "half": np.float32(0.5)}
    nodes = []
    for i, perm in enumerate(([0, 2, 1, 3], [0, 2, 3, 1], [0, 2, 1, 3])):
        nodes += [helper.make_node("MatMul", ["x", f"w{i}"], [f"p{i}"]), helper.make_node("Reshape", [f"p{i}", "heads"], [f"r{i}"])]
        nodes.append(helper.make_node("Transpose", [f"r{i}"], [f"t{i}"], perm=perm))
    steps = [("MatMul", ["t0", "t1"], "products", {}), ("Mul", ["products", "half"], "scores", {}), ("Softmax", ["scores"], "weights", {"axis": -1}),
             ("MatMul", ["weights", "t2"], "sums", {}), ("Transpose", ["sums"], "back", {"perm": [0, 2, 1, 3]}), ("Reshape", ["back", "joined"], "joint", {}),
             ("MatMul", ["joint", "w3"], "y", {}), ("ReduceMean", ["y"], "mean", {"axes": [1], "keepdims": 0})]  # fmt: skip
    nodes += [helper.make_node(op, inputs, [output], **more) for op, inputs, output, more in steps]
    info = lambda name, shape: helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
    weights = [numpy_helper.from_array(value, name) for name, value in constants.items()]
    graph = helper.make_graph(nodes, "attention", [info("x", [1, "L", 8])], [info("y", [1, "L", 8]), info("mean", [1, 8])], weights)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path


def lengths(path, counts):
    rng = np.random.default_rng(7)
    for count in counts:
        x = rng.standard_normal((1, count, 8)).astype(np.float32)
        yield x, run_onnxruntime(path, {"x": x})


@case
def emulated_kernels_are_right_at_every_length():
    path = attention(scratch() / "m.onnx")
    library = qcc(path, TARGET, "--march=emulated", "--emit=shared", "--quantize=none", f"--shape=x:1x1..{MOST}x8", output="m.so")
    for x, wanted in lengths(path, (1, 2, 7, 31, 33, MOST)):
        got = run_model(library, {"x": x})
        for name, value in wanted.items():
            check_close(got[name], value)


@case
def interpreted_ptx_is_right_at_every_length():
    require("no-asan")
    path = attention(scratch() / "m.onnx")
    options = ["--quantize=none", f"--shape=x:1x1..{MOST}x8"]
    library = qcc(path, TARGET, "--march=sm_75,sm_80", "--emit=shared", *options, output="m.so")
    for generation in ("sm_75", "sm_80"):
        device = Device(library, generation)
        check("attention_0" in device.kernels, f"attention is not fused: {sorted(device.kernels)}")
        for x, wanted in lengths(path, (1, 7, 33)):
            got = device.run(x)
            for name, value in wanted.items():
                check_close(np.frombuffer(got[name], np.float32).reshape(value.shape), value)
    assemble(path, *options, generations=["sm_75", "sm_90"])


@case
def sentences_of_any_length_agree_with_x86():
    require("shared-models", "avx2")
    network = networks(scratch())["minilm_l6_v2"]
    network.options = ["--shape=input_ids:1x1..24", "-O1"]
    for way, decibels in (("float", 80), ("dynamic", 40)):
        options = ["--emit=shared", *network.compile_options(way, scratch())]
        here = qcc(network.path, "--march=avx2", *options, output="here.so")
        there = qcc(network.path, TARGET, "--march=emulated", *options, output="there.so")
        for count in (1, 9, 24):
            inputs = {name: value[:, :count] for name, value in network.one_sample().items()}
            got, wanted = (run_model(library, inputs)["sentence_embedding"] for library in (there, here))
            check(sqnr(got, wanted) >= decibels, f"{way}, {count} tokens: {sqnr(got, wanted):.1f} dB")
    for left in (network.path, here, there):
        left.unlink()


main()
