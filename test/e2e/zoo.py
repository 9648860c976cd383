"""Models with one small, oddly shaped instance of many kernels each: what is checked
of a model's buffers and threads is checked of all of them at once."""

import numpy as np
import onnx
from onnx import TensorProto as T
from onnx import helper as h
from onnx import numpy_helper


class Zoo:
    """Collects nodes; each animal has its own input and its own output."""

    def __init__(self, path, opset=17):
        self.path, self.opset = path, opset
        self.nodes, self.inputs, self.outputs, self.constants = [], [], [], []
        self.rng = np.random.default_rng(3)

    def input(self, shape, kind=T.FLOAT):
        name = f"x{len(self.inputs)}"
        self.inputs.append(h.make_tensor_value_info(name, kind, shape))
        return name

    def output(self, name, kind=T.FLOAT):
        self.outputs.append(h.make_tensor_value_info(name, kind, None))

    def constant(self, array):
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(array), name))
        return name

    def node(self, op, inputs, outputs=1, **attributes):
        number = len(self.nodes)
        names = [f"t{number}_{i}" for i in range(outputs)]
        self.nodes.append(h.make_node(op, inputs, names, f"{op}{number}", **attributes))
        return names[0] if outputs == 1 else names

    def normal(self, *shape):
        return self.rng.standard_normal(shape, np.float32)

    def save(self):
        graph = h.make_graph(self.nodes, "zoo", self.inputs, self.outputs, self.constants)
        imports = [h.make_opsetid("", self.opset)]
        onnx.save(h.make_model(graph, opset_imports=imports, ir_version=10), self.path)
        return self.path


CONVOLUTIONS = [  # input, weight, attributes
    ((1, 3, 7, 9), (5, 3, 3, 3), {"pads": [1] * 4}),
    ((2, 7, 5, 5), (17, 7, 1, 1), {}),
    ((1, 19, 6, 7), (19, 1, 3, 3), {"group": 19, "pads": [1] * 4}),
    ((1, 6, 9, 9), (4, 3, 2, 3), {"group": 2, "strides": [2, 1], "dilations": [1, 2]}),
    ((1, 5, 23), (3, 5, 4), {"pads": [0, 3]}),
]
ONE_TO_ONE = ["Relu", "Sigmoid", "Tanh", "HardSwish", "Elu", "LeakyRelu", "Abs", "Exp", "Sqrt"]


def float_zoo(path):
    z = Zoo(path)
    for x, w, attributes in CONVOLUTIONS:
        z.output(z.node("Conv", [z.input(x), z.constant(z.normal(*w)), z.constant(z.normal(w[0]))], **attributes))
    z.output(z.node("ConvTranspose", [z.input((1, 3, 4, 5)), z.constant(z.normal(3, 2, 3, 3))], strides=[2, 2]))
    for op in ONE_TO_ONE:
        z.output(z.node(op, [z.input((3, 11))]))
    for shape in ((1, 3, 7, 6), (1, 21, 5, 5)):
        z.output(z.node("MaxPool", [z.input(shape)], kernel_shape=[3, 2], strides=[2, 1]))
        z.output(z.node("AveragePool", [z.input(shape)], kernel_shape=[2, 2], pads=[1, 0, 0, 1]))
        z.output(z.node("GlobalAveragePool", [z.input(shape)]))
    z.output(z.node("Gemm", [z.input((3, 13)), z.constant(z.normal(13, 9)), z.constant(z.normal(9))]))
    z.output(z.node("MatMul", [z.input((2, 3, 7)), z.constant(z.normal(7, 5))]))
    z.output(z.node("Softmax", [z.input((3, 7))], axis=1))
    z.output(z.node("ReduceMean", [z.input((3, 5, 7))], axes=[1]))
    z.output(z.node("ReduceMax", [z.input((3, 5, 7))], axes=[2]))
    z.output(z.node("Add", [z.input((3, 1, 7)), z.input((5, 1))]))
    z.output(z.node("Mul", [z.input((3, 7)), z.constant(np.float32(3))]))
    z.output(z.node("Concat", [z.input((2, 3)), z.input((2, 5))], axis=1))
    z.output(z.node("Transpose", [z.input((3, 5, 7))], perm=[2, 0, 1]))
    z.output(z.node("Slice", [z.input((5, 9)), *map(z.constant, ([1, -1], [4, -10], [0, 1], [1, -2]))]))
    z.output(z.node("Pad", [z.input((3, 5)), z.constant([1, 2, 0, 3])]))
    z.output(z.node("Resize", [z.input((1, 2, 3, 5)), "", z.constant(np.array([1, 1, 2, 2], np.float32))], mode="linear"))
    z.output(z.node("Resize", [z.input((1, 2, 3, 5)), "", "", z.constant([1, 2, 7, 4])], mode="nearest"))
    z.output(z.node("Gather", [z.input((5, 7)), z.constant([4, 0, -1])], axis=0))
    for op, gates, hidden in (("LSTM", 4, 90), ("GRU", 3, 7)):  # threads share each step of the first one
        weights = [z.constant(0.2 * z.normal(1, gates * hidden, size)) for size in (5, hidden)]
        for state in z.node(op, [z.input((4, 2, 5)), *weights], {"LSTM": 3, "GRU": 2}[op], hidden_size=hidden):
            z.output(state)
    return z.save()


