"""usage: make.py MODEL FILE: writes one of the small models below."""

import sys

import numpy as np
import onnx
from onnx import TensorProto as T
from onnx import helper as h
from onnx import numpy_helper

node = h.make_node


def value(name, shape, kind=T.FLOAT):
    return h.make_tensor_value_info(name, kind, shape)


def tensor(name, array, dtype=None):
    return numpy_helper.from_array(np.asarray(array, dtype), name)


def model(nodes, inputs, outputs, initializers=(), opset=21, **more):
    graph = h.make_graph(nodes, "g", inputs, outputs, list(initializers))
    more.setdefault("opset_imports", [h.make_opsetid("", opset), h.make_opsetid("com.microsoft", 1)])
    return h.make_model(graph, ir_version=10, **more)


def qdq():
    """Q -> DQ -> Conv with an int8 filter per channel and an int32 bias -> Q -> MaxPool -> DQ"""
    nodes = [
        node("QuantizeLinear", ["x", "sx", "zx"], ["xq"], name="q1"),
        node("DequantizeLinear", ["xq", "sx", "zx"], ["xd"], name="dq1"),
        node("DequantizeLinear", ["w", "sw"], ["wd"], name="dqw", axis=0),
        node("DequantizeLinear", ["b", "sb"], ["bd"], name="dqb", axis=0),
        node("Conv", ["xd", "wd", "bd"], ["c"], name="conv1"),
        node("QuantizeLinear", ["c", "sx", "zx"], ["cq"], name="q2"),
        node("MaxPool", ["cq"], ["p"], name="pool", kernel_shape=[2, 2]),
        node("DequantizeLinear", ["p", "sx", "zx"], ["y"], name="dq2"),
    ]
    initializers = [
        tensor("sx", 0.5, np.float32),
        tensor("zx", 128, np.uint8),
        tensor("w", np.ones((2, 1, 1, 1)), np.int8),
        tensor("sw", [0.25, 2], np.float32),
        tensor("b", [3, -4], np.int32),
        tensor("sb", [0.125, 1], np.float32),
    ]
    return model(nodes, [value("x", [1, 1, 4, 4])], [value("y", [1, 2, 3, 3])], initializers)


def blocked():
    """Weights of int4 in blocks of two."""
    nodes = [
        node("DequantizeLinear", ["w", "s"], ["wd"], name="dq", axis=0, block_size=2),
        node("MatMul", ["x", "wd"], ["y"], name="mm"),
    ]
    w = h.make_tensor("w", T.INT4, [4, 2], [-8, 7, 1, 2, 3, 4, 5, 6])
    s = tensor("s", [[1, 2], [3, 4]], np.float32)
    return model(nodes, [value("x", [1, 4])], [value("y", [1, 2])], [w, s])


def dynamic_scale():
    """A scale that is computed stays an operand."""
    nodes = [node("DynamicQuantizeLinear", ["x"], ["q", "s", "z"], name="dyn"),
             node("DequantizeLinear", ["q", "s", "z"], ["y"], name="dq")]
    return model(nodes, [value("x", [4])], [value("y", [4])])


def qlinear():
    """The QLinear operators as quantise, operator, dequantise."""
    nodes = [
        node("QLinearConv", ["x", "sx", "zx", "w", "sw", "zw", "sy", "zy", "b"], ["c"], name="conv1"),
        node("QLinearAdd", ["c", "sy", "zy", "c", "sy", "zy", "sx", "zx"], ["a"], name="add1", domain="com.microsoft"),
        node("QLinearMatMul", ["a", "sx", "zx", "m", "sx", "zx", "sy", "zy"], ["y"], name="mm1"),
    ]
    initializers = [
        tensor("sx", 0.5, np.float32), tensor("zx", 128, np.uint8),
        tensor("sy", 1, np.float32), tensor("zy", 3, np.uint8),
        tensor("w", np.ones((2, 1, 1, 1)), np.int8), tensor("sw", [0.25, 2], np.float32), tensor("zw", [0, 0], np.int8),
        tensor("b", [3, -4], np.int32), tensor("m", np.ones((4, 4)), np.uint8),
    ]
    return model(nodes, [value("x", [1, 1, 4, 4], T.UINT8)], [value("y", [1, 2, 4, 4], T.UINT8)], initializers)


