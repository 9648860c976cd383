"""usage: train.py DATA

Trains a small convolutional network on Fashion-MNIST, with NumPy alone, and
writes into the current folder

    float.onnx    the network as trained
    qat.onnx      the same, trained on for a little with quantisation simulated
    samples.npz   128 training images, to calibrate with

DATA is the folder with the four files of https://github.com/zalandoresearch/fashion-mnist."""

import gzip
import sys
from pathlib import Path

import numpy as np
from onnx import TensorProto, helper, numpy_helper, save

EPOCHS, QAT_EPOCHS, BATCH, RATE = 8, 2, 100, 0.1
CHANNELS = [1, 16, 32, 64]  # three 3x3 convolutions of stride 2: 28x28 -> 14x14 -> 7x7 -> 4x4


def read_idx(path):
    with gzip.open(path) as file:
        data = np.frombuffer(file.read(), np.uint8)
    dims = int(data[3])
    shape = data[4 : 4 + 4 * dims].view(">u4")
    return data[4 + 4 * dims :].reshape(shape)


class Quantiser:
    """Simulates uint8 activations: 256 steps from 0 to the largest value usual so far."""

    def __init__(self):
        self.top = 0.0

    def __call__(self, x):
        self.top = 0.9 * self.top + 0.1 * float(x.max()) if self.top else float(x.max())
        step = np.float32(self.top / 255)
        return np.rint(x / step).clip(0, 255) * step, x <= self.top


def quantised_weights(w):
    """int8 with one scale for each output channel, (integers, scales)."""
    scales = np.abs(w).max(1, keepdims=True) / np.float32(127)
    return np.rint(w / scales).clip(-127, 127), scales


class Layer:
    """y = x w' + b on the rows of x, and the step that makes it better."""

    def __init__(self, rng, inputs, outputs):
        self.w = (rng.standard_normal((outputs, inputs)) * np.sqrt(2 / inputs)).astype(np.float32)
        self.b = np.zeros(outputs, np.float32)
        self.speed = [np.zeros_like(self.w), np.zeros_like(self.b)]

    def forward(self, x, qat):
        integers, scales = quantised_weights(self.w)
        self.x, self.used = x, integers * scales if qat else self.w
        return x @ self.used.T + self.b

    def backward(self, dy, rate):
        dx = dy @ self.used
        for value, speed, d in zip((self.w, self.b), self.speed, (dy.T @ self.x, dy.sum(0))):
            speed *= 0.9
            speed -= rate * (d + 2e-4 * value)
            value += speed
        return dx


def windows(x):
    """The 3x3 windows of stride 2 of [n, height, width, channels], padded by 1, as rows."""
    padded = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    cut = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(1, 2))[:, ::2, ::2]
    return cut.reshape(-1, x.shape[3] * 9), cut.shape[:3]


def scatter(d, shape):
    """What windows() took apart, added together again."""
    n, height, width, channels = shape
    padded = np.zeros((n, height + 2, width + 2, channels), np.float32)
    rows, columns = (height + 1) // 2, (width + 1) // 2
    d = d.reshape(n, rows, columns, channels, 3, 3)
    for i in range(3):
        for j in range(3):
            padded[:, i : i + 2 * rows : 2, j : j + 2 * columns : 2] += d[..., i, j]
    return padded[:, 1:-1, 1:-1]


class Network:
    def __init__(self, rng):
        self.convs = [Layer(rng, 9 * a, b) for a, b in zip(CHANNELS, CHANNELS[1:])]
        self.dense = Layer(rng, 16 * CHANNELS[-1], 10)
        self.quantisers = [Quantiser() for _ in self.convs]

    def forward(self, x, qat):
        self.trace = []
        for conv, quantiser in zip(self.convs, self.quantisers):
            rows, out = windows(x)
            y = conv.forward(rows, qat)
            passes = y > 0
            y = np.maximum(y, 0)
            if qat:
                y, inside = quantiser(y)
                passes &= inside
            self.trace.append((x.shape, passes))
            x = y.reshape(*out, -1)
        self.last = x.shape
        return self.dense.forward(x.transpose(0, 3, 1, 2).reshape(len(x), -1), qat)

    def backward(self, d, rate):
        n, height, width, channels = self.last
        d = self.dense.backward(d, rate).reshape(n, channels, height, width).transpose(0, 2, 3, 1)
        for conv, (shape, passes) in zip(self.convs[::-1], self.trace[::-1]):
            d = conv.backward(d.reshape(passes.shape) * passes, rate)
            d = scatter(d, shape)


