"""Small networks that carry their own QuantizeLinears, against ONNX Runtime."""

import onnx
from onnx import TensorProto, helper, numpy_helper

from support import *


class Network:
    """Nodes and constants of a model, x: u8 [1, 8, 9, 9] -> y."""

    def __init__(self):
        self.nodes, self.constants = [], []
        self.rng = np.random.default_rng(3)

    def constant(self, value):
        self.constants.append(numpy_helper.from_array(np.asarray(value), f"c{len(self.constants)}"))
        return self.constants[-1].name

    def node(self, kind, *inputs, output=None, **attributes):
        name = output or f"n{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [name], name, **attributes))
        return name

    def dequantize(self, value, scale, zero):
        return self.node("DequantizeLinear", value, self.constant(np.float32(scale)), self.constant(zero))

    def quantize(self, value, scale, zero, **more):
        return self.node("QuantizeLinear", value, self.constant(np.float32(scale)), self.constant(zero), **more)

    def conv(self, value):
        weights = self.constant(self.rng.integers(-127, 128, (16, 8, 3, 3), np.int8))
        return self.node("Conv", value, self.dequantize(weights, 0.01, np.int8(0)), pads=[1] * 4)

    def save(self, path, kind):
        ends = ("x", TensorProto.UINT8, [1, 8, 9, 9]), ("y", kind, [1, 16, 9, 9])
        x, y = [[helper.make_tensor_value_info(*end)] for end in ends]
        graph = helper.make_graph(self.nodes, "own", x, y, self.constants)
        onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)


def check_within_a_step(network, kind):
    model = scratch() / "m.onnx"
    network.save(model, kind)
    x = network.rng.integers(0, 256, (1, 8, 9, 9), np.uint8)
    theirs = run_onnxruntime(model, {"x": x}, optimise=False)["y"]
    library = qcc(model, "--emit=shared", output="m.so")
    for isa in ("x86-64", "avx2", "avxvnni", "avx512vnni"):
        if isa == "x86-64" or isa in FEATURES:
            ours = run_model(library, {"x": x}, env={"QCC_ISA": isa})["y"]
            check(ours.dtype == theirs.dtype, f"type {ours.dtype}")
            check_close(ours.astype(int), theirs.astype(int), rtol=0, atol=1)
            check(np.mean(ours != theirs) < 0.005, f"{np.count_nonzero(ours != theirs)} values differ")
            check(len(np.unique(ours)) > 50, "the test is too easy")


@case
def a_convolution_gives_signed_bytes():
    n = Network()
    n.quantize(n.conv(n.dequantize("x", 0.02, np.uint8(128))), 0.05, np.int8(-3), output="y")
    check_within_a_step(n, TensorProto.INT8)


@case
def a_function_behind_a_rounded_convolution_becomes_its_table():
    for kind, zero in ((TensorProto.UINT8, np.uint8(0)), (TensorProto.INT8, np.int8(-128))):
        n = Network()
        rounded = n.quantize(n.node("LeakyRelu", n.conv(n.dequantize("x", 0.02, np.uint8(128))), alpha=0.2), 0.02, np.uint8(90))
        n.quantize(n.node("Sigmoid", n.dequantize(rounded, 0.02, np.uint8(90))), 1 / 256, zero, output="y")
        check_within_a_step(n, kind)


main()
