"""Networks that hear sound and read lines of text, of any length."""

import numpy as np

from Inputs.nodes import Writer


def sound(path):
    """As wav2vec hears: windows in steps of 5 and 2, the first ones normalised over time, then one position for each
    20 numbers, whose neighbours a wide window adds."""
    w = Writer(2)
    gelu = lambda x: w("Mul", w("Mul", x, w("Add", w("Erf", w("Div", x, np.float32(1.4142135))), np.float32(1))), np.float32(0.5))
    x = w("Conv", w("Unsqueeze", "x", np.array([1])), w.weights(16, 1, 10), strides=[5])
    x = w("InstanceNormalization", x, 1 + 0.1 * w.weights(16), 0.1 * w.weights(16), epsilon=1e-5)
    x = gelu(x)
    for kernel in (3, 2):
        x = gelu(w("Conv", x, w.weights(16, 16, kernel), 0.1 * w.weights(16), strides=[2]))
    near = w("Conv", x, w.weights(16, 4, 8), pads=[4, 4], group=4)
    near = w("Slice", near, np.array([0]), np.array([-1]), np.array([2]))
    x = w("Transpose", w("Add", x, gelu(near)), perm=[0, 2, 1])
    x = w("LayerNormalization", x, 1 + 0.1 * w.weights(16), 0.1 * w.weights(16))
    scores = w("MatMul", x, w("Transpose", x, perm=[0, 2, 1]))
    x = w("Add", x, w("MatMul", w("Softmax", scores, axis=-1), x))
    w("MatMul", x, w.weights(16, 12), name="logits")
    w("ReduceMean", x, np.array([1]), keepdims=0, name="voice")
    return w.save(path, [("x", [1, "samples"])], [("logits", [1, "frames", 12]), ("voice", [1, 16])])


def text(path):
    """As a recogniser reads: an image 16 high becomes one position for each 4 columns, which an LSTM walks."""
    w = Writer(3)
    relu = lambda x: w("Relu", x)
    swish = lambda x: w("HardSwish", x)
    x = relu(w("Conv", "x", w.weights(8, 3, 3, 3), 0.1 * w.weights(8), pads=[1, 1, 1, 1], strides=[2, 2]))
    x = swish(w("Conv", x, w.weights(8, 1, 3, 3), 0.1 * w.weights(8), pads=[1, 1, 1, 1], group=8, strides=[2, 1]))
    x = relu(w("Conv", x, w.weights(16, 8, 1, 1), 0.1 * w.weights(16)))
    x = w("MaxPool", x, kernel_shape=[2, 3], strides=[2, 2], pads=[0, 1, 0, 1])
    x = relu(w("Conv", x, w.weights(16, 16, 3, 3), 0.1 * w.weights(16), pads=[1, 1, 1, 1]))
    x = w("AveragePool", x, kernel_shape=[2, 1])
    x = w("Transpose", w("Squeeze", x, np.array([2])), perm=[2, 0, 1])
    x = w("LSTM", x, w.weights(2, 32, 16), w.weights(2, 32, 8), hidden_size=8, direction="bidirectional", outputs=3)[0]
    x = w("Reshape", w("Transpose", x, perm=[2, 0, 1, 3]), np.array([0, 0, 16]))
    w("Softmax", w("MatMul", x, w.weights(16, 20)), axis=-1, name="words")
    return w.save(path, [("x", [1, 3, 16, "width"])], [("words", [1, "steps", 20])])
