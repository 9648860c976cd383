"""Transformers and recurrent networks, as torch exports them, with random weights."""

import numpy as np
from onnx import numpy_helper

from builder import Builder


class Sequence(Builder):
    """A network over tokens or steps. `first` and `shape` are the sizes of its input; nothing is to be settled."""

    def __init__(self, name, first, shape, output, seed=1):
        super().__init__(name, shape, seed)
        self.first, self.output, self.indices = first, output, {}

    def samples(self, count, seed):
        return np.random.default_rng(seed).standard_normal((count, self.first, *self.shape)).astype(np.float32)

    def model(self, settle=None):
        self.nodes[-1].output[0] = "output"
        model = self._finish(self.nodes, [("output", self.output)], batch=self.first)
        model.graph.initializer.extend(numpy_helper.from_array(v, n) for n, v in self.indices.items())
        return model

    # Pieces

    def integers(self, name, values):
        self.indices[name] = np.asarray(values, np.int64)
        return name

    def linear(self, x, name, inputs, outputs):
        """Keeps the variance of what it is given; a product and an addition, as of a tensor of rank 3."""
        weights = self.weight(f"{name}.weight", self.rng.standard_normal((inputs, outputs)) / np.sqrt(inputs))
        bias = self.weight(f"{name}.bias", self.rng.normal(0, 0.1, outputs))
        return self.node("Add", [bias, self.node("MatMul", [x, weights], f"{name}.matmul")], name)

    def layer_norm(self, x, name, channels):
        scale = self.weight(f"{name}.weight", self.rng.uniform(0.6, 1.4, channels))
        bias = self.weight(f"{name}.bias", self.rng.normal(0, 0.1, channels))
        return self.node("LayerNormalization", [x, scale, bias], name, axis=-1, epsilon=1e-12)

    def gelu(self, x, name):
        """x / 2 * (1 + erf(x / sqrt 2))"""
        erf = self.node("Div", [x, self.weight("sqrt_two", np.sqrt(2))], f"{name}.div")
        erf = self.node("Erf", [erf], f"{name}.erf")
        whole = self.node("Add", [erf, self.weight("one", 1)], f"{name}.add")
        return self.node("Mul", [self.node("Mul", [x, whole], f"{name}.mul"), self.weight("half", 0.5)], name)

    def attention(self, x, name, tokens, hidden, heads):
        split = self.integers("split", [1, tokens, heads, hidden // heads])
        joined = self.integers("joined", [1, tokens, hidden])

        def head(part, order):
            y = self.node("Reshape", [self.linear(x, f"{name}.{part}", hidden, hidden), split], f"{name}.{part}.split")
            return self.node("Transpose", [y], f"{name}.{part}.turn", perm=order)

        query, key, value = head("query", [0, 2, 1, 3]), head("key", [0, 2, 3, 1]), head("value", [0, 2, 1, 3])
        scores = self.node("MatMul", [query, key], f"{name}.scores")
        scores = self.node("Div", [scores, self.weight("scale", np.sqrt(hidden // heads))], f"{name}.scale")
        y = self.node("MatMul", [self.node("Softmax", [scores], f"{name}.softmax", axis=-1), value], f"{name}.context")
        y = self.node("Transpose", [y], f"{name}.turn", perm=[0, 2, 1, 3])
        y = self.node("Reshape", [y, joined], f"{name}.join")
        return self.linear(y, f"{name}.output", hidden, hidden)

    def recurrent(self, x, kind, name, inputs, hidden):
        """One layer over [step, sequence, feature]; all of its states."""
        gates = {"LSTM": 4, "GRU": 3}[kind]
        bound = 1 / np.sqrt(hidden)
        shapes = {"w": (1, gates * hidden, inputs), "r": (1, gates * hidden, hidden), "b": (1, 2 * gates * hidden)}
        weights = [self.weight(f"{name}.{n}", self.rng.uniform(-bound, bound, shape)) for n, shape in shapes.items()]
        more = {"linear_before_reset": 1} if kind == "GRU" else {}
        y = self.node(kind, [x, *weights], name, hidden_size=hidden, **more)
        return self.node("Squeeze", [y, self.integers("directions", [1])], f"{name}.squeeze")


def transformer(name, tokens, layers, hidden, heads):
    """BERT's encoder, of embedded tokens."""
    b = Sequence(name, 1, (tokens, hidden), [1, tokens, hidden])
    x = b.layer_norm(b.input, "embeddings.norm", hidden)
    for i in range(layers):
        x = b.layer_norm(b.add(b.attention(x, f"{i}.attention", tokens, hidden, heads), x, f"{i}.add1"), f"{i}.norm1", hidden)
        y = b.gelu(b.linear(x, f"{i}.up", hidden, 4 * hidden), f"{i}.gelu")
        x = b.layer_norm(b.add(b.linear(y, f"{i}.down", 4 * hidden, hidden), x, f"{i}.add2"), f"{i}.norm2", hidden)
    return b


def recurrent(name, kind, steps, inputs, hidden, layers=2):
    b = Sequence(name, steps, (1, inputs), [steps, 1, hidden])
    x = b.input
    for i in range(layers):
        x = b.recurrent(x, kind, f"layer{i}", hidden if i else inputs, hidden)
    return b


WRITTEN = {
    "bert-base-128": lambda: transformer("bert-base-128", 128, 12, 768, 12),
    "bert-base-384": lambda: transformer("bert-base-384", 384, 12, 768, 12),
    "lstm": lambda: recurrent("lstm", "LSTM", 64, 512, 1024),
    "gru": lambda: recurrent("gru", "GRU", 64, 512, 1024),
}
