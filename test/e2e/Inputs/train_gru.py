"""usage: train_gru.py DATA OUTPUT.onnx

Trains the network of fashion_gru.onnx: two GRU layers that read a picture of
Fashion-MNIST row by row, and a dense layer on the last state. NumPy alone, one
thread, a few minutes; the same file on the same machine, by fixed seeds. On another
processor sums round differently and training makes more of that.

DATA is the folder with the four files of https://github.com/zalandoresearch/fashion-mnist.
The network takes (pixel / 255 - 0.2860) / 0.3530 as `input`, [1, 1, 28, 28], and gives
10 logits as `output`, like the shared models of this data."""

import gzip
import os
import sys
from pathlib import Path

os.environ["OPENBLAS_NUM_THREADS"] = "1"
import numpy as np
from onnx import TensorProto, helper, numpy_helper, save

HIDDEN, LAYERS, ROWS, COLUMNS, CLASSES = 96, 2, 28, 28, 10
EPOCHS, BATCH, RATE = 14, 100, 2e-3


def read_idx(path):
    data = np.frombuffer(gzip.decompress(path.read_bytes()), np.uint8)
    dims = int(data[3])
    return data[4 + 4 * dims :].reshape(data[4 : 4 + 4 * dims].view(">u4"))


def load(data, part):
    pixels, labels = (read_idx(data / f"{part}-{name}-ubyte.gz") for name in ("images-idx3", "labels-idx1"))
    return ((pixels / np.float32(255) - np.float32(0.2860)) / np.float32(0.3530)).astype(np.float32), labels


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


class Gru:
    """h' = (1 - z) * tanh(n) + z * h, the reset gate after the product, as torch has it. Gates: z, r, n."""

    def __init__(self, rng, inputs):
        bound = 1 / np.sqrt(HIDDEN)
        make = lambda *shape: rng.uniform(-bound, bound, shape).astype(np.float32)
        self.values = [make(3 * HIDDEN, inputs), make(3 * HIDDEN, HIDDEN), make(3 * HIDDEN), make(3 * HIDDEN)]

    def forward(self, x):
        """x: [step, sequence, input]; gives all states and remembers what backward needs."""
        w, r, wb, rb = self.values
        given = x @ w.T + wb
        h, self.x, self.trace, states = np.zeros((x.shape[1], HIDDEN), np.float32), x, [], []
        for t in range(len(x)):
            recurrent = h @ r.T + rb
            gates = sigmoid(given[t, :, : 2 * HIDDEN] + recurrent[:, : 2 * HIDDEN])
            z, reset = gates[:, :HIDDEN], gates[:, HIDDEN:]
            kept = recurrent[:, 2 * HIDDEN :]
            new = np.tanh(given[t, :, 2 * HIDDEN :] + reset * kept)
            self.trace.append((h, z, reset, kept, new))
            h = (1 - z) * new + z * h
            states.append(h)
        return np.stack(states)

    def backward(self, d_states):
        """From the derivatives by all states: those by x; keeps those by the parameters."""
        w, r = self.values[:2]
        d_given, d_r, d_rb = np.empty((*self.x.shape[:2], 3 * HIDDEN), np.float32), np.zeros_like(r), np.zeros(3 * HIDDEN, np.float32)
        dh = np.zeros_like(d_states[0])
        for t in reversed(range(len(d_states))):
            h, z, reset, kept, new = self.trace[t]
            dh = dh + d_states[t]
            d_new = dh * (1 - z) * (1 - new * new)
            d_z, d_reset = dh * (h - new) * z * (1 - z), d_new * kept * reset * (1 - reset)
            d_given[t] = np.concatenate([d_z, d_reset, d_new], 1)
            d_recurrent = np.concatenate([d_z, d_reset, d_new * reset], 1)
            d_r += d_recurrent.T @ h
            d_rb += d_recurrent.sum(0)
            dh = dh * z + d_recurrent @ r
        flat = d_given.reshape(-1, 3 * HIDDEN)
        self.gradients = [flat.T @ self.x.reshape(len(flat), -1), d_r, flat.sum(0), d_rb]
        return d_given @ w


