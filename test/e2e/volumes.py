"""Convolutions of volumes, alone and in networks, against ONNX Runtime: float, dynamic and static int8."""

from support import *

import onnx
from onnx import TensorProto, helper, numpy_helper

node = helper.make_node


class Network:
    """From the input "x" to the output "y"."""

    def __init__(self, seed=0):
        self.rng, self.nodes, self.weights = np.random.default_rng(seed), [], {}

    def add(self, op, inputs, output, **attributes):
        self.nodes.append(node(op, inputs.split(","), [output], f"{op}_{output}", **attributes))

    def conv(self, x, y, inputs, outputs, kernel, group=1, op="Conv", **attributes):
        shape = (outputs, inputs // group) if op == "Conv" else (inputs, outputs // group)
        self.weights[f"w{y}"] = self.rng.standard_normal((*shape, *kernel)) / np.sqrt(inputs // group * np.prod(kernel))
        self.weights[f"b{y}"] = self.rng.standard_normal(outputs)
        self.add(op, f"{x},w{y},b{y}", y, group=group, **attributes)

    def save(self, shape):
        ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, s) for name, s in (("x", shape), ("y", None))]
        weights = [numpy_helper.from_array(v.astype(np.float32), k) for k, v in self.weights.items()]
        graph = helper.make_graph(self.nodes, "volumes", ends[:1], ends[1:], weights)
        path = scratch() / "m.onnx"
        onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
        return path, {"x": self.rng.standard_normal(shape).astype(np.float32)}


def check_network(network, shape, dynamic=30, static=25):
    model, inputs = network.save(shape)
    expected = run_onnxruntime(model, inputs)["y"]
    np.savez(scratch() / "samples.npz", **inputs)
    modes = {"none": ["--quantize=none"], "dynamic": [], "static": ["--calib", scratch() / "samples.npz"]}
    for name, least in (("none", 100), ("dynamic", dynamic), ("static", static)):
        got = run_model(qcc(model, "--emit=shared", *modes[name], output=f"{name}.so"), inputs)["y"]
        check(got.shape == expected.shape, f"the shape is {got.shape}, not {expected.shape}")
        check(sqnr(got, expected) > least, f"{name}: {sqnr(got, expected):.1f} dB")
    return model


@case
def convolutions_of_all_forms():
    rng = np.random.default_rng(5)
    for trial in range(16):
        group, op = int(rng.integers(1, 3)), ("Conv", "ConvTranspose")[trial % 2]
        inputs, outputs = (int(2 * group * rng.integers(1, 4)) for _ in range(2))
        strides, dilations, pads = rng.integers(1, 4, 3).tolist(), rng.integers(1, 3, 3).tolist(), rng.integers(0, 3, 6).tolist()
        more = {"output_padding": [stride // 2 for stride in strides]} if op == "ConvTranspose" else {}
        network = Network(trial)
        network.conv("x", "y", inputs, outputs, rng.integers(1, 4, 3).tolist(), group, op, strides=strides, dilations=dilations, pads=pads, **more)
        check_network(network, [int(rng.integers(1, 3)), inputs, *rng.integers(5, 8, 3).tolist()])


def residual():
    network = Network()
    network.conv("x", "1", 3, 16, (3, 5, 5), pads=[1, 2, 2, 1, 2, 2], strides=[1, 2, 2])
    network.add("Relu", "1", "2")
    network.conv("2", "3", 16, 16, (3, 3, 3), pads=[1] * 6)
    network.weights |= {"scale": np.linspace(0.5, 2, 16), "bias": np.linspace(-1, 1, 16), "mean": np.zeros(16), "var": np.ones(16)}
    network.add("BatchNormalization", "3,scale,bias,mean,var", "4")
    network.add("Relu", "4", "5")
    network.conv("5", "6", 16, 16, (3, 3, 3), pads=[1] * 6)
    network.add("Add", "6,2", "7")
    network.add("Relu", "7", "8")
    network.conv("8", "9", 16, 24, (3, 3, 3), pads=[1] * 6, strides=[2, 2, 2])
    network.add("GlobalAveragePool", "9", "y")
    return network


@case
def a_residual_network():
    for batch in (1, 2):
        model = check_network(residual(), [batch, 3, 6, 16, 16])
    # Between its convolutions volumes stay images with channels last: all is fused, and nothing turned around.
    text = run([BUILD / "bin/qcc", model, "--quantize=none", "--until=fuse", "-o", "-"]).stdout
    check(text.count('"qcc.relu"') == 0 and text.count('"qcc.batch_normalization"') == 0, "what follows the convolutions is not fused")


@case
def a_network_that_shrinks_and_grows():
    network = Network()
    network.conv("x", "1", 2, 8, (3, 3, 3), pads=[1] * 6)
    network.add("LeakyRelu", "1", "2", alpha=0.1)
    network.conv("2", "3", 8, 16, (2, 2, 2), strides=[2, 2, 2])
    network.conv("3", "4", 16, 8, (2, 2, 2), op="ConvTranspose", strides=[2, 2, 2])
    network.add("Concat", "4,2", "5", axis=1)
    network.conv("5", "6", 16, 8, (3, 3, 3), pads=[1] * 6)
    network.add("Sigmoid", "6", "y")
    check_network(network, [1, 2, 8, 12, 10])


@case
def filters_that_only_the_run_knows():
    x, w = (np.random.default_rng(7).standard_normal(s).astype(np.float32) for s in ((1, 4, 4, 5, 6), (6, 4, 2, 3, 3)))
    ends = [helper.make_tensor_value_info(k, TensorProto.FLOAT, v.shape) for k, v in (("x", x), ("w", w))]
    graph = helper.make_graph([node("Conv", ["x", "w"], ["y"])], "run", ends, [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), scratch() / "m.onnx")
    got = run_model(qcc(scratch() / "m.onnx", "--emit=shared", output="m.so"), {"x": x, "w": w})["y"]
    check_close(got, run_onnxruntime(scratch() / "m.onnx", {"x": x, "w": w})["y"], rtol=1e-4, atol=1e-5)


main()
