"""Writes a network of convolutions layer by layer, with random weights that behave.

BatchNormalization carries the statistics that the layer's input really has: the
graph is written twice, first with the normalisation spelt out (and its mean and
variance as outputs), which one run over a few images answers; then with the
operator itself."""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

OPSET = 17
IR_VERSION = 8  # read by every peer
EPSILON = 1e-5


def images(count, shape, seed):
    """Inputs with large and small structures, about normal: (count, *shape)."""
    rng = np.random.default_rng(seed)
    channels, height, width = shape
    coarse = rng.standard_normal((count, channels, height // 16, width // 16))
    smooth = np.kron(coarse, np.ones((16, 16)))
    fine = rng.standard_normal((count, channels, height, width))
    return (0.8 * smooth + 0.6 * fine).astype(np.float32)


class Builder:
    """Each method appends an operator and gives the name of its output."""

    def __init__(self, name, shape=(3, 224, 224), seed=1):
        self.name, self.shape = name, shape
        self.rng = np.random.default_rng(seed)
        self.nodes, self.weights, self.norms = [], {}, []
        self.input = "input"

    # Pieces

    def node(self, kind, inputs, name, **attributes):
        self.nodes.append(helper.make_node(kind, inputs, [f"{name}_out"], name=name, **attributes))
        return f"{name}_out"

    def weight(self, name, value):
        self.weights[name] = np.asarray(value, np.float32)
        return name

    def random(self, name, *shape):
        """Scaled so that a layer keeps the variance of what it is given."""
        deviation = np.sqrt(2 / np.prod(shape[1:]))
        return self.weight(name, self.rng.standard_normal(shape) * deviation)

    # Layers

    def conv(self, x, name, inputs, outputs, kernel=1, stride=1, groups=1, bias=False):
        operands = [x, self.random(f"{name}.weight", outputs, inputs // groups, kernel, kernel)]
        if bias:
            operands.append(self.weight(f"{name}.bias", self.rng.uniform(-0.1, 0.1, outputs)))
        sizes = {"kernel_shape": [kernel] * 2, "strides": [stride] * 2, "pads": [kernel // 2] * 4}
        return self.node("Conv", operands, name, group=groups, dilations=[1, 1], **sizes)

    def norm(self, x, name, channels):
        self.weight(f"{name}.weight", self.rng.uniform(0.6, 1.4, channels))
        self.weight(f"{name}.bias", self.rng.normal(0, 0.3, channels))
        self.norms.append((len(self.nodes), name))
        parameters = [f"{name}.{part}" for part in ("weight", "bias", "mean", "var")]
        return self.node("BatchNormalization", [x, *parameters], name, epsilon=EPSILON)

    def act(self, x, name, kind):
        if kind is None:
            return x
        if kind == "SiLU":
            return self.node("Mul", [x, self.node("Sigmoid", [x], f"{name}.sigmoid")], name)
        if kind == "Relu6":
            bounds = [self.weight("zero", 0.0), self.weight("six", 6.0)]
            return self.node("Clip", [x, *bounds], name)
        if kind == "HardSigmoid":
            return self.node(kind, [x], name, alpha=1 / 6, beta=0.5)
        return self.node(kind, [x], name)

    def block(self, x, name, inputs, outputs, kernel=1, stride=1, groups=1, act=None):
        """Convolution, normalisation, activation."""
        x = self.conv(x, f"{name}.conv", inputs, outputs, kernel, stride, groups)
        return self.act(self.norm(x, f"{name}.norm", outputs), f"{name}.act", act)

    def squeeze_excite(self, x, name, channels, squeezed, act, gate):
        s = self.node("GlobalAveragePool", [x], f"{name}.pool")
        s = self.act(self.conv(s, f"{name}.fc1", channels, squeezed, bias=True), f"{name}.act", act)
        s = self.act(self.conv(s, f"{name}.fc2", squeezed, channels, bias=True), f"{name}.gate", gate)
        return self.node("Mul", [x, s], f"{name}.scale")

    def add(self, a, b, name):
        return self.node("Add", [a, b], name)

    def head(self, x, channels, hidden=None):
        x = self.node("GlobalAveragePool", [x], "pool")
        x = self.node("Flatten", [x], "flatten", axis=1)
        if hidden:
            x = self.act(self.dense(x, "hidden", channels, hidden), "hidden.act", "HardSwish")
        return self.dense(x, "classifier", hidden or channels, 1000)

    def dense(self, x, name, inputs, outputs):
        operands = [x, self.random(f"{name}.weight", outputs, inputs), self.weight(f"{name}.bias", np.zeros(outputs))]
        return self.node("Gemm", operands, name, transB=1)

    # The model

    def samples(self, count, seed):
        """Inputs that look like what it is for: (count, *shape)."""
        return images(count, self.shape, seed)

    def model(self, settle):
        """`settle` runs a model: (model, inputs) -> {output: array}."""
        measured = settle(self._settling(), {self.input: images(4, self.shape, seed=2)})
        for _, name in self.norms:
            for part in ("mean", "var"):
                self.weights[f"{name}.{part}"] = measured[f"{name}.{part}"].reshape(-1)
        self.nodes[-1].output[0] = "output"
        return self._finish(self.nodes, [("output", [1, 1000])], batch=1)

    def _settling(self):
        """The graph whose normalisations take the statistics of the batch and report them."""
        nodes, at = [], dict(self.norms)
        for index, node in enumerate(self.nodes):
            nodes += self._spelt_out(node) if index in at else [node]
        outputs = [(f"{name}.{part}", None) for _, name in self.norms for part in ("mean", "var")]
        return self._finish(nodes, outputs, batch=4)

    def _spelt_out(self, node):
        x, scale, bias, mean, var = node.input
        made, t = [], lambda part: f"{node.name}.{part}"

        def op(kind, inputs, output, **attributes):
            made.append(helper.make_node(kind, inputs, [output], **attributes))
            return output

        for part in (scale, bias):
            self.weights[f"{part}.4d"] = self.weights[part].reshape(1, -1, 1, 1)
        self.weight("epsilon", EPSILON)
        op("ReduceMean", [x], mean, axes=[0, 2, 3], keepdims=1)
        centred = op("Sub", [x, mean], t("centred"))
        op("ReduceMean", [op("Mul", [centred, centred], t("square"))], var, axes=[0, 2, 3], keepdims=1)
        deviation = op("Sqrt", [op("Add", [var, "epsilon"], t("var_eps"))], t("deviation"))
        unit = op("Div", [centred, deviation], t("unit"))
        op("Add", [op("Mul", [unit, f"{scale}.4d"], t("scaled")), f"{bias}.4d"], node.output[0])
        return made

    def _finish(self, nodes, outputs, batch):
        used = {name for node in nodes for name in node.input}
        weights = [numpy_helper.from_array(v, n) for n, v in self.weights.items() if n in used]
        inputs = [helper.make_tensor_value_info(self.input, TensorProto.FLOAT, [batch, *self.shape])]
        results = [helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in outputs]
        graph = helper.make_graph(nodes, self.name, inputs, results, weights)
        opset = [helper.make_opsetid("", OPSET)]
        return helper.make_model(graph, opset_imports=opset, ir_version=IR_VERSION, producer_name="qcc tools/bench")


def parameters(model):
    """How many weights a model has, without scalars, integers and BatchNormalization's statistics."""
    statistics = {name for n in model.graph.node if n.op_type == "BatchNormalization" for name in n.input[3:]}
    weights = [w for w in model.graph.initializer if w.dims and w.data_type == TensorProto.FLOAT]
    return sum(int(np.prod(w.dims)) for w in weights if w.name not in statistics)


def macs(model):
    """Multiply-adds of one run's convolutions, matrix products and recurrent layers."""
    graph = onnx.shape_inference.infer_shapes(model, data_prop=True).graph
    shapes = {w.name: list(w.dims) for w in graph.initializer}
    for value in [*graph.value_info, *graph.input, *graph.output]:
        shapes[value.name] = [d.dim_value for d in value.type.tensor_type.shape.dim]
    total = 0
    for node in graph.node:
        if node.op_type == "Conv":
            total += np.prod(shapes[node.output[0]]) * np.prod(shapes[node.input[1]][1:])
        elif node.op_type in ("Gemm", "MatMul"):
            transposed = any(a.name == "transA" and a.i for a in node.attribute)
            total += np.prod(shapes[node.output[0]]) * shapes[node.input[0]][-2 if transposed else -1]
        elif node.op_type in ("LSTM", "GRU", "RNN"):
            steps, batch = shapes[node.input[0]][:2]
            total += steps * batch * sum(np.prod(shapes[matrix]) for matrix in node.input[1:3])
    return int(total)
