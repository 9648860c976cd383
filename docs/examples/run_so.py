#!/usr/bin/env python3
"""Runs a model that `qcc --emit=shared` made, with nothing but numpy.

    from run_so import Model
    model = Model("mobilenet_v2.so", threads=4)
    logits = model(input=image)["logits"]        # names as in the ONNX file

or: run_so.py MODEL.so [NAME=FILE.npy]...        # prints the outputs
"""

import ctypes as c
import os
import sys

import numpy as np


class TensorInfo(c.Structure):
    """qcc_tensor_info of qcc/runtime.h."""

    _fields_ = [
        ("name", c.c_char_p),
        ("c_name", c.c_char_p),
        ("type", c.c_uint32),
        ("rank", c.c_uint32),
        ("shape", c.POINTER(c.c_int64)),
        ("min_shape", c.POINTER(c.c_int64)),
        ("bytes", c.c_uint64),
        ("scale", c.c_double),
        ("zero_point", c.c_int64),
    ]


class Runtime(c.Structure):
    """qcc_runtime: the runtime's functions inside the shared object."""

    _fields_ = [
        ("abi_version", c.c_uint32),
        ("struct_bytes", c.c_uint32),
        ("status_string", c.CFUNCTYPE(c.c_char_p, c.c_int)),
        ("pool_create", c.CFUNCTYPE(c.c_void_p, c.c_int)),
        ("pool_destroy", c.CFUNCTYPE(None, c.c_void_p)),
        ("pool_threads", c.CFUNCTYPE(c.c_int, c.c_void_p)),
        ("run", c.CFUNCTYPE(c.c_int, *[c.c_void_p] * 4, c.c_size_t, c.c_void_p)),
        ("select_variant", c.CFUNCTYPE(c.c_int, c.c_void_p, c.c_void_p)),
    ]


class ModelInfo(c.Structure):
    """qcc_model, as far as it is needed here: fields are only ever appended."""

    _fields_ = [
        ("abi_version", c.c_uint32),
        ("struct_bytes", c.c_uint32),
        ("name", c.c_char_p),
        ("manifest", c.c_char_p),
        ("entry", c.c_void_p),
        ("runtime", c.POINTER(Runtime)),
        ("n_inputs", c.c_uint32),
        ("n_outputs", c.c_uint32),
        ("inputs", c.POINTER(TensorInfo)),
        ("outputs", c.POINTER(TensorInfo)),
        ("workspace_bytes", c.c_uint64),
    ]


# qcc_type -> numpy. bfloat16 and float8 travel as their bits; types under a byte
# are packed in memory and left out here.
TYPES = {
    1: np.float32, 2: np.uint8, 3: np.int8, 4: np.uint16, 5: np.int16, 6: np.int32, 7: np.int64, 9: np.bool_,
    10: np.float16, 11: np.float64, 12: np.uint32, 13: np.uint64, 16: np.uint16,
    17: np.uint8, 18: np.uint8, 19: np.uint8, 20: np.uint8, 24: np.uint8,
}  # fmt: skip


class Model:
    """A compiled model. Calls from several threads need a Model each: its
    workspace and its pool serve one run at a time."""

    def __init__(self, path, threads=1):
        library = c.CDLL(os.path.abspath(path))
        library.qcc_get_model.restype = c.POINTER(ModelInfo)
        self._library = library
        self._model = library.qcc_get_model()
        info = self._model.contents
        if info.abi_version not in (2, 5) or not info.runtime:  # 5: some shapes have bounds
            raise RuntimeError(f"{path}: made for another version of the runtime")
        self._runtime = info.runtime.contents
        self.name = info.name.decode()
        self.manifest = info.manifest.decode()
        self.inputs = [self._describe(info.inputs[i]) for i in range(info.n_inputs)]
        self.outputs = [self._describe(info.outputs[i]) for i in range(info.n_outputs)]
        self._least = [self._least_of(info.inputs[i]) for i in range(info.n_inputs)]
        self._work = np.empty(info.workspace_bytes, np.uint8)
        self._pool = None if threads == 1 else self._runtime.pool_create(threads)
        if threads != 1 and not self._pool:
            raise RuntimeError(f"cannot start {threads} threads")

    @staticmethod
    def _describe(info):
        if info.type not in TYPES:
            raise NotImplementedError(f"{info.name.decode()}: element type {info.type}")
        return info.name.decode(), tuple(info.shape[: info.rank]), np.dtype(TYPES[info.type])

    @staticmethod
    def _least_of(info):
        return tuple((info.min_shape if info.min_shape else info.shape)[: info.rank])

    def __call__(self, **arrays):
        return self.run(arrays)

    def isa(self):
        """The variant that runs on this machine, as a word of --march."""
        name = c.POINTER(c.c_char_p)()  # the name is the first field of a qcc_variant
        self._check(self._runtime.select_variant(c.cast(self._model, c.c_void_p), c.byref(name)))
        return name[0].decode()

    def run(self, arrays):
        """Takes {input name: array}, returns {output name: array}."""
        call, outputs = self.prepare(arrays)
        call()
        return {name: array.reshape(-1)[: np.prod(shape)].reshape(shape) for (name, array), shape in zip(outputs.items(), call.shapes)}

    def prepare(self, arrays):
        """A function that runs the model, again and again, from `arrays` into the
        arrays that come with it: for loops that shall allocate nothing. Where shapes
        have bounds these have the most, and the function's `shapes`, after a call,
        says how much of each, from its front, the run has written."""
        wanted = [name for name, _, _ in self.inputs]
        if sorted(arrays) != sorted(wanted):
            raise ValueError(f"the model takes {wanted}, got {list(arrays)}")
        given = []
        for (name, shape, dtype), least in zip(self.inputs, self._least):
            array = np.asarray(arrays[name])
            fits = array.ndim == len(shape) and all(a <= n <= b for a, n, b in zip(least, array.shape, shape))
            if not fits or array.dtype.newbyteorder("=") != dtype:
                raise ValueError(f"{name}: is {array.shape} of {array.dtype}, should be {shape if least == shape else f'{least} to {shape}'} of {dtype}")
            given.append(np.asarray(array, dtype, order="C"))
        made = [np.empty(shape, dtype) for _, shape, dtype in self.outputs]
        # Behind the tensors' pointers those to their shapes, for models with bounds.
        shapes = [[np.array(array.shape, np.int64) for array in list] for list in (given, made)]
        words = (
            c.cast(self._model, c.c_void_p),
            *((c.c_void_p * (2 * len(a) + 1))(*[array.ctypes.data for array in a + s]) for a, s in zip((given, made), shapes)),
            self._work.ctypes.data,
            self._work.nbytes,
            self._pool,
        )

        def call():
            self._check(self._runtime.run(*words))

        call.arrays = given, made, shapes  # whose memory `words` points into
        call.shapes = shapes[1]
        return call, {name: array for (name, _, _), array in zip(self.outputs, made)}

    def _check(self, status):
        if status:
            raise RuntimeError(self._runtime.status_string(status).decode())

    def close(self):
        """Ends the threads; the model cannot run after it."""
        if self._pool:
            self._runtime.pool_destroy(self._pool)
            self._pool = None


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    model = Model(sys.argv[1])
    given = dict(argument.rsplit("=", 1) for argument in sys.argv[2:])
    arrays = {name: np.load(given[name]) if name in given else np.zeros(shape, dtype) for name, shape, dtype in model.inputs}
    for name, array in model.run(arrays).items():
        print(name, array.shape, array.dtype)
        print(array)


if __name__ == "__main__":
    main()
