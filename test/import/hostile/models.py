"""What the hostile files share: small models to break, and how qcc must refuse
them: status 1, one line of error, in good time, in little memory, no file left."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "e2e"))

import numpy as np
import onnx
from onnx import TensorProto as T
from onnx import helper as h
from onnx import numpy_helper
from support import *

F32 = T.FLOAT


def value(name, shape=(1, 4), kind=F32):
    return h.make_tensor_value_info(name, kind, shape)


def tensor(name, array):
    return numpy_helper.from_array(np.asarray(array), name)


def model(nodes, initializers=(), inputs=None, outputs=None, opset=17, **more):
    """A model of `nodes` from input x to output y."""
    inputs = [value("x")] if inputs is None else inputs
    outputs = [value("y")] if outputs is None else outputs
    graph = h.make_graph(nodes, "g", inputs, outputs, list(initializers))
    more.setdefault("opset_imports", [h.make_opsetid("", opset)])
    more.setdefault("ir_version", 10)
    return h.make_model(graph, **more)


def relu(inputs="x", outputs="y", name="r"):
    return h.make_node("Relu", [inputs], [outputs], name=name)


def save(proto, name="m.onnx"):
    path = scratch() / name
    path.write_bytes(proto if isinstance(proto, bytes) else proto.SerializeToString())
    return path


def refuse(proto, *says, options=(), name="m.onnx", errors=1):
    """That the importer refuses a model, with `errors` lines of error."""
    path = proto if isinstance(proto, Path) else save(proto, name)
    said = check_refused(path, "--until=import", *options, says=says)
    lines = said.count("error: ")
    check(lines == errors, f"{lines} errors, not {errors}:\n{said}")
    check(len(said.splitlines()) == lines, f"more than its errors:\n{said}")
    return said


def accept(proto, *options, name="m.onnx"):
    """That the importer takes a model; gives the text of its operations."""
    path = proto if isinstance(proto, Path) else save(proto, name)
    code, said, errors, seconds, peak = measure(
        [BUILD / "bin" / "qcc", "--until=import", *options, path], folder=scratch()
    )
    check(code == 0, f"exit status {code}:\n{errors}")
    if not SANITIZE:
        check(seconds < 2, f"took {seconds:.1f} s of CPU time")
    return said