def branches():
    """An If on a flag; its branches read values from outside."""
    then = h.make_graph([node("Add", ["x", "k"], ["t"], name="then_add")], "t", [], [value("t", [2])],
                        [tensor("k", [1, 2], np.float32)])
    other = h.make_graph([node("Mul", ["x", "x"], ["e"], name="else_mul")], "e", [], [value("e", [2])])
    nodes = [node("Equal", ["rate", "wanted"], ["is"], name="eq"),
             node("If", ["is"], ["i"], name="choice", then_branch=then, else_branch=other),
             node("Relu", ["i"], ["y"], name="last")]
    return model(nodes, [value("x", [2]), value("rate", [], T.INT64)], [value("y", [2])],
                 [tensor("wanted", 16000, np.int64)], opset=16)


def shapes():
    """Shape arithmetic as exporters write it: flatten all but the batch."""
    nodes = [
        node("Shape", ["x"], ["s"], name="shape"),
        node("Gather", ["s", "zero"], ["n"], name="pick", axis=0),
        node("Unsqueeze", ["n", "axes"], ["n1"], name="un"),
        node("Concat", ["n1", "minus"], ["to"], name="cat", axis=0),
        node("Reshape", ["x", "to"], ["y"], name="flatten"),
    ]
    initializers = [tensor("zero", 0, np.int64), tensor("axes", [0], np.int64), tensor("minus", [-1], np.int64)]
    return model(nodes, [value("x", ["N", 3, "H", "H"])], [value("y", ["N", "D"])], initializers, opset=13)


def bodies():
    """Operators that ONNX defines by others, and ones that do nothing in inference."""
    nodes = [
        node("LayerNormalization", ["x", "w"], ["a", "mean"], name="norm", epsilon=0.25),
        node("Dropout", ["a"], ["b"], name="drop"),
        node("Identity", ["b"], ["c"], name="same"),
        node("Mish", ["c"], ["d"], name="mish"),
        node("Add", ["d", "mean"], ["y"], name="last"),
    ]
    return model(nodes, [value("x", [2, 4])], [value("y", [2, 4])], [tensor("w", np.ones(4), np.float32)])


def old():
    """Opset 9: attributes that later became inputs."""
    nodes = [
        node("Clip", ["x"], ["a"], name="clip", min=-1.0, max=2.0),
        node("Slice", ["a"], ["b"], name="cut", starts=[1], ends=[3], axes=[1]),
        node("Pad", ["b"], ["c"], name="pad", pads=[0, 1, 0, 0]),
        node("Squeeze", ["c"], ["d"], name="squeeze", axes=[0]),
        node("Upsample", ["e"], ["y"], name="up", mode="nearest"),
    ]
    nodes[-1].input.extend(["scales"])
    nodes.insert(4, node("Unsqueeze", ["d"], ["e"], name="unsqueeze", axes=[0]))
    return model(nodes, [value("x", [1, 4])], [value("y", [1, 6])], [tensor("scales", [1, 2], np.float32)], opset=9)


def constants():
    nodes = [
        node("Constant", [], ["a"], name="k1", value_float=1.5),
        node("Constant", [], ["b"], name="k2", value_ints=[1, 2]),
        node("Constant", [], ["c"], name="k3", value=tensor("t", [True, False])),
        node("Constant", [], ["d"], name="k4", value_floats=[0.5, 2.0]),
        node("Add", ["a", "d"], ["e"], name="folded"),
    ]
    outputs = [value("b", [2], T.INT64), value("c", [2], T.BOOL), value("e", [2]), value("big", [400]), value("i4", [3], T.INT4)]
    return model(nodes, [], outputs, [tensor("big", np.arange(400), np.float32), h.make_tensor("i4", T.INT4, [3], [-8, 7, -1])])


onnx.save(globals()[sys.argv[1]](), sys.argv[2])
