"""Decoders that write one token after the other, as exporters spell them: their inputs are the keys and values of
what was written before, their outputs these with one more."""

import numpy as np

from Inputs.nodes import Writer

HEADS, DEPTH, WORDS = 4, 8, 40
WIDTH = HEADS * DEPTH


class Decoder(Writer):
    def heads(self, value, count):
        return self("Transpose", self("Reshape", value, np.array([1, -1, count, DEPTH])), perm=[0, 2, 1, 3])

    def attend(self, query, key, value, mask):
        products = self("MatMul", query, self("Transpose", key, perm=[0, 1, 3, 2]))
        weights = self("Softmax", mask(self("Div", products, np.float32(np.sqrt(DEPTH)))), axis=-1)
        sums = self("Transpose", self("MatMul", weights, value), perm=[0, 2, 1, 3])
        return self("MatMul", self("Reshape", sums, np.array([1, -1, WIDTH])), self.weights(WIDTH, WIDTH))

    def cached(self, layer, key, value):
        return [self("Concat", f"past_key_values.{layer}.{n}", v, name=f"present.{layer}.{n}", axis=2) for n, v in (("key", key), ("value", value))]

    def finish(self, path, layers, heads, inputs):
        state = lambda prefix, length: [(f"{prefix}.{i}.{n}", [1, heads, length, DEPTH]) for i in range(layers) for n in ("key", "value")]
        inputs = [(name, [1, size], "INT64") for name, size in inputs] + state("past_key_values", "past")
        return self.save(path, inputs, [("logits", [1, "sequence", WORDS])] + state("present", "past + sequence"))


def gpt(path, layers=2, most=64):
    """Counts the positions itself, and cuts the mask of those before each out of a table."""
    w = Decoder()
    past = w.size("past_key_values.0.key", 2)
    all = w("Add", past, w.size("input_ids", 1))
    scalar = lambda list: w("Squeeze", list, np.array([0]))
    positions = w("Range", scalar(past), scalar(all), np.int64(1))
    x = w("Add", w("Gather", w.weights(WORDS, WIDTH), "input_ids"), w("Gather", w.weights(most, WIDTH), positions))
    norm = lambda x: w("LayerNormalization", x, 1 + 0.1 * w.weights(WIDTH), 0.1 * w.weights(WIDTH))
    rows = w("Slice", np.tril(np.ones((1, 1, most, most), bool)), past, all, np.array([2]))
    visible = w("Slice", rows, np.array([0]), all, np.array([3]))
    mask = lambda scores: w("Where", visible, scores, np.float32(-1e30))
    for layer in range(layers):
        parts = w("Split", w("MatMul", norm(x), w.weights(WIDTH, 3 * WIDTH)), outputs=3, axis=-1, num_outputs=3)
        query, key, value = (w.heads(part, HEADS) for part in parts)
        key, value = w.cached(layer, key, value)
        x = w("Add", x, w.attend(query, key, value, mask))
        inner = w("MatMul", norm(x), w.weights(WIDTH, 2 * WIDTH))
        inner = w("Mul", inner, w("Add", w("Erf", w("Div", inner, np.float32(np.sqrt(2)))), np.float32(1)))
        x = w("Add", x, w("MatMul", inner, w.weights(2 * WIDTH, WIDTH)))
    w("MatMul", norm(x), w.weights(WIDTH, WORDS), name="logits")
    return w.finish(path, layers, HEADS, [("input_ids", "sequence")])


def llama(path, layers=2, groups=2, total="past + sequence"):
    """Positions turn queries and keys; groups of heads share keys and values; a mask says what is padding."""
    w = Decoder(1)
    x = w("Gather", w.weights(WORDS, WIDTH), "input_ids")
    rate = (100.0 ** -(np.arange(0, DEPTH, 2) / DEPTH)).astype(np.float32)[None, :, None]
    angles = w("MatMul", rate, w("Unsqueeze", w("Cast", "position_ids", to=1), np.array([1])))
    angles = w("Transpose", angles, perm=[0, 2, 1])
    angles = w("Unsqueeze", w("Concat", angles, angles, axis=-1), np.array([1]))
    cos, sin = w("Cos", angles), w("Sin", angles)
    half, end, last = np.array([DEPTH // 2]), np.array([2**31 - 1]), np.array([3])

    def turn(x):
        front, back = w("Slice", x, np.array([0]), half, last), w("Slice", x, half, end, last)
        return w("Add", w("Mul", x, cos), w("Mul", w("Concat", w("Neg", back), front, axis=-1), sin))

    def norm(x):
        mean = w("ReduceMean", w("Pow", x, np.float32(2)), np.array([-1]))
        return w("Mul", w("Mul", x, w("Reciprocal", w("Sqrt", w("Add", mean, np.float32(1e-5))))), 1 + 0.1 * w.weights(WIDTH))

    def repeat(x):
        length = w.size(x, 2)
        shape = w("Concat", np.array([1, groups, HEADS // groups]), length, np.array([DEPTH]), axis=0)
        return w("Reshape", w("Expand", w("Unsqueeze", x, np.array([2])), shape), w("Concat", np.array([1, HEADS]), length, np.array([DEPTH]), axis=0))

    hidden = w("Mul", w("Sub", np.float32(1), w("Cast", w("Unsqueeze", "attention_mask", np.array([1, 2])), to=1)), np.float32(-1e30))
    mask = lambda scores: w("Add", scores, hidden)
    for layer in range(layers):
        y = norm(x)
        query = turn(w.heads(w("MatMul", y, w.weights(WIDTH, WIDTH)), HEADS))
        key = turn(w.heads(w("MatMul", y, w.weights(WIDTH, groups * DEPTH)), groups))
        value = w.heads(w("MatMul", y, w.weights(WIDTH, groups * DEPTH)), groups)
        key, value = (repeat(x) for x in w.cached(layer, key, value))
        x = w("Add", x, w.attend(query, key, value, mask))
        y = norm(x)
        gate = w("MatMul", y, w.weights(WIDTH, 2 * WIDTH))
        gate = w("Mul", w("Mul", gate, w("Sigmoid", gate)), w("MatMul", y, w.weights(WIDTH, 2 * WIDTH)))
        x = w("Add", x, w("MatMul", gate, w.weights(2 * WIDTH, WIDTH)))
    w("MatMul", norm(x), w.weights(WIDTH, WORDS), name="logits")
    return w.finish(path, layers, groups, [("input_ids", "sequence"), ("attention_mask", total), ("position_ids", "sequence")])