def train(network, images, labels, epochs, rate, rng, qat=False):
    steps = epochs * (len(images) // BATCH)
    for step in range(steps):
        if step % (len(images) // BATCH) == 0:
            order = rng.permutation(len(images))
        chosen, order = order[:BATCH], order[BATCH:]
        x = images[chosen]
        if step % 2:
            x = x[:, :, ::-1]  # a mirrored shoe is a shoe
        logits = network.forward(x, qat)
        odds = np.exp(logits - logits.max(1, keepdims=True))
        odds /= odds.sum(1, keepdims=True)
        odds[np.arange(BATCH), labels[chosen]] -= 1
        network.backward(odds / BATCH, rate * (1 + np.cos(np.pi * step / steps)) / 2)


class Graph:
    """Collects the nodes and constants of an ONNX model."""

    def __init__(self):
        self.nodes, self.constants = [], []

    def constant(self, name, value):
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def node(self, kind, inputs, output, **attributes):
        self.nodes.append(helper.make_node(kind, inputs, [output], output, **attributes))
        return output

    def quantise(self, name, step):
        """QuantizeLinear and DequantizeLinear: what qcc takes as the wish for uint8 here."""
        scale, zero = self.constant(f"{name}_scale", np.float32(step)), self.constant(f"{name}_zero", np.uint8(0))
        integers = self.node("QuantizeLinear", [name, scale, zero], f"{name}_q")
        return self.node("DequantizeLinear", [integers, scale, zero], f"{name}_dq")

    def parameters(self, name, layer, shape, step):
        """Weights and bias: floats, or (with the input's `step`) integers and their scales."""
        if step is None:
            return [self.constant(f"{name}_w", layer.w.reshape(shape)), self.constant(f"{name}_b", layer.b)]
        w, scales = quantised_weights(layer.w)
        scales = scales.reshape(-1)
        kinds = {"w": (w.astype(np.int8).reshape(shape), scales)}
        kinds["b"] = (np.rint(layer.b / (step * scales)).astype(np.int32), step * scales)
        return [
            self.node("DequantizeLinear", [self.constant(f"{name}_{k}_q", v), self.constant(f"{name}_{k}_s", s)], f"{name}_{k}", axis=0)
            for k, (v, s) in kinds.items()
        ]


def export(network, path, qat):
    graph, value, step = Graph(), "image", np.float32(1 / 255) if qat else None
    for i, (conv, quantiser) in enumerate(zip(network.convs, network.quantisers), 1):
        value = graph.quantise(value, step) if qat else value
        parameters = graph.parameters(f"conv{i}", conv, (len(conv.b), -1, 3, 3), step)
        value = graph.node("Conv", [value, *parameters], f"conv{i}", pads=[1] * 4, strides=[2, 2])
        value = graph.node("Relu", [value], f"relu{i}")
        step = np.float32(quantiser.top / 255) if qat else None
    value = graph.quantise(value, step) if qat else value
    value = graph.node("Flatten", [value], "flat")
    graph.node("Gemm", [value, *graph.parameters("dense", network.dense, (10, -1), step)], "scores", transB=1)
    ends = [helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in (("image", [1, 1, 28, 28]), ("scores", [1, 10]))]
    made = helper.make_graph(graph.nodes, "fashion", ends[:1], ends[1:], graph.constants)
    save(helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)


def main():
    if len(sys.argv) != 2 or not Path(sys.argv[1]).is_dir():
        sys.exit(__doc__)
    data = Path(sys.argv[1])
    pixels, labels = (read_idx(data / f"train-{name}-ubyte.gz")[:20000] for name in ("images-idx3", "labels-idx1"))
    images = pixels[..., None].astype(np.float32) / np.float32(255)
    rng = np.random.default_rng(0)
    network = Network(rng)
    train(network, images, labels, EPOCHS, RATE, rng)
    export(network, "float.onnx", qat=False)
    train(network, images, labels, QAT_EPOCHS, RATE / 10, rng, qat=True)
    export(network, "qat.onnx", qat=True)
    np.savez("samples.npz", image=images[:128].transpose(0, 3, 1, 2))


main()
