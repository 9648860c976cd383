"""Two products of 16 rows, of which one takes the differences of large numbers, and samples of their inputs."""

import sys

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

rng = np.random.default_rng(1)
number = lambda *shape: rng.standard_normal(shape).astype(np.float32)
plain, cancelling = number(64, 64), number(64, 64)
cancelling -= cancelling.mean(axis=0, keepdims=True)  # the part that all inputs have in common gives nothing
nodes = [helper.make_node("MatMul", ["x", "w"], ["a"], "plain"), helper.make_node("MatMul", ["z", "v"], ["b"], "cancelling")]
tensor = lambda name: helper.make_tensor_value_info(name, TensorProto.FLOAT, [16, 64])
weights = [numpy_helper.from_array(plain, "w"), numpy_helper.from_array(cancelling, "v")]
graph = helper.make_graph(nodes, "two", [tensor("x"), tensor("z")], [tensor("a"), tensor("b")], weights)
onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), f"{sys.argv[1]}/m.onnx")
np.savez(f"{sys.argv[1]}/samples.npz", x=number(8, 16, 64), z=number(8, 16, 64) + 100)
