"""Uses docs/examples/run_so.py as a module: threads, and what it refuses."""
import sys

import numpy as np

sys.path.insert(0, sys.argv[1])
sys.dont_write_bytecode = True
from run_so import Model

model = Model("tiny.so", threads=3)
arrays = {"x:0": np.load("x.npy").astype(np.float32), "b": np.load("b.npy")}
for _ in range(50):
    assert (model.run(arrays)["sum/y"] == np.load("y.npy")).all()

call, outputs = model.prepare(arrays)
for _ in range(2):
    outputs["sum/y"][:] = 0
    call()
    assert (outputs["sum/y"] == np.load("y.npy")).all()
assert model.isa() == "x86-64"


def refused(error, **changes):
    try:
        model.run({**arrays, **changes})
    except error:
        return True


assert refused(ValueError, b=np.zeros(4, np.int8))
assert refused(ValueError, b=np.zeros(3, np.float32))
assert refused(ValueError, c=np.zeros(3, np.float32))
model.close()
