"""Writes ONNX graphs node by node."""

import numpy as np


class Writer:
    """Nodes by their operators; arrays become initializers."""

    def __init__(self, seed=0):
        self.nodes, self.initializers, self.random = [], [], np.random.default_rng(seed)

    def __call__(self, op, *inputs, outputs=1, name=None, **attributes):
        from onnx import helper, numpy_helper

        names = []
        for value in inputs:
            if not isinstance(value, str):
                self.initializers.append(numpy_helper.from_array(np.asarray(value), f"c{len(self.initializers)}"))
                value = self.initializers[-1].name
            names.append(value)
        results = [name] if name else [f"{op}_{len(self.nodes)}_{i}" for i in range(outputs)]
        self.nodes.append(helper.make_node(op, names, results, results[0], **attributes))
        return results[0] if len(results) == 1 else results

    def weights(self, *shape):
        return (self.random.standard_normal(shape) / np.sqrt(shape[0])).astype(np.float32)

    def size(self, value, axis):
        """Of an axis, as exporters read it: a list of one number."""
        return self("Unsqueeze", self("Gather", self("Shape", value), np.int64(axis)), np.array([0]))

    def save(self, path, inputs, outputs, opset=18):
        """`inputs` and `outputs` are (name, shape), with names for free sizes, or (name, shape, type)."""
        import onnx
        from onnx import TensorProto, helper

        info = lambda name, shape, type="FLOAT": helper.make_tensor_value_info(name, getattr(TensorProto, type), shape)
        ports = ([info(*port) for port in list] for list in (inputs, outputs))
        made = helper.make_graph(self.nodes, "graph", *ports, self.initializers)
        onnx.save(helper.make_model(made, opset_imports=[helper.make_opsetid("", opset)], ir_version=9), path)
        return path