class Network:
    def __init__(self, rng):
        self.layers = [Gru(rng, HIDDEN if i else COLUMNS) for i in range(LAYERS)]
        self.w = (rng.standard_normal((CLASSES, HIDDEN)) / np.sqrt(HIDDEN)).astype(np.float32)
        self.b = np.zeros(CLASSES, np.float32)

    def forward(self, images):
        x = images.transpose(1, 0, 2)
        for layer in self.layers:
            x = layer.forward(x)
        self.states = x
        return x[-1] @ self.w.T + self.b

    def backward(self, d):
        self.gradients = [d.T @ self.states[-1], d.sum(0)]
        d_states = np.zeros_like(self.states)
        d_states[-1] = d @ self.w
        for layer in self.layers[::-1]:
            d_states = layer.backward(d_states)

    def parameters(self):
        return [v for layer in self.layers for v in layer.values] + [self.w, self.b]

    def derivatives(self):
        return [v for layer in self.layers for v in layer.gradients] + self.gradients


class Adam:
    def __init__(self, values):
        self.values, self.count = values, 0
        self.means, self.squares = ([np.zeros_like(v) for v in values] for _ in range(2))

    def step(self, gradients, rate):
        self.count += 1
        norm = np.sqrt(sum(float((g * g).sum()) for g in gradients))
        for value, mean, square, g in zip(self.values, self.means, self.squares, gradients):
            g = g * np.float32(min(1, 1 / norm))  # the steepest places throw far
            mean += (g - mean) * np.float32(0.1)
            square += (g * g - square) * np.float32(0.001)
            size = np.sqrt(square / np.float32(1 - 0.999**self.count)) + np.float32(1e-8)
            value -= np.float32(rate / (1 - 0.9**self.count)) * mean / size + np.float32(rate * 1e-2) * value


def train(network, images, labels, rng):
    adam, per_epoch = Adam(network.parameters()), len(images) // BATCH
    for epoch in range(EPOCHS):
        order, loss = rng.permutation(len(images)), 0
        for i in range(per_epoch):
            chosen = order[i * BATCH : (i + 1) * BATCH]
            x = images[chosen]
            flip = rng.random(BATCH) < 0.5
            x[flip] = x[flip, :, ::-1]  # a mirrored shoe is a shoe
            logits = network.forward(x)
            odds = np.exp(logits - logits.max(1, keepdims=True))
            odds /= odds.sum(1, keepdims=True)
            loss -= np.log(odds[np.arange(BATCH), labels[chosen]]).mean() / per_epoch
            odds[np.arange(BATCH), labels[chosen]] -= 1
            network.backward(odds / BATCH)
            done = (epoch * per_epoch + i) / (EPOCHS * per_epoch)
            adam.step(network.derivatives(), RATE * (1 + np.cos(np.pi * done)) / 2)
        print(f"epoch {epoch + 1}: loss {loss:.4f}", flush=True)


def export(network, path):
    constants = []

    def constant(name, value):
        constants.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    nodes = [helper.make_node("Reshape", ["input", constant("rows", np.array([ROWS, 1, COLUMNS]))], ["steps"], "steps")]
    value = "steps"
    for i, layer in enumerate(network.layers):
        w, r, wb, rb = layer.values
        weights = {"w": w, "r": r, "b": np.concatenate([wb, rb])}
        names = [constant(f"gru{i}.{n}", v[None]) for n, v in weights.items()]
        nodes.append(helper.make_node("GRU", [value, *names], [f"all{i}", f"last{i}"], f"gru{i}", hidden_size=HIDDEN, linear_before_reset=1))
        value = f"states{i}"
        nodes.append(helper.make_node("Squeeze", [f"all{i}", constant(f"directions{i}", np.array([1]))], [value], value))
    nodes.pop()  # of the last layer the last state is taken
    nodes.append(helper.make_node("Squeeze", [f"last{LAYERS - 1}", constant("direction", np.array([0]))], ["state"], "state"))
    nodes.append(helper.make_node("Gemm", ["state", constant("dense.w", network.w), constant("dense.b", network.b)], ["output"], "dense", transB=1))
    constants[:] = [c for c in constants if any(c.name in n.input for n in nodes)]
    ends = [helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in (("input", [1, 1, ROWS, COLUMNS]), ("output", [1, CLASSES]))]
    graph = helper.make_graph(nodes, "fashion_gru", ends[:1], ends[1:], constants)
    save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    rng = np.random.default_rng(0)
    network = Network(rng)
    images, labels = load(Path(sys.argv[1]), "train")
    train(network, images[:20000], labels[:20000], rng)
    export(network, sys.argv[2])
    images, labels = load(Path(sys.argv[1]), "t10k")
    right = sum(int((network.forward(images[i : i + 500]).argmax(1) == labels[i : i + 500]).sum()) for i in range(0, len(images), 500))
    print(f"{100 * right / len(images):.2f} % of the test images are right")


main()