def quantised(z, name, scale, zero, kind=np.uint8):
    return z.node("QuantizeLinear", [name, z.constant(np.float32(scale)), z.constant(kind(zero))])


def real(z, name, scale, zero, kind=np.uint8):
    return z.node("DequantizeLinear", [name, z.constant(np.float32(scale)), z.constant(kind(zero))])


def weight(z, shape, axis=0):
    """8-bit weights over their whole range, a scale for each channel."""
    values = z.rng.integers(-128, 127, shape, np.int8, endpoint=True)
    channels = shape[axis]
    scales = (z.rng.random(channels) * 0.01 + 0.001).astype(np.float32)
    return z.node("DequantizeLinear", [z.constant(values), z.constant(scales), z.constant(np.zeros(channels, np.int8))], axis=axis)


def int8_zoo(path):
    """Everything between an 8-bit input and an 8-bit output, zero points at the ends of their range."""
    z = Zoo(path)
    ends = [(T.UINT8, np.uint8, 0), (T.UINT8, np.uint8, 255), (T.INT8, np.int8, -128), (T.INT8, np.int8, 127)]

    def animal(index, shapes, build):
        kind, dtype, zero = ends[index % 4]
        read = [real(z, z.input(shape, kind), 0.05, zero, dtype) for shape in shapes]
        z.output(quantised(z, build(*read), 0.3, zero, dtype), kind)

    for i, (x, w, attributes) in enumerate(CONVOLUTIONS * 2):
        animal(i % 2, [x], lambda v: z.node("Conv", [v, weight(z, w)], **attributes))
    for i in range(2):
        animal(i, [(3, 70)], lambda v: z.node("MatMul", [v, weight(z, (70, 9), 1)]))
        animal(i + 1, [(3, 5, 7), (5, 1)], lambda a, b: z.node("Add", [a, b]))
        animal(i + 2, [(3, 17)], lambda v: z.node("Sigmoid", [v]))
        animal(i + 3, [(1, 19, 5, 7)], lambda v: z.node("GlobalAveragePool", [v]))
        animal(i, [(1, 5, 7, 7)], lambda v: z.node("MaxPool", [v], kernel_shape=[3, 3], pads=[1] * 4))
        animal(i + 1, [(1, 5, 7, 7)], lambda v: z.node("AveragePool", [v], kernel_shape=[2, 3]))
        animal(i + 2, [(2, 3, 5), (2, 4, 5)], lambda a, b: z.node("Concat", [a, b], axis=1))
        animal(i + 3, [(3, 7), (3, 7)], lambda a, b: z.node("Mul", [a, b]))
    return z.save()
