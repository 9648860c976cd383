"""A GPU in Python: does with a compiled model's table of launches what runtime/cuda.c does, on test/e2e/ptx.py."""

import ctypes as c

import numpy as np

import ptx


def structure(name, *fields):
    return type(name, (c.Structure,), {"_fields_": [(field, kind) for field, kind in fields]})


u32, u64, text, pointer = c.c_uint32, c.c_uint64, c.c_char_p, c.c_void_p
Image = structure("Image", ("sm", u32), ("reserved", u32), ("isa", text), ("ptx", text), ("cubin", pointer))
Pointer = structure("Pointer", ("space", u32), ("index", u32), ("offset", u64))
Step = structure(
    "Step", ("kernel", text), ("pointers", c.POINTER(Pointer)), ("n_pointers", u32), ("blocks", u32), ("threads", u32),
    ("reserved", u32),
)  # fmt: skip
Program = structure(
    "Program", ("run", pointer), ("n_images", u32), ("n_steps", u32), ("images", c.POINTER(Image)),
    ("steps", c.POINTER(Step)), ("constants", pointer), ("constants_bytes", u64), ("workspace_bytes", u64),
    ("run_async", pointer),
)  # fmt: skip
Port = structure(
    "Port", ("name", text), ("c_name", text), ("type", u32), ("rank", u32), ("shape", pointer), ("min_shape", pointer),
    ("bytes", u64), ("scale", c.c_double), ("zero_point", c.c_int64),
)  # fmt: skip
Model = structure(
    "Model", ("versions", u64), ("name", text), ("manifest", text), ("run", pointer), ("runtime", pointer),
    ("n_inputs", u32), ("n_outputs", u32), ("inputs", c.POINTER(Port)), ("outputs", c.POINTER(Port)),
    ("workspace_bytes", u64), ("weights_bytes", u64), ("n_steps", u32), ("n_variants", u32), ("steps", pointer),
    ("variants", pointer), ("device", u32), ("reserved", u32), ("device_data", c.POINTER(Program)),
)  # fmt: skip


class Device:
    """A shared object's model for one generation of GPUs."""

    def __init__(self, library, isa):
        self.library = c.CDLL(str(library))
        self.library.qcc_get_model.restype = c.POINTER(Model)
        self.model = self.library.qcc_get_model().contents
        assert self.model.device == 1, "it is no model for CUDA"
        self.program = self.model.device_data.contents
        images = {image.isa.decode(): image for image in self.program.images[: self.program.n_images]}
        self.kernels = ptx.parse(images[isa].ptx.decode())

    def run(self, *inputs):
        """Arrays of the outputs' bytes by the names of their files; of bounded ones those of the run's shape, which the
        inputs' say."""
        memory, end = [], 0

        def place(data):
            nonlocal end
            start = end
            end += -(-(len(data) + 64) // 256) * 256
            memory.append((start, data))
            return start

        constants = c.string_at(self.program.constants, self.program.constants_bytes)
        shape_of = lambda array: np.array(array.shape, np.int64).tobytes()
        spaces = {
            0: [place(array.tobytes()) for array in inputs],
            1: [place(bytes(port.bytes)) for port in self.model.outputs[: self.model.n_outputs]],
            2: [place(b"\xff" * self.program.workspace_bytes)],
            3: [place(constants)],
            4: [place(shape_of(array)) for array in inputs],
            5: [place(bytes(8 * port.rank)) for port in self.model.outputs[: self.model.n_outputs]],
        }
        device = np.full(end, 0xFF, np.uint8)  # NaNs, where it is read as floats
        for start, data in memory:
            device[start : start + len(data)] = np.frombuffer(data, np.uint8)
        for step in self.program.steps[: self.program.n_steps]:
            at = [spaces[p.space][p.index] + p.offset + ptx.BASE for p in step.pointers[: step.n_pointers]]
            kernel = self.kernels[step.kernel.decode()]
            assert kernel.threads == step.threads
            ptx.Grid(kernel, device, at, step.blocks).run()
        found = {}
        for start, of_shape, port in zip(spaces[1], spaces[5], self.model.outputs[: self.model.n_outputs]):
            size = port.bytes
            if port.min_shape:
                most = np.ctypeslib.as_array(c.cast(port.shape, c.POINTER(c.c_int64)), (port.rank,))
                size = size // most.prod() * device[of_shape : of_shape + 8 * port.rank].view(np.int64).prod()
            found[port.name.decode().replace("/", "_")] = device[start : start + size].tobytes()
        return found
