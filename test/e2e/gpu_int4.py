"""Weights of 4 bits on GPUs (q13): emulated and interpreted, against x86."""

import onnx
from gpu import *
from onnx import TensorProto, helper, numpy_helper
from shared_networks import networks


def save(path, nodes, x, y, constants):
    info = lambda name, shape: helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
    weights = [numpy_helper.from_array(value, name) for name, value in constants.items()]
    graph = helper.make_graph(nodes, "int4", [info("x", x)], [info("y", y)], weights)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path


def normal(*shape):
    return np.random.default_rng(sum(shape)).standard_normal(shape).astype(np.float32)


def dense(path, rows):
    """As many weights as qcc takes to 4 bits, and a depth that is no multiple of 32."""
    constants = {"w": normal(650, 410) / 25, "b": normal(410)}
    nodes = [helper.make_node("MatMul", ["x", "w"], ["p"]), helper.make_node("Add", ["p", "b"], ["y"])]
    return save(path, nodes, [rows, 650], [rows, 410], constants)


def check_both(path, inputs, *options, compare):
    said = run([BUILD / "bin/qcc", path, TARGET, "--march=emulated", "--emit=shared", *options, "-o", scratch() / "m.so"]).stderr
    check("int4" in said, said)
    check_emulated(path, inputs, *options, compare=compare)
    check_interpreted(path, inputs, *options, generations=["sm_75", "sm_80"], compare=compare)
    assemble(path, *options, generations=["sm_75", "sm_90"])


@case
def products_give_the_floats_of_x86():
    require("avx2")
    for rows in (1, 12):
        path = dense(scratch() / "m.onnx", rows)
        check_both(path, {"x": normal(rows, 650)}, "--quantize=dynamic", "--weights=int4", compare=check_equal)


@case
def products_of_floats_agree_with_x86():
    require("avx2")
    path = dense(scratch() / "m.onnx", 3)
    check_both(path, {"x": normal(3, 650)}, "--quantize=weights", "--weights=int4", compare=check_close)


@case
def recurrent_layers_agree_with_x86():
    require("avx2")
    constants = {"w": normal(1, 1024, 300) / 20, "r": normal(1, 1024, 256) / 20}
    nodes = [helper.make_node("LSTM", ["x", "w", "r"], ["all"], hidden_size=256), helper.make_node("Squeeze", ["all"], ["y"])]
    path = save(scratch() / "m.onnx", nodes, [3, 1, 300], [3, 256], constants)
    near = lambda got, want: check(sqnr(got, want) > 60, f"{sqnr(got, want):.1f} dB")
    check_both(path, {"x": normal(3, 1, 300)}, "--quantize=dynamic", "--weights=int4", compare=near)


@case
def sentences_agree_with_x86():
    require("shared-models", "avx2")
    network = networks(scratch())["minilm_l6_v2"]
    network.options = ["--shape=input_ids:1x12", "--weights=int4", "-O1"]
    options = network.compile_options("dynamic", scratch())
    inputs = {name: value[:, :12] for name, value in network.one_sample().items()}
    near = lambda got, want: check(sqnr(got, want) > 40, f"{sqnr(got, want):.1f} dB")
    check_emulated(network.path, inputs, *options, compare=near)
    network.path.unlink()


main()
