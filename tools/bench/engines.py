"""The things that are timed. Each is made in a process of its own (worker.py), has
`run()`, one inference without conversions or allocations of ours, and says what it is:
`isa`, `precision`, `outputs()`."""

import ctypes
import os
import re
import sys
from collections import Counter
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent.parent


def processor_isa():
    """The best of --march's words that the processor has: what a peer may use."""
    flags = next((set(l.split()) for l in open("/proc/cpuinfo") if l.startswith("flags")), set())
    words = {"avx512_bf16": "avx512bf16", "avx512_vnni": "avx512vnni", "avx_vnni": "avxvnni", "avx2": "avx2"}
    return next((word for flag, word in words.items() if flag in flags), os.uname().machine)


class OnnxRuntime:
    def __init__(self, spec, inputs):
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = spec["threads"]
        options.inter_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(spec["model"], options, providers=["CPUExecutionProvider"])
        self.binding = self.session.io_binding()
        for name, array in inputs.items():
            self.binding.bind_cpu_input(name, array)
        self.names = [output.name for output in self.session.get_outputs()]
        for name in self.names:
            self.binding.bind_output(name)
        self.isa, self.precision = f"its choice of {processor_isa()}", None

    def run(self):
        self.session.run_with_iobinding(self.binding)

    def outputs(self):
        return dict(zip(self.names, self.binding.copy_outputs_to_cpu()))


class OpenVino:
    def __init__(self, spec, inputs):
        import openvino

        core = openvino.Core()
        config = {
            "PERFORMANCE_HINT": "LATENCY",
            "NUM_STREAMS": 1,
            "INFERENCE_NUM_THREADS": spec["threads"],
            "ENABLE_CPU_PINNING": False,  # the process is pinned already
        }
        model = core.compile_model(core.read_model(spec["model"]), "CPU", config)
        self.request = model.create_infer_request()
        for port in model.inputs:
            self.request.set_tensor(port, openvino.Tensor(inputs[port.get_any_name()], shared_memory=True))
        self.kept = inputs, model  # the request holds no reference to either
        self.names = [port.get_any_name() for port in model.outputs]
        self.isa, self.precision = self.describe(model)

    @staticmethod
    def describe(model):
        """What most convolutions use, such as avx512 and bf16; else most products; else most operators."""
        info = [{k: v.astype(str) for k, v in n.get_rt_info().items()} for n in model.get_runtime_model().get_ops()]
        of = {kind: [i for i in info if i["layerType"] == kind] for kind in ("Convolution", "FullyConnected", "RNNSeq")}
        layers = next((found for found in of.values() if found), info)
        isa = Counter(w for i in layers for w in i["primitiveType"].split("_") if re.match("avx|sse|amx", w))
        precision = Counter(i["runtimePrecision"] for i in layers)
        words = {"u8": "int8", "i8": "int8", "f32": "fp32", "f16": "fp16"}
        precision = precision.most_common(1)[0][0]
        return " ".join(w for w, _ in isa.most_common(1)) or "unknown", words.get(precision, precision)

    def run(self):
        self.request.infer()

    def outputs(self):
        return {name: np.array(self.request.get_tensor(name).data) for name in self.names}


class Qcc:
    def __init__(self, spec, inputs):
        sys.path.insert(0, str(ROOT / "docs/examples"))
        from run_so import Model

        self.model = Model(spec["model"], spec["threads"])
        self.run, self.results = self.model.prepare(inputs)
        self.isa, self.precision = self.model.isa(), None

    def outputs(self):
        return self.results


class Peak:
    """Not an inference: how fast the core multiplies and adds while the others are timed."""

    def __init__(self, spec, inputs):
        self.function = ctypes.CDLL(spec["model"]).qcc_bench_peak
        self.function.restype = ctypes.c_double
        self.words = (spec["isa"].encode(), spec["precision"].encode(), spec["threads"])
        self.isa, self.precision = spec["isa"], spec["precision"]
        self.rate = 0.0

    def run(self):
        self.rate = max(self.rate, self.function(*self.words))

    def outputs(self):
        return {}


KINDS = {"onnxruntime": OnnxRuntime, "openvino": OpenVino, "qcc": Qcc, "peak": Peak}
